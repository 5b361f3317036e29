/** How much memory and time a lookup's table takes, beside a Map of the same rows. */
import { execFile } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { readNumber } from '../cli/usage.ts';
import type { Bench } from './main.ts';
import type { MeasuredLookup } from './measure-lookup.ts';

/** Promised for a million rows of five short columns. */
const MAX_PEAK_MB = 300;

const HELP = `npm run bench -- lookup [options]

Loads a CSV file of so many rows of a key and five short columns as a lookup does, and the same rows into a Map, each in a
process of its own. Fails when the process grows by more than ${MAX_PEAK_MB} MB for a million rows of the file.

  --rows <n>  rows of the file (default: 1000000)`;

export const lookupBench: Bench = {
  summary: 'memory and time of a lookup of a million rows, beside a Map',
  help: HELP,
  options: { rows: { type: 'string', default: '1000000' } },
  async run(values) {
    const rows = readNumber('rows', values.rows, 1_000, 5_000_000) ?? 1_000_000;
    const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-bench-'));
    try {
      const file = join(directory, 'users.csv');
      await pipeline(Readable.from(linesOf(rows)), createWriteStream(file));
      const table = await measure('table', file, rows);
      print('lookup', table);
      print('Map', await measure('map', file, rows));
      const most = (MAX_PEAK_MB * Math.max(rows, 1_000_000)) / 1_000_000;
      if (table.peakMb <= most) return [];
      return [`${rows} rows took ${table.peakMb.toFixed(0)} MB, promised are at most ${most.toFixed(0)}`];
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
};

function* linesOf(rows: number): Generator<string> {
  yield 'user,plan,name,city,seats,active\n';
  for (let start = 0; start < rows; start += 1_000) {
    const some = Array.from({ length: Math.min(1_000, rows - start) }, (_, n) => start + n);
    yield some
      .map((i) => `user-${i},plan-${i % 5},Name ${i},city ${i % 1_000},${i % 90},${i % 3 === 0 ? 'yes' : 'no'}\n`)
      .join('');
  }
}

async function measure(kind: string, file: string, rows: number): Promise<MeasuredLookup> {
  const script = join(import.meta.dirname, 'measure-lookup.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, kind, file, String(rows)]);
  return JSON.parse(stdout) as MeasuredLookup;
}

function print(name: string, { seconds, peakMb, keptMb, nsHot, nsCold }: MeasuredLookup): void {
  console.log(
    `${name.padEnd(8)}peak +${peakMb.toFixed(0)} MB, then +${keptMb.toFixed(0)} MB  loaded in ${seconds.toFixed(1)} s  ` +
      `a find ${nsHot.toFixed(0)} ns among 1,000 keys, ${nsCold.toFixed(0)} ns among all`,
  );
}
