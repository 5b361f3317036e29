/** What do formats and steps cost? Reads the same events in every format, with and without each step, and compares memory at two sizes. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readNumber, UsageError } from '../cli/usage.ts';
import type { MadeDump } from './generate-dump.ts';
import importer, { type Input } from './inputs.config.ts';
import type { Bench } from './main.ts';
import { type MeasuredImport, measureImport } from './measure-import.ts';
import type { ReadInput } from './read-input.ts';
import { type Spread, spreadOf } from './spread.ts';
import { STEPS } from './steps.ts';
import { writeInput } from './write-inputs.ts';

/** Promised: a larger dump takes hardly more, whatever its format, and a small machine is enough. */
const MAX_RATIO = 1.25;
const MAX_PEAK_MB = 450;

const MB = 1_000_000;
const INPUTS = importer.sources.map(({ name }) => name as Input);
const PARTS = ['formats', 'steps', 'memory'] as const;

const HELP = `npm run bench -- inputs [options]

formats   reads the same events in every format and compression, alone and with making events of them
steps     the same of NDJSON, with each map and step of enrichment
memory    imports a small and a large dump of every format, each in a process of its own, into a simulator without rate
          limits; the map is declarative and the same for all

Rounds take turns, and ratios are those within a round. Fails when an event is lost or doubled, when the stored events of
two formats differ, when a peak is above ${MAX_PEAK_MB} MB, or when the large dump's is more than ${MAX_RATIO} times the
small one's. The dumps lie in the directory for temporary files and are deleted.

  --parts <list>    some of ${PARTS.join(',')} (default: all)
  --formats <list>  some of ${INPUTS.join(',')} (default: all)
  --size <MB>       of formats and steps, as NDJSON: 60 MB are 100,000 events (default: 60)
  --rounds <n>      how often formats and steps are measured (default: 3)
  --small <MB>      the small dump of memory; one below 200 MB does not fill all lanes (default: 200)
  --large <MB>      the large one (default: 600)`;

