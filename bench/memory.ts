/** Is memory flat in the size of the dump? Imports a small and a large one with the embedded engine and compares the peaks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readNumber } from '../cli/usage.ts';
import { generateDump } from './generate-dump.ts';
import type { Bench } from './main.ts';
import { type MeasuredImport, measureImport } from './measure-import.ts';
import { median } from './spread.ts';

/** Promised: ten times the dump takes hardly more, and a small machine is enough. */
const MAX_RATIO = 1.15;
const MAX_PEAK_MB = 350;

const MB = 1_000_000;

const HELP = `npm run bench -- memory [options]

Imports a small and a large gzipped dump, each in a process of its own, into a simulator without rate limits. Fails when
an event is lost or doubled, when a peak is above ${MAX_PEAK_MB} MB, or when the large dump's is more than ${MAX_RATIO} times the
small one's. The dumps lie in the directory for temporary files and are deleted.

  --small <MB>   the small dump before compression (default: 100)
  --large <MB>   the large one (default: 1000)
  --rounds <n>   how often each is imported; medians are compared (default: 2)
  --hot <n>      so many of a hundred events are one device's (default: 0)`;

export const memoryBench: Bench = {
  summary: 'peak memory of an import: 100 MB against 1 GB',
  help: HELP,
  options: {
    small: { type: 'string', default: '100' },
    large: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '2' },
    hot: { type: 'string', default: '0' },
  },
  async run(values) {
    const number = (name: string, min: number, max: number) => readNumber(name, values[name], min, max) ?? min;
    const [small, large] = [number('small', 1, 100_000), number('large', 1, 100_000)];
    const [rounds, hotShare] = [number('rounds', 1, 100), number('hot', 0, 100) / 100];
    const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-bench-'));
    try {
      const ofSmall = await measureSize(small, rounds, hotShare, directory);
      const ofLarge = await measureSize(large, rounds, hotShare, directory);
      return report(ofSmall, ofLarge);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

type Measured = { readonly megabytes: number; readonly events: number; readonly rounds: readonly MeasuredImport[] };

async function measureSize(megabytes: number, rounds: number, hotShare: number, directory: string): Promise<Measured> {
  const dump = join(directory, `${megabytes}.ndjson.gz`);
  console.error(`writing a dump of ${megabytes} MB`);
  const made = await generateDump(dump, { rawBytes: megabytes * MB, gzip: true, hotShare });
  const measured: MeasuredImport[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    console.error(`importing ${made.events.toLocaleString('en-US')} events, round ${round} of ${rounds}`);
    const one = await measureImport(dump, made, join(directory, 'round'));
    console.error(`  ${one.peakMb.toFixed(0)} MB, ${one.seconds.toFixed(1)} s`);
    measured.push(one);
  }
  rmSync(dump);
  return { megabytes, events: made.events, rounds: measured };
}

function report(small: Measured, large: Measured): string[] {
  console.log('   dump MB      events   peak MB      (min   max)   events/s   CPU s per M');
  for (const measured of [small, large]) console.log(toRow(measured));
  const ratio = peakOf(large) / peakOf(small);
  console.log(`ratio of the peaks: ${ratio.toFixed(2)}`);
  const highest = Math.max(...[small, large].flatMap(({ rounds }) => rounds.map(({ peakMb }) => peakMb)));
  return [
    ...[small, large].flatMap(({ rounds }) => rounds.flatMap(({ problems }) => problems)),
    ...(ratio > MAX_RATIO ? [`the large dump takes ${ratio.toFixed(2)} times the memory, at most ${MAX_RATIO}`] : []),
    ...(highest > MAX_PEAK_MB ? [`the peak is ${highest.toFixed(0)} MB, at most ${MAX_PEAK_MB}`] : []),
  ];
}

function toRow({ megabytes, events, rounds }: Measured): string {
  const peaks = rounds.map(({ peakMb }) => peakMb);
  const cells: [number, number][] = [
    [megabytes, 10],
    [events, 12],
    [median(peaks), 10],
    [Math.min(...peaks), 10],
    [Math.max(...peaks), 7],
    [events / median(rounds.map(({ seconds }) => seconds)), 11],
  ];
  const cpu = (median(rounds.map(({ cpuSeconds }) => cpuSeconds)) / events) * 1e6;
  return cells.map(([value, width]) => value.toFixed(0).padStart(width)).join('') + cpu.toFixed(1).padStart(14);
}

function peakOf({ rounds }: Measured): number {
  return median(rounds.map(({ peakMb }) => peakMb));
}
