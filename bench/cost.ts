/** What AWS asks for a million events, from what an import on this machine really sends, reads and writes. */
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type AwsUsage, type Cost, costOf, SERVICE_NAMES } from '../cli/aws-cost.ts';
import { AWS_PRICES, CHUNKER_SECONDS, DEPLOYED } from '../cli/aws-prices.ts';
import { n } from '../cli/figure.ts';
import { planCost } from '../cli/plan-cost.ts';
import { readNumber } from '../cli/usage.ts';
import { importMessage } from '../lambdas/chunker/notification.ts';
import { amplitude } from '../lambdas/uploader/amplitude.ts';
import { openEngine } from '../local/engine.ts';
import { REQUEST_MS } from '../shared/amplitude-limits.ts';
import { describeFile, fileDumps } from '../shared/embedded/files.ts';
import { openState } from '../shared/embedded/state.ts';
import { startDynalite } from '../test/dynalite.ts';
import importer from './bench.config.ts';
import { type Counted, countFigures, countingPorts, countLines, newCounts } from './count-usage.ts';
import { generateLines } from './generate-dump.ts';
import type { Bench } from './main.ts';
import { runMeasured } from './run-measured.ts';
import { type Sink, startSink } from './start-child.ts';

const HELP = `npm run bench -- cost [options]

Imports dumps of small, usual and large events, and the usual ones once more in files of 1,000, with the engine of this
machine and the ledger that is deployed, on a stand-in for DynamoDB; counts what the adapters would send to AWS, and prints
what AWS asks for it (${AWS_PRICES.region}, list prices of ${AWS_PRICES.asOf}), and what \`plan\` says of the same. docs/costs.md says
how each figure comes about. Fails when \`plan\` is off by more than ${30} %.

  --events <n>  events of each dump; of large ones a fifth (default: 100000)`;

/** Lines as they come from \`generateLines\`, and what becomes of them. */
type Case = {
  readonly name: string;
  /** Of the events that were asked for. */
  readonly share: number;
  /** Events of a file; all of them if left out. */
  readonly perFile?: number;
  event(lines: readonly string[], i: number): string;
};

const CASES: readonly Case[] = [
  { name: 'small', share: 1, event: (lines, i) => smallEvent(lines[i] ?? '') },
  { name: 'usual', share: 1, event: (lines, i) => lines[i] ?? '' },
  { name: 'large', share: 1 / 5, event: largeEvent },
  { name: 'usual, 1,000 files', share: 2 / 5, perFile: 1_000, event: (lines, i) => lines[i] ?? '' },
];

/** A plan may be so far off. */
const MAX_OFF = 0.3;

type Made = { readonly files: readonly string[]; readonly events: number; readonly rawBytes: number };
type Row = {
  readonly name: string;
  readonly bytesPerEvent: number;
  readonly chunks: number;
  readonly cost: Cost;
  readonly plan: Cost;
};

