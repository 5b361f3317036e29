/** How large are the functions' bundles, and how long does each take to load in a process that has just started? */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Spread, spreadOf } from './spread.ts';

export type ColdStart = {
  /** Of what the largest bundle loads at its start. */
  readonly kilobytes: number;
  /** From the start of Node to the end of loading, of whichever takes longest, over the rounds. */
  readonly ms: Spread;
};

/** Of the bundles as `cdk deploy` would upload them. */
export function measureColdStart(rounds: number): ColdStart {
  const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-bench-'));
  try {
    console.error('cold start: synthesizing the stack');
    const app = join(import.meta.dirname, '..', 'cdk', 'app.ts');
    execFileSync(process.execPath, [app], {
      cwd: join(import.meta.dirname, '..'),
      env: { ...process.env, CDK_OUTDIR: directory },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const bundles = globSync('asset.*/index.mjs', { cwd: directory }).map((bundle) => join(directory, bundle));
    const perRound = Array.from({ length: rounds }, () => Math.max(...bundles.map(msToLoad)));
    return {
      kilobytes: Math.max(...bundles.map((bundle) => bytesAtStart(bundle))) / 1_000,
      ms: spreadOf(perRound),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function msToLoad(bundle: string): number {
  const script = `await import(${JSON.stringify(pathToFileURL(bundle).href)}); console.log(performance.now()); process.exit()`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', script]).toString());
}

/** Of a file and of all that it imports at once; what it imports with `import()` is for later. */
function bytesAtStart(file: string, counted: Set<string> = new Set()): number {
  if (counted.has(file)) return 0;
  counted.add(file);
  const code = readFileSync(file);
  const imported = code.toString().matchAll(/(?:from|import)"(\.\/[^"]+\.mjs)"/g);
  return [...imported].reduce(
    (bytes, [, other = '']) => bytes + bytesAtStart(join(dirname(file), other), counted),
    code.length,
  );
}
