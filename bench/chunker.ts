/** How far is the chunker from its floor? Chunks one dump in several ways, in turns with merely decompressing and compressing it. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readNumber } from '../cli/usage.ts';
import type { ChunkedAlone } from './chunk-alone.ts';
import importer, { PRODUCTS, type Variant } from './chunker.config.ts';
import { generateDump, type MadeDump } from './generate-dump.ts';
import type { Bench } from './main.ts';
import { type Spread, spreadOf } from './spread.ts';

const MB = 1_000_000;

/** CPU of the chunker by that of the floor. */
const PROMISED: Readonly<Record<Variant, number>> = {
  'pass-through': 1.9,
  'with-join': 1.9,
  'with-join-set-hash': 3.5,
  function: 3.5,
  declarative: 5,
};

const HELP = `npm run bench -- chunker [options]

Chunks a gzipped dump in a process of its own: from a file, with a queue that only counts. In turns with the floor, which
decompresses the same dump and compresses the same bytes at level 1. Ratios are of CPU seconds of all threads, within a
round. Fails when an event is lost or doubled, or when a ratio is above what is promised.

  --size <MB>     the dump before compression: 600 MB are a million events (default: 600)
  --rounds <n>    (default: 3)`;

export const chunkerBench: Bench = {
  summary: 'CPU of the chunker against its floor: passed through, with additions, mapped',
  help: HELP,
  options: { size: { type: 'string', default: '600' }, rounds: { type: 'string', default: '3' } },
  async run(values) {
    const number = (name: string, max: number) => readNumber(name, values[name], 1, max) ?? 1;
    const { rows, problems } = await measureChunker(number('size', 100_000), number('rounds', 100));
    console.log('                       CPU s per M           ratio to floor        events/s   cores');
    for (const { name, cpuPerMillion, ratio, eventsPerSecond, cores } of rows) {
      console.log(
        `  ${name.padEnd(20)}${show(cpuPerMillion, 2)}${show(ratio, 2)}${eventsPerSecond.toFixed(0).padStart(9)}${cores.toFixed(2).padStart(8)}`,
      );
    }
    return problems;
  },
};

/** One way of chunking, or the floor (whose ratio is 1). */
export type ChunkerRow = {
  readonly name: Variant | 'floor';
  /** CPU seconds per million events, over the rounds. */
  readonly cpuPerMillion: Spread;
  /** CPU by that of the floor in the same round. */
  readonly ratio: Spread;
  /** Median, of elapsed time. */
  readonly eventsPerSecond: number;
  /** Median of CPU by elapsed time: beyond 1, reading, scanning and compressing went on at once. */
  readonly cores: number;
  /** Of the ratio; left out for the floor. */
  readonly promised?: number;
};

type Taken = { readonly cpuSeconds: number; readonly seconds: number };

/** `problems`: what was lost or doubled, and what is not as promised. */
export async function measureChunker(
  megabytes: number,
  rounds: number,
): Promise<{ readonly rows: readonly ChunkerRow[]; readonly problems: readonly string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-bench-'));
  try {
    const made = await writeChunkerDump(directory, megabytes);
    const names = ['floor', ...importer.sources.map(({ name }) => name)] as ChunkerRow['name'][];
    const taken = new Map<string, Taken[]>(names.map((name) => [name, []]));
    for (let round = 1; round <= rounds; round += 1) {
      console.error(`chunker: round ${round} of ${rounds}`);
      for (const name of names) taken.get(name)?.push(await runAlone(name, directory));
    }
    const rows = names.map((name) => rowOf(name, taken, made));
    const checked = await Promise.all(importer.sources.map(({ name }) => checkArrived(name, directory, made)));
    return { rows, problems: [...checked.flat(), ...rows.flatMap(problemOf)] };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What `chunk-alone.ts` and `floor.ts` expect: the dump, and the file that is joined. */
export async function writeChunkerDump(directory: string, megabytes: number): Promise<MadeDump> {
  console.error(`writing a dump of ${megabytes} MB`);
  const products = Array.from({ length: 5_000 }, (_, i) => `p-${i},category-${i % 40},Verlag ${i % 300} & Söhne\n`);
  writeFileSync(join(directory, PRODUCTS), `id,category,publisher\n${products.join('')}`);
  return generateDump(join(directory, 'dump.ndjson.gz'), { rawBytes: megabytes * MB, gzip: true });
}

async function runAlone(name: string, directory: string, ...more: readonly string[]): Promise<ChunkedAlone> {
  const [script, ...args] = name === 'floor' ? ['floor.ts', directory] : ['chunk-alone.ts', name, directory, ...more];
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, script ?? ''), ...args]);
  return JSON.parse(stdout) as ChunkedAlone;
}

async function checkArrived(name: string, directory: string, { events }: MadeDump): Promise<readonly string[]> {
  const { arrived } = await runAlone(name, directory, 'check');
  if (arrived?.once === events && arrived.more === 0 && arrived.strange === 0) return [];
  return [`${name}: of ${events} events arrived ${JSON.stringify(arrived)}`];
}

function rowOf(
  name: ChunkerRow['name'],
  taken: ReadonlyMap<string, readonly Taken[]>,
  { events }: MadeDump,
): ChunkerRow {
  const [own, floor] = [taken.get(name) ?? [], taken.get('floor') ?? []];
  return {
    name,
    cpuPerMillion: spreadOf(own.map(({ cpuSeconds }) => (cpuSeconds / events) * 1e6)),
    ratio: spreadOf(own.map(({ cpuSeconds }, i) => cpuSeconds / (floor[i]?.cpuSeconds ?? Number.NaN))),
    eventsPerSecond: events / spreadOf(own.map(({ seconds }) => seconds)).median,
    cores: spreadOf(own.map(({ cpuSeconds, seconds }) => cpuSeconds / seconds)).median,
    ...(name !== 'floor' && { promised: PROMISED[name] }),
  };
}

function problemOf({ name, ratio, promised }: ChunkerRow): readonly string[] {
  if (promised === undefined || ratio.median <= promised) return [];
  return [`${name}: takes ${ratio.median.toFixed(2)} times the CPU of the floor, promised at most ${promised}`];
}

function show({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits).padStart(6)} (${min.toFixed(digits)}-${max.toFixed(digits)})`.padEnd(22);
}