export const costBench: Bench = {
  summary: 'what AWS asks for a million events, and whether plan says the same',
  help: HELP,
  options: { events: { type: 'string', default: '100000' } },
  async run(values) {
    const events = readNumber('events', values.events, 10_000, 10_000_000) ?? 100_000;
    const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-bench-'));
    const sink = await startSink();
    try {
      const rows: Row[] = [];
      for (const one of CASES) {
        console.error(`cost: ${one.name}`);
        rows.push(await measureCase(one, Math.round(events * one.share), directory, sink));
      }
      print(rows);
      return rows.flatMap(problemsOf);
    } finally {
      await sink.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

async function measureCase(one: Case, events: number, root: string, sink: Sink): Promise<Row> {
  const directory = join(root, one.name.replaceAll(/\W/g, '-'));
  mkdirSync(directory);
  const made = await writeDumps(one, events, directory);
  const counted = newCounts();
  await sink.begin(made.events);
  const chunks = await importCounted(made.files, directory, sink.url, counted);
  const { loss, requests, wireBytes } = await sink.found();
  if (loss !== undefined) throw new Error(`${one.name}: ${loss}`);
  const [first = ''] = made.files;
  // In parts the same records are read, and what each part takes besides is assumed.
  const whole = made.files.length === 1 ? first : await joined(one, events, directory);
  const { cpuSeconds } = await runMeasured({ script: join(import.meta.dirname, 'run-chunker.ts'), args: [whole] });
  const dumps = made.files.map((file) => ({ bytes: statSync(file).size, records: made.events / made.files.length }));
  const stored = dumps.reduce((sum, { bytes }) => sum + bytes, 0);
  const usage = usageOf(counted, { cpuSeconds, requests, wireBytes, stored, dumps: dumps.length });
  const cost = costOf(usage, made.events);
  const load = {
    dumps: dumps.map((dump) => ({ ...dump, events: dump.records, lanes: 1 })),
    records: made.events,
    events: made.events,
    bytesPerEvent: made.rawBytes / made.events,
    deflated: wireBytes / made.rawBytes,
    isWhole: true,
    scale: 1,
    hottestDevices: [],
    hottestUsers: [],
    mostUpdated: [],
  };
  const figure = { value: chunks, unit: 'chunks', isEstimate: false, arithmetic: '' } as const;
  const api = { api: 'batch', chunks: { perChunk: 0, perId: 0, chunks: figure, lanes: 1 } } as const;
  const { segmentRecords } = importer;
  const plan = planCost(load, { api, segmentRecords, uploads: 'gzip', hasRejects: false });
  rmSync(directory, { recursive: true });
  return { name: one.name, bytesPerEvent: load.bytesPerEvent, chunks, cost, plan };
}

async function joined(one: Case, events: number, directory: string): Promise<string> {
  const [file = ''] = (await writeDumps({ ...one, perFile: events }, events, directory, 'whole')).files;
  return file;
}

async function writeDumps({ event, perFile }: Case, events: number, directory: string, name = 'part'): Promise<Made> {
  const { pieces } = generateLines({ rawBytes: events * 700 });
  const source = pieces();
  const files: string[] = [];
  let [made, rawBytes, rest] = [0, 0, [] as string[]];
  function* take(count: number): Generator<string> {
    for (let left = count; left > 0; ) {
      if (rest.length === 0) rest = String(source.next().value).split('\n').slice(0, -1);
      const some = rest.splice(0, left);
      left -= some.length;
      const text = some.map((_, i) => `${event(some, i)}\n`).join('');
      made += some.length;
      rawBytes += Buffer.byteLength(text) - some.length;
      yield text;
    }
  }
  const parts = Math.round(events / (perFile ?? events));
  for (let part = 0; part < parts; part += 1) {
    const file = join(directory, `${name}-${part}.ndjson.gz`);
    await pipeline(Readable.from(take(Math.floor(events / parts))), createGzip(), createWriteStream(file));
    files.push(file);
  }
  return { files, events: made, rawBytes };
}

/** 200 bytes. */
function smallEvent(line: string): string {
  const { event_type, device_id, time, event_properties } = JSON.parse(line) as Record<string, Record<string, unknown>>;
  return JSON.stringify({
    event_type,
    device_id,
    time,
    event_properties: { request_id: event_properties?.request_id },
  });
}

/** 5 kB: what stands in other events' properties besides. */
function largeEvent(lines: readonly string[], i: number): string {
  const event = JSON.parse(lines[i] ?? '') as { readonly event_properties: object };
  const items = Array.from({ length: 50 }, (_, k) => {
    return (JSON.parse(lines[(i + 7 * k) % lines.length] ?? '') as { event_properties: { product: object } })
      .event_properties.product;
  });
  return JSON.stringify({ ...event, event_properties: { ...event.event_properties, items } });
}

/** Resolves to how many chunks there were. */
async function importCounted(
  files: readonly string[],
  directory: string,
  endpoint: string,
  counted: Counted,
): Promise<number> {
  const database = await startDynalite();
  const state = openState(join(directory, 'state'));
  const { uploads, requestTimeoutMs: timeoutMs, uploaders: connections } = importer;
  const client = amplitude({ uploads, timeoutMs, connections, endpoint });
  let chunks = 0;
  const count = countFigures(counted);
  const engine = openEngine({
    state,
    importer,
    fingerprint: 'bench',
    amplitude: client,
    apiKey: async () => 'bench',
    transforms: { secret: async () => '', references: { find: noReference, bytes: fileDumps() } },
    log: countLines(counted),
    measure(figures) {
      chunks += figures.ChunksSent ?? 0;
      count(figures);
    },
    between: countingPorts(counted, database.client, database.table),
  });
  try {
    for (const file of files) {
      const body = importMessage({ dump: await describeFile(file), source: 'bench' });
      await engine.queues.intake.send([{ id: file, body }]);
    }
    await engine.run();
    return chunks;
  } finally {
    await client.close();
    state.close();
    await database.stop();
  }
}

function noReference(): never {
  throw new Error('the bench has no reference files');
}

/** Of a dump in the ledger's index, which the stand-in does not reckon: begun 1, read and closed 2 each, as its key changes. */
const INDEX_WRITES = 5;

type Around = Readonly<Record<'cpuSeconds' | 'requests' | 'wireBytes' | 'stored' | 'dumps', number>>;

function usageOf(counted: Counted, { cpuSeconds, requests, wireBytes, stored, dumps }: Around): AwsUsage {
  const how = 'measured';
  const amount = (units: number) => ({ units, how });
  const invoked = (queue: string) => counted.invocations[queue] ?? 0;
  return {
    'S3 GET': amount(counted.gets),
    'S3 PUT': amount(counted.puts),
    'S3 storage': amount(stored / 1e9),
    'SQS intake': amount(counted.requests.intake ?? 0),
    'SQS upload (FIFO)': amount(counted.requests.upload ?? 0),
    'Lambda chunker': amount((cpuSeconds + dumps * CHUNKER_SECONDS.dump) * (DEPLOYED.chunkerMb / 1_024)),
    'Lambda uploader': amount(requests * (REQUEST_MS / 1_000) * (DEPLOYED.uploaderMb / 1_024)),
    'Lambda requests': amount(invoked('intake') + invoked('upload')),
    'DynamoDB writes': amount(counted.writeUnits + INDEX_WRITES * dumps),
    'DynamoDB reads': amount(counted.readUnits),
    EventBridge: amount(dumps),
    'CloudWatch logs': amount(counted.logBytes / 1e9),
    'data to Amplitude': amount(wireBytes / 1e9),
  };
}

/** As docs/costs.md has it: dollars for a million events. */
function print(rows: readonly Row[]): void {
  const perMillion = ({ cost, plan }: Row, of: 'cost' | 'plan', value: number) =>
    `$${((value / (of === 'cost' ? cost : plan).total.value) * (of === 'cost' ? cost : plan).perMillionEvents.value).toFixed(4)}`;
  const line = (name: string, cells: readonly string[]) => console.log(`| ${[name, ...cells].join(' | ')} |`);
  line(
    '$ for a million events',
    rows.map(({ name, bytesPerEvent }) => `${name} (${n(Math.round(bytesPerEvent))} bytes)`),
  );
  line(
    '---',
    rows.map(() => '---'),
  );
  for (const service of SERVICE_NAMES) {
    line(
      service,
      rows.map((row) => perMillion(row, 'cost', row.cost.lines[service].value)),
    );
  }
  line(
    '**all of it**',
    rows.map((row) => `**${perMillion(row, 'cost', row.cost.total.value)}**`),
  );
  line(
    '`plan` says',
    rows.map((row) => perMillion(row, 'plan', row.plan.total.value)),
  );
  line(
    'chunks of a dump',
    rows.map(({ chunks }) => n(chunks)),
  );
  for (const service of SERVICE_NAMES) {
    console.error(
      `${service.padEnd(20)}${rows.map((row) => `${row.cost.lines[service].arithmetic.split(' ')[0]} ${(row.plan.lines[service].value / row.cost.lines[service].value).toFixed(2)}`).join('  ')}`,
    );
  }
}

function problemsOf({ name, cost, plan }: Row): string[] {
  const off = plan.total.value / cost.total.value - 1;
  if (Math.abs(off) <= MAX_OFF) return [];
  return [
    `${name}: plan says ${(100 * off).toFixed(0)} % more than was measured, at most ${100 * MAX_OFF} either way are meant`,
  ];
}
