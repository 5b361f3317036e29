/** Is memory flat in the size of the dump? Chunker, uploader and embedded engine on dumps of several sizes, which lie nowhere. */
import { readNumber, UsageError } from '../cli/usage.ts';
import type { Bench } from './main.ts';
import { measureEmbedded, measurePiped, STAGES, type Stage } from './measure-stages.ts';
import type { Took } from './run-measured.ts';
import { median } from './spread.ts';

/** Promised: a small machine is enough, whatever the size; and however long the dump, hardly more than one takes that fills all lanes. */
const MAX_PEAK_MB = 350;
const MAX_RATIO = 1.15;

/**
 * From here on a dump has all 32 lanes (shared/config.ts, and CHUNKS_PER_LANE in lambdas/chunker/lanes.ts: 320,000 events), and
 * more than one segment. A smaller one has fewer, and ends before its memory has reached its level.
 */
const ALL_LANES_MB = 200;

const HELP = `npm run bench -- memory [options]

Runs each stage in a process of its own, on a dump of each size: the chunker by itself, whose messages go to the uploader by
itself, and the embedded engine. The dumps are made as they are read, and lie nowhere; a sink takes the events. Fails when an
event is lost or doubled, when a peak is above ${MAX_PEAK_MB} MB, or when one is more than ${MAX_RATIO} times that of the
smallest dump that fills all lanes, which takes ${ALL_LANES_MB} MB.

  --sizes <MB,…>  the dumps, uncompressed, the smallest first (default: 10,200,1000)
  --large <MB>    one more: 10000 takes a quarter of an hour
  --stages <…>    some of ${STAGES.join(',')}: the uploader needs the chunker (default: all)
  --rounds <n>    how often each is run; medians are compared (default: 1)`;

export const memoryBench: Bench = {
  summary: 'peak memory of each stage on dumps from 10 MB to 1 GB, or 10',
  help: HELP,
  options: {
    sizes: { type: 'string', default: '10,200,1000' },
    large: { type: 'string', default: '' },
    stages: { type: 'string', default: STAGES.join(',') },
    rounds: { type: 'string', default: '1' },
  },
  async run({ sizes = '', large = '', stages = '', rounds }) {
    const megabytes = [...sizes.split(','), large]
      .filter((size) => size !== '')
      .map((size) => readNumber('sizes', size, 1, 1_000_000) ?? 1);
    const wanted = stages.split(',').map((name) => STAGES.find((stage) => stage === name) ?? fail(name));
    const { rows, problems } = await measureMemory(megabytes, wanted, readNumber('rounds', rounds, 1, 100) ?? 1);
    console.log('             dump MB      events   peak MB   to full lanes   CPU s per M   events/s');
    for (const row of rows) console.log(toLine(row));
    return problems;
  },
};

function fail(name: string): never {
  throw new UsageError(`--stages: found "${name}", expected some of ${STAGES.join(', ')}`);
}

export type MemoryRow = {
  readonly stage: Stage;
  readonly megabytes: number;
  readonly events: number;
  /** Median of the rounds. */
  readonly peakMb: number;
  /** By the peak of the smallest dump that fills all lanes; of those below that and of itself undefined. */
  readonly ratio: number | undefined;
  readonly rounds: readonly Took[];
};

export async function measureMemory(
  sizes: readonly number[],
  stages: readonly Stage[],
  rounds: number,
): Promise<{ readonly rows: readonly MemoryRow[]; readonly problems: readonly string[] }> {
  const problems: string[] = [];
  const rows: MemoryRow[] = [];
  for (const megabytes of sizes) {
    const taken = new Map<Stage, Took[]>(stages.map((stage) => [stage, []]));
    let events = 0;
    for (let round = 1; round <= rounds; round += 1) {
      console.error(`memory: ${megabytes} MB, round ${round} of ${rounds}`);
      const measures = [
        ...(stages.some((stage) => stage !== 'embedded') ? [measurePiped] : []),
        ...(stages.includes('embedded') ? [measureEmbedded] : []),
      ];
      for (const measure of measures) {
        const measured = await measure(megabytes);
        events = measured.events;
        problems.push(...measured.problems);
        for (const stage of stages) taken.get(stage)?.push(...[measured.took[stage] ?? []].flat());
      }
    }
    for (const [stage, took] of taken) {
      const peakMb = median(took.map((one) => one.peakMb));
      const full = rows.find((row) => row.stage === stage && row.megabytes >= ALL_LANES_MB);
      rows.push({ stage, megabytes, events, peakMb, ratio: full && peakMb / full.peakMb, rounds: took });
    }
  }
  return { rows, problems: [...problems, ...rows.flatMap(problemsOf)] };
}

function problemsOf({ stage, megabytes, peakMb, ratio }: MemoryRow): string[] {
  const of = `${stage}, ${megabytes} MB: the peak is`;
  return [
    ...(peakMb > MAX_PEAK_MB ? [`${of} ${peakMb.toFixed(0)} MB, promised at most ${MAX_PEAK_MB}`] : []),
    ...(ratio !== undefined && ratio > MAX_RATIO
      ? [`${of} ${ratio.toFixed(2)} times that of a dump that fills all lanes, promised at most ${MAX_RATIO}`]
      : []),
  ];
}

function toLine({ stage, megabytes, events, peakMb, ratio, rounds }: MemoryRow): string {
  const cpu = median(rounds.map(({ cpuSeconds }) => cpuSeconds));
  const seconds = median(rounds.map((round) => round.seconds));
  const cells: [number | undefined, number, number][] = [
    [megabytes, 10, 0],
    [events, 12, 0],
    [peakMb, 10, 0],
    [ratio, 16, 2],
    [(cpu / events) * 1e6, 14, 1],
    [events / seconds, 11, 0],
  ];
  return (
    stage.padEnd(10) + cells.map(([value, width, digits]) => (value?.toFixed(digits) ?? '').padStart(width)).join('')
  );
}
