/** Runs a script in a process of its own, and says what that took: of the whole process, its start and all threads included. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import type { Usage } from './report-usage.ts';

export type Took = Usage & { readonly seconds: number };
export type Measured = Took & { readonly printed: string };

export type MeasuredScript = {
  /** Absolute. */
  readonly script: string;
  readonly args: readonly string[];
  /** For Node. */
  readonly options?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Another child's output, which nobody else reads; becomes its standard input. */
  readonly input?: Readable;
  /** Exit codes that are no failure; 0 alone by default. */
  readonly fine?: readonly number[];
};

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'report-usage.ts')).href;

/** With all that it printed. Throws when it fails. */
export async function runMeasured(script: MeasuredScript): Promise<Measured> {
  const { output, took } = startMeasured(script);
  const [printed, usage] = await Promise.all([text(output), took]);
  return { ...usage, printed };
}

/** `output` has to be read, or become the input of another one. `took` rejects when it fails. */
export function startMeasured({ script, args, options = [], env = {}, input, fine = [0] }: MeasuredScript): {
  readonly output: Readable;
  readonly took: Promise<Took>;
} {
  const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-usage-'));
  const usageFile = join(directory, 'usage.json');
  const began = performance.now();
  const child = spawn(process.execPath, ['--import', PRELOAD, ...options, script, ...args], {
    stdio: [input ?? 'ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env, BENCH_USAGE: usageFile },
  });
  input?.destroy(); // ours is a second end of the same pipe, and the child has its own now
  async function ended(): Promise<Took> {
    try {
      const [code] = (await once(child, 'exit')) as [number | null];
      const seconds = (performance.now() - began) / 1_000;
      if (!fine.includes(code ?? -1)) throw new Error(`${script} ended with exit code ${code}`);
      return { ...(JSON.parse(readFileSync(usageFile, 'utf8')) as Usage), seconds };
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  const output = child.stdout;
  if (!output) throw new Error('expected a child with an output');
  return { output, took: ended() };
}
