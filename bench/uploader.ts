/** What does uploading cost? Sends the same chunks compressed and not, in turns, to a sink. */
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { readNumber } from '../cli/usage.ts';
import { endlessDump } from './endless-dump.ts';
import type { Bench } from './main.ts';
import { runMeasured, startMeasured } from './run-measured.ts';
import type { UploaderRun } from './run-uploader.ts';
import { type Spread, spreadOf } from './spread.ts';
import { startSink } from './start-child.ts';

export const UPLOADS = ['gzip', 'identity'] as const;
export type Uploads = (typeof UPLOADS)[number];

const HELP = `npm run bench -- uploader [options]

Makes the chunks of a dump, then sends them with the uploader, compressed as they are and uncompressed, in turns, each time in a
process of its own, to a sink. CPU seconds are those of all threads from the 25th chunk on; the books are kept by a stand-in that does
nothing, and the sink unpacks what it got when all is sent. Fails when an event is lost or doubled.

  --size <MB>      the dump before compression (default: 300)
  --rounds <n>     (default: 3)
  --profile <dir>  writes a CPU profile of each run there, for Chrome's developer tools`;

export const uploaderBench: Bench = {
  summary: 'CPU of uploading, compressed and not',
  help: HELP,
  options: {
    size: { type: 'string', default: '300' },
    rounds: { type: 'string', default: '3' },
    profile: { type: 'string', default: '' },
  },
  async run({ size, rounds, profile = '' }) {
    const number = (name: string, value: string | undefined) => readNumber(name, value, 1, 100_000) ?? 1;
    const { rows, problems } = await measureUploader(number('size', size), number('rounds', rounds), profile);
    console.log('            CPU s per M events      events/s');
    for (const {
      uploads,
      cpuPerMillion: { median, min, max },
      eventsPerSecond,
    } of rows) {
      const cpu = `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;
      console.log(`${uploads.padEnd(12)}${cpu.padEnd(22)}${eventsPerSecond.toFixed(0).padStart(10)}`);
    }
    return problems;
  },
};

export type UploaderRow = {
  readonly uploads: Uploads;
  /** CPU seconds per million events, over the rounds. */
  readonly cpuPerMillion: Spread;
  /** Median, of elapsed time. */
  readonly eventsPerSecond: number;
};

/** `profile`: a directory for profiles, or empty. `problems`: what was lost or doubled. */
export async function measureUploader(
  megabytes: number,
  rounds: number,
  profile = '',
): Promise<{ readonly rows: readonly UploaderRow[]; readonly problems: readonly string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-bench-'));
  const sink = await startSink();
  try {
    const messages = join(directory, 'messages');
    const { events } = endlessDump(megabytes * 1e6);
    console.error(`uploader: making the chunks of ${events.toLocaleString('en-US')} events`);
    const chunker = startMeasured({ script: scriptOf('run-chunker.ts'), args: [String(megabytes), 'send'] });
    await Promise.all([pipeline(chunker.output, createWriteStream(messages)), chunker.took]);
    const taken = new Map<Uploads, UploaderRun[]>(UPLOADS.map((uploads) => [uploads, []]));
    const problems: string[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      console.error(`uploader: round ${round} of ${rounds}`);
      for (const uploads of UPLOADS) {
        await sink.begin(events, 'later');
        const args = [sink.url, uploads, messages];
        const run = await runMeasured({ script: scriptOf('run-uploader.ts'), args, options: profiling(profile) });
        taken.get(uploads)?.push(JSON.parse(run.printed) as UploaderRun);
        const { loss } = await sink.found();
        if (loss !== undefined) problems.push(`uploader, ${uploads}: ${loss}`);
      }
    }
    return { rows: UPLOADS.map((uploads) => rowOf(uploads, taken.get(uploads) ?? [])), problems };
  } finally {
    await sink.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const scriptOf = (name: string) => join(import.meta.dirname, name);

function profiling(directory: string): readonly string[] {
  if (directory === '') return [];
  mkdirSync(directory, { recursive: true });
  return ['--cpu-prof', `--cpu-prof-dir=${resolve(directory)}`];
}

function rowOf(uploads: Uploads, runs: readonly UploaderRun[]): UploaderRow {
  return {
    uploads,
    cpuPerMillion: spreadOf(runs.map(({ cpuSeconds, events }) => (cpuSeconds / events) * 1e6)),
    eventsPerSecond: spreadOf(runs.map(({ seconds, events }) => events / seconds)).median,
  };
}
