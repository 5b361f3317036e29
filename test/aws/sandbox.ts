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

export function lambdaFunction(options: LambdaFunctionOptions): LambdaFunction {
  const idle: ChildProcess[] = [];
  const started = new Set<ChildProcess>();
  const log: string[] = [];
  return {
    log,
    async invoke(event) {
      const sandbox = idle.pop() ?? startSandbox(options, log);
      started.add(sandbox);
      const answer = await answerOf(sandbox, {
        event,
        requestId: randomUUID(),
        deadline: Date.now() + options.timeoutMs,
      });
      idle.push(sandbox);
      if ('error' in answer) throw new Error(answer.error);
      return answer.result;
    },
    async stop() {
      const running = [...started].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
      const ends = running.map((sandbox) => once(sandbox, 'exit'));
      for (const sandbox of running) sandbox.kill('SIGKILL');
      await Promise.all(ends);
    },
  };
}

function startSandbox({ folder, environment, memoryMb }: LambdaFunctionOptions, log: string[]): ChildProcess {
  const sandbox = fork(join(import.meta.dirname, 'sandbox-process.ts'), [join(folder, 'index.mjs')], {
    env: { ...environment },
    execArgv: [`--max-old-space-size=${memoryMb}`],
    silent: true,
  });
  for (const stream of [sandbox.stdout, sandbox.stderr]) {
    if (stream) createInterface(stream).on('line', (line) => log.push(line));
  }
  return sandbox;
}

function answerOf(sandbox: ChildProcess, invocation: Invocation): Promise<InvocationAnswer> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) =>
      reject(new Error(`sandbox ended with ${code} in the middle of an invocation`));
    sandbox.once('exit', onExit);
    sandbox.once('message', (answer: InvocationAnswer) => {
      sandbox.off('exit', onExit);
      resolve(answer);
    });
    sandbox.send(invocation);
  });
}
