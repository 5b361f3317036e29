/** Runs a script in a process of its own, and says what that took: of the whole process, its start and all threads included. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import type { Usage } from './report-usage.ts';

export type Measured = Usage & { readonly seconds: number; readonly printed: string };

export type MeasuredScript = {
  /** Absolute. */
  readonly script: string;
  readonly args: readonly string[];
  /** For Node. */
  readonly options?: readonly string[];
  /** Exit codes that are no failure; 0 alone by default. */
  readonly fine?: readonly number[];
};

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'report-usage.ts')).href;

/** Throws when it fails. */
export async function runMeasured({ script, args, options = [], fine = [0] }: MeasuredScript): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-usage-'));
  const usageFile = join(directory, 'usage.json');
  try {
    const began = performance.now();
    const child = spawn(process.execPath, ['--import', PRELOAD, ...options, script, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, BENCH_USAGE: usageFile },
    });
    const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    const seconds = (performance.now() - began) / 1_000;
    if (!fine.includes(Number(code ?? -1))) throw new Error(`${script} ended with exit code ${String(code)}: ${printed}`);
    return { ...(JSON.parse(readFileSync(usageFile, 'utf8')) as Usage), seconds, printed };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
