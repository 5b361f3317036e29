/** Runs the command line as a person does: another process, its output, its exit code. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Receipt } from '../../shared/receipt.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

export type Finished = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** A process that runs, and how it ends. */
export function startCli(args: readonly string[], env: Readonly<Record<string, string>> = {}, cwd?: string) {
  return startProcess(process.execPath, [MAIN, ...args], env, cwd);
}

export function startProcess(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd?: string,
) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const finished = new Promise<Finished>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  return { child, finished, printed: () => stdout };
}

export function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Finished> {
  return startCli(args, env, cwd).finished;
}

/** What `--json` printed. */
export function receiptsOf({ stdout }: Finished): Receipt[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Receipt);
}

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