export const inputsBench: Bench = {
  summary: 'throughput of each format and step, and flat memory of each format',
  help: HELP,
  options: {
    parts: { type: 'string', default: PARTS.join(',') },
    formats: { type: 'string', default: INPUTS.join(',') },
    size: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '3' },
    small: { type: 'string', default: '200' },
    large: { type: 'string', default: '600' },
  },
  async run(values) {
    const number = (name: string, max: number) => readNumber(name, values[name], 1, max) ?? 1;
    const [size, rounds] = [number('size', 100_000), number('rounds', 100)];
    const [small, large] = [number('small', 100_000), number('large', 100_000)];
    const parts = readList('parts', values['parts'], PARTS);
    const inputs = readList('formats', values['formats'], INPUTS);
    const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-bench-'));
    try {
      if (parts.includes('formats')) await measureFormats(inputs, size, rounds, directory);
      if (parts.includes('steps')) await measureSteps(size, rounds, directory);
      return parts.includes('memory') ? await measureMemory(inputs, small, large, directory) : [];
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

function readList<Name extends string>(option: string, value = '', known: readonly Name[]): readonly Name[] {
  const names = value.split(',').map((name) => known.find((each) => each === name.trim()) ?? name);
  const unknown = names.find((name) => !known.includes(name as Name));
  if (unknown !== undefined)
    throw new UsageError(`--${option}: found "${unknown}", expected some of ${known.join(', ')}`);
  return names as Name[];
}

type Measurement = { readonly input: Input; readonly step: string };

async function measureFormats(inputs: readonly Input[], megabytes: number, rounds: number, directory: string) {
  const wanted = [...new Set<Input>(['ndjson', ...inputs])];
  const measurements = wanted.flatMap((input) => ['read', 'pass-through'].map((step) => ({ input, step })));
  const { taken, made, fileMb } = await measureInTurns(measurements, megabytes, rounds, directory);
  console.log(`\n${describe(made)}; CPU seconds per million records, ratios to NDJSON pass-through: median (min-max)`);
  console.log('                file MB   records/s     MB/s   reading alone         with pass-through     ratio');
  for (const input of wanted) {
    const [reading, passing] = ['read', 'pass-through'].map((step) => taken(input, step));
    if (!reading || !passing) continue;
    const seconds = spreadOf(passing.rounds.map((round) => round.seconds)).median;
    const cells = [fileMb(input), made.events / seconds, made.rawBytes / MB / seconds];
    const figures = [9, 12, 9].map((width, i) => (cells[i] ?? Number.NaN).toFixed(0).padStart(width)).join('');
    console.log(
      `  ${input.padEnd(12)}${figures}   ${show(reading.cpu, 1)}${show(passing.cpu, 1)}${show(passing.ratio, 2)}`,
    );
  }
}

async function measureSteps(megabytes: number, rounds: number, directory: string) {
  const measurements = Object.keys(STEPS).map((step): Measurement => ({ input: 'ndjson', step }));
  const { taken, made } = await measureInTurns(measurements, megabytes, rounds, directory);
  console.log(`\n${describe(made)}; CPU seconds per million records: median (min-max)`);
  console.log('                       in all                ratio to pass-through   more than pass-through');
  for (const { step } of measurements) {
    const { cpu, ratio, more } = taken('ndjson', step);
    console.log(`  ${step.padEnd(21)}${show(cpu, 1)}${show(ratio, 2)}  ${show(more, 1)}`);
  }
}

/** Every measurement once, then every one again; NDJSON pass-through is the one that all are compared with. */
async function measureInTurns(
  measurements: readonly Measurement[],
  megabytes: number,
  rounds: number,
  directory: string,
) {
  const pathOf = (input: Input) => join(directory, `${input}-${megabytes}`);
  let made: MadeDump = { events: 0, rawBytes: 0 };
  for (const input of new Set(measurements.map((one) => one.input))) {
    console.error(`writing ${megabytes} MB as ${input}`);
    made = await writeInput(input, pathOf(input), megabytes * MB);
  }
  const results = new Map<string, ReadInput[]>();
  const roundsOf = (input: Input, step: string) => results.get(`${input} ${step}`) ?? [];
  for (let round = 1; round <= rounds; round += 1) {
    console.error(`round ${round} of ${rounds}`);
    for (const { input, step } of measurements) {
      const measured = await readInput(input, pathOf(input), step);
      if (measured.records !== made.events) throw new Error(`${input}: ${measured.records} of ${made.events} records`);
      results.set(`${input} ${step}`, [...roundsOf(input, step), measured]);
    }
  }
  const perMillion = ({ cpuSeconds }: ReadInput) => (cpuSeconds / made.events) * 1e6;
  return {
    made,
    fileMb: (input: Input) => statSync(pathOf(input)).size / MB,
    taken(input: Input, step: string) {
      const cpu = roundsOf(input, step).map(perMillion);
      const base = roundsOf('ndjson', 'pass-through').map(perMillion);
      const against = (compare: (one: number, to: number) => number) =>
        spreadOf(cpu.map((one, i) => compare(one, base[i] ?? Number.NaN)));
      const [ratio, more] = [against((one, to) => one / to), against((one, to) => one - to)];
      return { rounds: roundsOf(input, step), cpu: spreadOf(cpu), ratio, more };
    },
  };
}

async function readInput(input: Input, path: string, step: string): Promise<ReadInput> {
  const script = join(import.meta.dirname, 'read-input.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, input, path, step]);
  return JSON.parse(stdout) as ReadInput;
}

async function measureMemory(inputs: readonly Input[], small: number, large: number, directory: string) {
  const problems: string[] = [];
  let expected: { readonly input: Input; readonly stored: string } | undefined;
  console.log(
    `\nPeak memory of an import, MB\n                ${small} MB     ${large} MB   ratio   CPU s per million events`,
  );
  for (const input of inputs) {
    const ofSmall = await importInput(input, small, directory);
    const ofLarge = await importInput(input, large, directory);
    const ratio = ofLarge.peakMb / ofSmall.peakMb;
    const peaks = [ofSmall, ofLarge].map(({ peakMb }) => peakMb.toFixed(0).padStart(9)).join('');
    const cpu = (ofLarge.cpuSeconds / ofLarge.events) * 1e6;
    console.log(`  ${input.padEnd(12)}${peaks}${ratio.toFixed(2).padStart(8)}${cpu.toFixed(1).padStart(10)}`);
    expected ??= { input, stored: ofSmall.stored };
    problems.push(...[...ofSmall.problems, ...ofLarge.problems].map((problem) => `${input}: ${problem}`));
    if (ofSmall.stored !== expected.stored)
      problems.push(`the stored events of ${input} are not those of ${expected.input}`);
    if (ratio > MAX_RATIO)
      problems.push(`${input}: the large dump takes ${ratio.toFixed(2)} times the memory, at most ${MAX_RATIO}`);
    const peak = Math.max(ofSmall.peakMb, ofLarge.peakMb);
    if (peak > MAX_PEAK_MB) problems.push(`${input}: the peak is ${peak.toFixed(0)} MB, at most ${MAX_PEAK_MB}`);
  }
  return problems;
}

async function importInput(
  input: Input,
  megabytes: number,
  directory: string,
): Promise<MeasuredImport & { readonly events: number }> {
  const path = join(directory, `${input}-import`);
  console.error(`importing ${megabytes} MB as ${input}`);
  const made = await writeInput(input, path, megabytes * MB);
  const config = { file: 'inputs.config.ts', source: input };
  try {
    return { ...(await measureImport(path, made, join(directory, 'round'), config)), events: made.events };
  } finally {
    rmSync(path);
  }
}

function describe({ events, rawBytes }: MadeDump): string {
  return `${events.toLocaleString('en-US')} records, ${(rawBytes / MB).toFixed(0)} MB as NDJSON`;
}

function show({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits).padStart(6)} (${min.toFixed(digits)}-${max.toFixed(digits)})`.padEnd(22);
}
