/** Where does the chunker's time go? Writes a CPU profile of it alone, and prints the functions that took most. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { readNumber, UsageError } from '../cli/usage.ts';
import { writeChunkerDump } from './chunker.ts';
import importer from './chunker.config.ts';
import type { Bench } from './main.ts';

const NAMES = importer.sources.map(({ name }) => name).join(', ');

const HELP = `npm run bench -- profile [options]

Chunks a generated dump as \`chunker\` does, under V8's sampling profiler, and prints the ten functions with the most time of
their own (of the main thread: compression is on others). The profile can be opened in Chrome's DevTools.

  --variant <name>  one of ${NAMES}
                    (default: with-join)
  --size <MB>       the dump before compression (default: 300)
  --out <file>      where the profile goes (default: chunker.cpuprofile)`;

export const profileBench: Bench = {
  summary: 'a CPU profile of the chunker, and the ten functions that take most of its time',
  help: HELP,
  options: {
    variant: { type: 'string', default: 'with-join' },
    size: { type: 'string', default: '300' },
    out: { type: 'string', default: 'chunker.cpuprofile' },
  },
  async run({ variant = '', size, out = '' }) {
    if (!importer.sources.some(({ name }) => name === variant))
      throw new UsageError(`--variant: found "${variant}", expected one of ${NAMES}`);
    const megabytes = readNumber('size', size, 1, 100_000) ?? 1;
    const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-bench-'));
    try {
      await writeChunkerDump(directory, megabytes);
      const path = resolve(out);
      const profiling = ['--cpu-prof', `--cpu-prof-name=${basename(path)}`, `--cpu-prof-dir=${dirname(path)}`];
      const script = join(import.meta.dirname, 'chunk-alone.ts');
      await promisify(execFile)(process.execPath, [...profiling, script, variant, directory]);
      for (const line of topSelfTimes(JSON.parse(readFileSync(path, 'utf8')) as Profile)) console.log(line);
      console.log(`\n${path}`);
      return [];
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

/** Of V8's format what is read here (https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile). */
export type Profile = {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** The node that each sample found. */
  readonly samples: readonly number[];
  /** µs since the sample before. */
  readonly timeDeltas: readonly number[];
};

const SHOWN = 10;

/** The functions with the most time of their own, the most first; `(idle)` is waiting for other threads. */
export function topSelfTimes({ nodes, samples, timeDeltas }: Profile, shown = SHOWN): string[] {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const where = url === '' ? '' : `  ${basename(url)}:${lineNumber + 1}`;
      return [id, `${functionName === '' ? '(anonymous)' : functionName}${where}`];
    }),
  );
  const times = new Map<string, number>();
  let whole = 0;
  for (const [i, id] of samples.entries()) {
    const name = names.get(id) ?? '(unknown)';
    const micros = timeDeltas[i] ?? 0;
    times.set(name, (times.get(name) ?? 0) + micros);
    whole += micros;
  }
  return [...times]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, shown)
    .map(([name, micros]) => {
      const share = ((100 * micros) / whole).toFixed(1).padStart(5);
      return `${(micros / 1e6).toFixed(2).padStart(7)} s ${share} %  ${name}`;
    });
}
