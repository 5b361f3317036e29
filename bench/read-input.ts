/** Reads one input to its end in a process of its own, with or without making events of it, and prints what that took. */
import { readRecords } from '../lambdas/chunker/read-records.ts';
import { openTransform } from '../lambdas/chunker/transform.ts';
import { describeFile, fileDumps } from '../shared/embedded/files.ts';
import { START } from '../shared/ledger.ts';
import importer from './inputs.config.ts';
import { STEPS } from './steps.ts';

export type ReadInput = {
  readonly records: number;
  readonly events: number;
  readonly seconds: number;
  /** Of all threads: of the process, without its start. */
  readonly cpuSeconds: number;
};

/** Instead of a step: nothing is made of the records. */
const READ_ONLY = 'read';

const [input, path = '', step = READ_ONLY] = process.argv.slice(2);
const named = importer.sources.find(({ name }) => name === input);
if (!named)
  throw new Error(`expected an input, a file and a step as arguments, found ${process.argv.slice(2).join(' ')}`);
const source = { ...named, map: undefined, ...STEPS[step] };
const transform =
  step === READ_ONLY
    ? undefined
    : await openTransform(source, { secret: async () => 'a key of sixteen and more', table: noTable });
const dump = await describeFile(path);

function noTable(): never {
  throw new Error('the bench of inputs has no lookups');
}

const began = performance.now();
const before = process.cpuUsage();
let records = 0;
let events = 0;
for await (const block of readRecords(dump, source, START, fileDumps())) {
  if (block.failure !== undefined) throw new Error(block.failure);
  records += block.records.length;
  if (!transform) continue;
  for (const made of await transform(block.records, dump.key)) {
    if (made.kind !== 'events') throw new Error(`a record became ${JSON.stringify(made)}`);
    events += made.events.length;
  }
}
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - began) / 1_000;
console.log(JSON.stringify({ records, events, seconds, cpuSeconds: (user + system) / 1e6 } satisfies ReadInput));
