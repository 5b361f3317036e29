/** `npm run bench`: everything that is promised in figures, measured in one run and printed beside what was promised. */
import { arch, cpus, release, totalmem, type } from 'node:os';
import { readNumber } from '../cli/usage.ts';
import { type ChunkerRow, measureChunker } from './chunker.ts';
import { measureColdStart } from './cold-start.ts';
import { type Contestant, measureEndToEnd, MIXPANEL, OURS, USUAL } from './end-to-end.ts';
import { installPeers } from './install-peers.ts';
import type { Bench } from './main.ts';
import { measureMemory, type MemoryRow } from './memory.ts';
import { type Spread, spreadOf } from './spread.ts';
import { printTargets, type Found } from './targets.ts';
import { measureUploader, type UploaderRow } from './uploader.ts';

const HELP = `npm run bench [-- options]

Measures everything once, in turns where things are compared: the chunker against its floor; the uploader; a whole import against what
people use (installed at the first run into the user's cache; without a network they are left out); and memory. Prints
medians (least to most), ratios within a round, and the targets with this run's figures beside them. Fails when an event was
lost or doubled by us, or memory is not as promised; what others lose is printed. bench/README.md says how each is run.

  --quick         one round of little dumps, in a minute or two: too short for good figures
  --size <MB>     the dumps before compression: 300 MB are 489,000 events (default: 300); of a shorter one, a good part is the start
  --rounds <n>    (default: 3)
  --large <MB>    the largest dump of memory; 10000 for the target (default: 1000)`;

export const suiteBench: Bench = {
  summary: 'all that is promised, and the peers, in one run: what runs without a name',
  help: HELP,
  options: {
    quick: { type: 'boolean' },
    size: { type: 'string', default: '' },
    rounds: { type: 'string', default: '' },
    large: { type: 'string', default: '' },
  },
  async run(values) {
    const isQuick = values.quick !== undefined;
    const number = (name: string, quick: number, otherwise: number) =>
      readNumber(name, values[name] || String(isQuick ? quick : otherwise), 1, 100_000) ?? otherwise;
    const [size, rounds] = [number('size', 20, 300), number('rounds', 1, 3)];
    const large = number('large', 60, 1_000);
    console.log(
      `${type()} ${release()} ${arch()}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${gigabytes()} GB, Node ${process.version}`,
    );

    const peers = installPeers();
    const chunker = await measureChunker(size, rounds);
    printChunker(chunker.rows);
    // An uploader's first chunks do not count, so that it needs more of them.
    const uploader = await measureUploader(size * 2, rounds);
    printUploader(uploader.rows);
    const contestants = await measureEndToEnd(size, rounds, peers);
    printEndToEnd(contestants);
    const memory = await measureMemory(isQuick ? [large] : [200, large], ['embedded'], 1);
    printMemory(memory.rows);
    const { kilobytes, ms } = measureColdStart(isQuick ? 1 : 5);
    const starts = { bundle: kilobytes, coldStart: ms.median };
    printTargets({ ...foundOf(chunker.rows, uploader.rows, contestants, memory.rows), ...starts });

    const ours = contestants.find(({ name }) => name === OURS)?.loss;
    // A target that is missed is printed, and no failure: this run's machine may be busy.
    const lost = chunker.problems.filter((problem) => !problem.includes('promised at most'));
    return [...lost, ...uploader.problems, ...(ours === undefined ? [] : [`${OURS}: ${ours}`]), ...memory.problems];
  },
};

function foundOf(
  chunker: readonly ChunkerRow[],
  uploader: readonly UploaderRow[],
  contestants: readonly Contestant[],
  memory: readonly MemoryRow[],
): Omit<Found, 'bundle' | 'coldStart'> {
  const ratio = (name: ChunkerRow['name']) => chunker.find((row) => row.name === name)?.ratio.median;
  const cpu = (uploads: UploaderRow['uploads']) =>
    uploader.find((row) => row.uploads === uploads)?.cpuPerMillion.median;
  const against = (name: string) => {
    const its = contestants.find((one) => one.name === name)?.ratio.median;
    return its === undefined ? undefined : 1 / its;
  };
  return {
    passThrough: ratio('with-join'),
    mapped: ratio('function'),
    identity: cpu('identity'),
    gzip: cpu('gzip'),
    mixpanel: against(MIXPANEL),
    usual: against(USUAL),
    memory: memory.at(-1)?.peakMb,
    memoryOf: memory.at(-1)?.megabytes,
  };
}

function printChunker(rows: readonly ChunkerRow[]): void {
  console.log('\nchunker                  CPU s per M events    to the floor          events/s   cores');
  for (const { name, cpuPerMillion, ratio, eventsPerSecond, cores } of rows) {
    const figures = `${show(cpuPerMillion, 2)}${show(ratio, 2)}${whole(eventsPerSecond).padStart(8)}`;
    console.log(`  ${name.padEnd(23)}${figures}${cores.toFixed(2).padStart(8)}`);
  }
}

function printUploader(rows: readonly UploaderRow[]): void {
  console.log('\nuploader                 CPU s per M events                          events/s');
  for (const { uploads, cpuPerMillion, eventsPerSecond } of rows) {
    console.log(`  ${uploads.padEnd(23)}${show(cpuPerMillion, 2)}${''.padEnd(22)}${whole(eventsPerSecond)}`);
  }
}

function printEndToEnd(contestants: readonly Contestant[]): void {
  console.log(
    '\nend to end                          events/s               CPU s per M         by ours             peak MB',
  );
  for (const { name, eventsPerSecond, cpuPerMillion, ratio, peakMb, loss } of contestants) {
    const figures = `${show(eventsPerSecond, 0)} ${show(cpuPerMillion, 1)}${show(ratio, 2)}${show(peakMb, 0)}`;
    console.log(`  ${name.padEnd(34)}${figures}\n    ${loss ?? 'every event arrived exactly once'}`);
  }
}

function printMemory(rows: readonly MemoryRow[]): void {
  console.log('\nmemory, embedded         peak MB   to full lanes   events/s');
  for (const { megabytes, events, peakMb, ratio, rounds } of rows) {
    const { median } = spreadOf(rounds.map(({ seconds }) => events / seconds));
    const figures = `${peakMb.toFixed(0).padStart(7)}${(ratio?.toFixed(2) ?? '').padStart(16)}${whole(median).padStart(11)}`;
    console.log(`  ${`${megabytes} MB`.padEnd(23)}${figures}`);
  }
}

function show({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`.padEnd(22);
}

function whole(value: number): string {
  return value.toFixed(0);
}

function gigabytes(): string {
  return (totalmem() / 2 ** 30).toFixed(0);
}
