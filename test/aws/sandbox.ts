/** A function as Lambda runs it: its bundle in processes of their own, one for each invocation at a time, kept for the next. */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type Invocation = { readonly event: unknown; readonly requestId: string; readonly deadline: number };
export type InvocationAnswer = { readonly result: unknown } | { readonly error: string };

export type LambdaFunction = {
  /** Rejects when the handler throws or its process ends. */
  invoke(event: unknown): Promise<unknown>;
  /** Ends the sandbox with this session token, whatever it is at. */
  kill(session: string): void;
  /** Every line that was written so far. */
  readonly log: readonly string[];
  stop(): Promise<void>;
};

export type LambdaFunctionOptions = {
  /** The folder of its code. */
  readonly folder: string;
  /** All of it: the processes get no other. */
  readonly environment: Readonly<Record<string, string>>;
  readonly memoryMb: number;
  readonly timeoutMs: number;
};

type Sandbox = { readonly session: string; readonly process: ChildProcess };

export function lambdaFunction(options: LambdaFunctionOptions): LambdaFunction {
  const idle: Sandbox[] = [];
  const started = new Map<string, ChildProcess>();
  const log: string[] = [];
  return {
    log,
    async invoke(event) {
      const sandbox = idle.pop() ?? (await startSandbox(options, log, started));
      const deadline = Date.now() + options.timeoutMs;
      const timer = setTimeout(() => sandbox.process.kill('SIGKILL'), options.timeoutMs);
      const invocation = { event, requestId: randomUUID(), deadline };
      const answer = await answerOf(sandbox.process, invocation).finally(() => clearTimeout(timer));
      idle.push(sandbox);
      if ('error' in answer) throw new Error(answer.error);
      return answer.result;
    },
    kill: (session) => void started.get(session)?.kill('SIGKILL'),
    async stop() {
      const running = [...started.values()].filter(
        ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
      );
      const ends = running.map((sandbox) => once(sandbox, 'exit'));
      for (const sandbox of running) sandbox.kill('SIGKILL');
      await Promise.all(ends);
    },
  };
}

/** Resolves when the bundle is loaded, which does not count as time of an invocation. */
async function startSandbox(
  { folder, environment, memoryMb }: LambdaFunctionOptions,
  log: string[],
  started: Map<string, ChildProcess>,
): Promise<Sandbox> {
  const session = randomUUID();
  const sandbox = fork(join(import.meta.dirname, 'sandbox-process.ts'), [join(folder, 'index.mjs')], {
    env: { ...environment, AWS_SESSION_TOKEN: session },
    execArgv: [`--max-old-space-size=${memoryMb}`],
    silent: true,
  });
  started.set(session, sandbox);
  for (const stream of [sandbox.stdout, sandbox.stderr]) {
    if (stream) createInterface(stream).on('line', (line) => log.push(line));
  }
  await Promise.race([once(sandbox, 'message'), once(sandbox, 'exit')]);
  return { session, process: sandbox };
}

function answerOf(sandbox: ChildProcess, invocation: Invocation): Promise<InvocationAnswer> {
  return new Promise((resolve, reject) => {
    if (!sandbox.connected) throw new Error('sandbox ended before its invocation');
    const onExit = () => reject(new Error('sandbox ended in the middle of an invocation'));
    sandbox.once('exit', onExit);
    sandbox.once('message', (answer: InvocationAnswer) => {
      sandbox.off('exit', onExit);
      resolve(answer);
    });
    sandbox.send(invocation, (error) => error && reject(error));
  });
}
