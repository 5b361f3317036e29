/** Fix then replay, as a person does it: on one machine with the command line, and what it does on either engine. */
import { openTransforms } from '../../lambdas/chunker/transform.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { replayCommand } from '../../cli/replay.ts';
import { type RejectsEngine, type RejectsRequest, replayRejects } from '../../cli/replay-rejects.ts';
import { UsageError } from '../../cli/usage.ts';
import { chunkDump } from '../../lambdas/chunker/chunk-dump.ts';
import { startSimulator } from '../../local/simulator.ts';
import { decodeChunkHeader, unitOf } from '../../shared/chunk.ts';
import { closeBooks } from '../../shared/close-books.ts';
import { defineImporter, type MapFunction } from '../../shared/config.ts';
import { dumpId } from '../../shared/dump.ts';
import { embeddedQueue } from '../../shared/embedded/queue.ts';
import { openState } from '../../shared/embedded/state.ts';
import { type Receipt, receiptKey } from '../../shared/receipt.ts';
import { until } from '../aws/until.ts';
import { dumpOf, memoryDumps } from '../lambdas/chunker/fixtures.ts';
import { memoryResults } from '../memory-results.ts';
import { delivered } from '../shared/ledger-fixtures.ts';
import { receiveAll } from '../shared/queue-fixtures.ts';
import { ENGINES, type TestEngine } from './replay-engines.ts';
import { receiptsOf, runCli, startCli, temporaryDirectory } from './run-cli.ts';
import { PORTS } from '../lambdas/chunker/making.ts';

const SHARED_CONFIG = join(import.meta.dirname, '..', '..', 'shared', 'config.ts');

/** A configuration file whose map has this body. */
function writeConfig(path: string, map: string): void {
  writeFileSync(
    path,
    `import { defineImporter } from ${JSON.stringify(SHARED_CONFIG)};
export default defineImporter({
  sources: [{ name: 'web', project: { secret: 's' }, map(row: any) { ${map} } }],
});`,
  );
}

const EVENT = "({ event_type: 'Seen', user_id: 'user-' + row.user, event_properties: { n: row.n } })";

/** A dump of 1,000 rows, of which 100 fail by mistake, 50 on purpose, and one is no JSON; imported. */
async function setUp() {
  const directory = temporaryDirectory();
  const simulator = await startSimulator({ keep: 'ids' });
  onTestFinished(() => simulator.close());
  const [state, dump, config] = [join(directory, 'state'), join(directory, 'day.ndjson'), join(directory, 'c.ts')];
  const options = ['--state', state, '--endpoint', simulator.url, '--config', config];
  const row = (n: number) => JSON.stringify({ user: n % 40, n, version: n % 10 === 0 ? 2 : 1, bad: n % 20 === 5 });
  writeFileSync(dump, `${Array.from({ length: 1_000 }, (_, n) => row(n)).join('\n')}\noops\n`);
  const bad = "if (row.bad) throw new Error('bad');";
  writeConfig(config, `${bad} if (row.version === 2) throw new TypeError('version'); return ${EVENT};`);
  const [receipt] = receiptsOf(await runCli(['import', ...options, '--json', dump]));
  expect(receipt).toMatchObject({ read: 1_001, delivered: 850, unusable: 151, rejected: 151 });
  writeConfig(config, `${bad} return ${EVENT};`);
  return { simulator, state, dump, options };
}

const AMENDED = {
  state: 'complete',
  read: 1_001,
  mapped: 950,
  unusable: 51,
  events: 950,
  delivered: 950,
  inFlight: 0,
  rejected: 51,
  reasons: { 'map threw Error': 50, 'record is not JSON': 1 },
};

test('a mended configuration: a dry run says what would become of the rejects, the replay delivers it, once', async () => {
  const { simulator, dump, options } = await setUp();
  const dry = await runCli(['replay', '--rejects', 'day.ndjson', ...options, '--dry-run']);
  expect(dry.code).toBe(0);
  expect(dry.stdout.replace(/\([0-9a-f]{20}\)/, '(id)')).toBe(
    `rejects of ${dump} (id)
  100 of 151 would be sent, as 100 events; 0 are filtered, 51 fail again
       100  map threw TypeError
           100  → sent
        50  map threw Error
            50  → the same
         1  record is not JSON
             1  → the same
  for example
    record 1: map threw TypeError → sent
    record 11: map threw TypeError → sent
    record 21: map threw TypeError → sent
    record 31: map threw TypeError → sent
    record 41: map threw TypeError → sent
`,
  );
  expect(simulator.counts().stored).toBe(850);

  const some = await runCli([
    'replay',
    '--rejects',
    dump,
    ...options,
    '--json',
    '--reason',
    'typeerror',
    '--limit',
    '30',
  ]);
  expect(receiptsOf(some)).toMatchObject([{ delivered: 880, unusable: 121 }]);
  expect(JSON.parse(some.stderr.split('\n')[0] ?? '')).toMatchObject({
    dump,
    outcome: 'amended',
    rejects: 151,
    sent: 30,
    events: 30,
    unwanted: 121,
    reasons: { 'map threw TypeError': { sent: 30, filtered: 0, rejected: {} } },
  });

  const rest = await runCli(['replay', '--rejects', dump, ...options, '--json']);
  expect(rest.code).toBe(1);
  const [receipt] = receiptsOf(rest);
  expect(receipt).toMatchObject({ ...AMENDED, amendedAt: [expect.any(String), expect.any(String)] });
  expect(receipt?.rejectsAt).toMatch(/run-1-amended-2$/);
  expect(simulator.counts().stored).toBe(950);

  const received = simulator.counts().events.received;
  const none = await runCli(['replay', '--rejects', dump, ...options]);
  expect(none.stderr).toContain('nothing would change, and nothing was changed');
  expect(none.stdout).toContain('complete, amended at ');
  expect(simulator.counts().events.received).toBe(received);
});

test('killed while it is at it, and run again: everything is stored once, and the receipt is amended', async () => {
  const { simulator, state, dump, options } = await setUp();
  const killed = startCli(['replay', '--rejects', dump, ...options, '--json']);
  await until('something is on the upload queue, or all is over', async () => {
    const looked = openState(state, { readOnly: true });
    const { visible, hidden } = await embeddedQueue(looked.db, 'upload', { fifo: true }).size();
    looked.close();
    return visible + hidden > 0 || killed.printed() !== '';
  });
  killed.child.kill('SIGKILL');
  await killed.finished;
  const again = await runCli(['replay', '--rejects', dump, ...options, '--json']);
  expect(receiptsOf(again)).toMatchObject([AMENDED]);
  expect(simulator.counts().stored).toBe(950);
});

test.each([
  [['--device', 'a'], '--rejects and --device exclude each other'],
  [['--queue', 'upload'], '--rejects and --queue exclude each other'],
  [['--rate', '5'], '--rejects and --rate exclude each other'],
  [['--limit', '0'], '--limit: found "0"'],
])('--rejects with %j is a usage error', async (args, message) => {
  const refused = replayCommand.run(['--rejects', 'day', ...args]);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow(message);
});

const LINES = Array.from({ length: 12 }, (_, n) => JSON.stringify({ user: `user-${n % 4}`, n }));

function importerWith(map: MapFunction) {
  return defineImporter({ sources: [{ name: 'web', project: { secret: 's' }, map }], segmentRecords: 5, lanes: 2 });
}

const right = importerWith(({ user, n }) => ({
  event_type: 'Seen',
  user_id: `${user as string}`,
  event_properties: { n },
}));
const wrong = importerWith(({ user, n }) => {
  if (Number(n) % 3 === 0) throw new Error('a mistake');
  return { event_type: 'Seen', user_id: `${user as string}`, event_properties: { n } };
});

const transformOf = openTransforms(PORTS);

/** A dump on this engine, imported with the mistake; only what is delivered needs the test's help. */
async function importWrong(engine: TestEngine, { key = 'days/monday.ndjson', isDelivered = true } = {}) {
  const results = memoryResults();
  const receipts: Receipt[] = [];
  const bytes = Buffer.from(LINES.join('\n'));
  const dump = dumpOf(bytes, { key });
  const announce = async (receipt: Receipt) => void receipts.push(receipt);
  const ports = {
    ...engine,
    results,
    announce,
    uploads: engine.queues.upload,
    now: Date.now,
    msLeft: () => 900_000,
    transformOf,
    references: PORTS.references,
  };
  const [source] = wrong.sources;
  if (!source) throw new Error('expected a source');
  const request = { dump, source, importer: wrong, fingerprint: 'f', owner: 'anna' };
  await chunkDump(request, { ...ports, dumps: memoryDumps(bytes) });
  const rejects: RejectsEngine = { ...engine, results, announce, transformOf, openDump: async () => undefined };
  const run = { dumpId: dumpId(dump), run: 1 };
  /** How many events the uploader delivers of what is on its queue. */
  const deliver = async () => {
    let sent = 0;
    for (const { body } of await receiveAll(engine.queues.upload)) {
      const { segment, events, ...header } = decodeChunkHeader(body);
      const unit = {
        dumpId: header.dumpId,
        run: header.run,
        segment,
        unit: unitOf({ ...header, segment, events }),
        events,
      };
      await engine.ledger.settle(unit, delivered(events));
      await closeBooks(unit, segment, ports);
      sent += events;
    }
    return sent;
  };
  if (isDelivered) await deliver();
  return { rejects, dump, run, results, receipts, deliver };
}

async function replay(engine: RejectsEngine, changes: Partial<RejectsRequest> = {}, now?: () => number) {
  const out: string[] = [];
  const request = { dump: 'monday', limit: 100, dryRun: false, force: false, json: true, ...changes };
  const output = { out: (line: string) => void out.push(line), err: () => undefined };
  return { ...(await replayRejects(engine, right, request, output, now)), out };
}

describe.each(ENGINES)('%s', (_, open) => {
  test('rejects run again become events on the upload queue, and the receipt is amended when they are delivered', async () => {
    const { rejects, dump, receipts, deliver, results } = await importWrong(await open());
    expect(receipts).toMatchObject([{ delivered: 8, unusable: 4, rejected: 4 }]);
    const dry = await replay(rejects, { dryRun: true });
    expect(dry).toMatchObject({ kind: 'looked', rejects: { rejects: 4, sent: 4, events: 4 } });
    expect(JSON.parse(dry.out.join(''))).toMatchObject({
      dump: 's3://landing/days/monday.ndjson',
      outcome: 'looked',
      sample: [{ position: 1, was: 'map threw Error', now: 'sent' }, {}, {}, {}],
    });
    expect(await deliver()).toBe(0);

    expect(await replay(rejects)).toMatchObject({ kind: 'amended', rejects: { sent: 4 } });
    expect(await deliver()).toBe(4);
    const amended = { delivered: 12, unusable: 0, mapped: 12, rejected: 0, reasons: {}, rejectsAt: null };
    expect(receipts).toMatchObject([{}, amended]);
    const written = await results.get(receiptKey({ dump, dumpId: dumpId(dump) }));
    expect(JSON.parse(written?.toString() ?? '')).toMatchObject(amended);
    expect(await replay(rejects)).toMatchObject({ kind: 'unchanged', rejects: { rejects: 0 } });
    expect(await deliver()).toBe(0);
  });

  test('a dump that is not closed is refused, and says what to do', async () => {
    const { rejects, run, deliver } = await importWrong(await open(), { isDelivered: false });
    await expect(replay(rejects, { dump: run.dumpId })).rejects.toThrow(
      /is not closed: 8 events are in flight, 0 parked, 0 dead, .*wait until they are delivered/,
    );
    await deliver();
    expect(await replay(rejects, { dump: run.dumpId })).toMatchObject({ kind: 'amended' });
  });
});

describe('which dump', () => {
  const [[, open]] = ENGINES as [(typeof ENGINES)[0]];

  test('is known by its id, its address, or a part of that; several or none are refused', async () => {
    const engine = await open();
    const { rejects, run, results } = await importWrong(engine);
    const other = await importWrong(engine, { key: 'days/tuesday.ndjson' });
    for (const key of await other.results.list(''))
      await results.put(key, (await other.results.get(key)) ?? Buffer.of());
    const idOf = async (dump: string) => (await replay(rejects, { dump, dryRun: true })).dumpId;
    for (const name of [run.dumpId, 's3://landing/days/monday.ndjson', 'monday.ndjson', 'mon'])
      expect(await idOf(name)).toBe(run.dumpId);
    await expect(idOf('days')).rejects.toThrow(UsageError);
    await expect(idOf('days')).rejects.toThrow(`"days" is part of 2 dumps; name one by its id:\n  ${run.dumpId}`);
    await expect(idOf('sunday')).rejects.toThrow('no dump that has a receipt is known as "sunday"; expected its id');
  });

  test('is refused while it is read, and when the configuration lacks its source', async () => {
    const { rejects, dump, run } = await importWrong(await open());
    const renamed = defineImporter({ sources: [{ name: 'app', project: { secret: 's' } }] });
    const request = { dump: 'monday', limit: 1, dryRun: true, force: false, json: false };
    const output = { out: () => undefined, err: () => undefined };
    await expect(replayRejects(rejects, renamed, request, output)).rejects.toThrow(
      'is of source "web"; the configuration has app',
    );
    const again = { source: 'web', fingerprint: 'f', owner: 'ben', now: 1, leaseUntil: 2, again: 'once more' };
    await rejects.ledger.claim({ dump, ...again });
    await expect(replay(rejects)).rejects.toThrow('is still being read');
    expect((await rejects.ledger.entry(run.dumpId))?.run).toBe(2);
  });

  test('whose amendment was stopped more than 7 days ago needs --force', async () => {
    const { rejects, run } = await importWrong(await open());
    const began = Date.now();
    await rejects.ledger.beginAmendment(run, began);
    const later = () => began + 8 * 86_400_000;
    await expect(replay(rejects, {}, later)).rejects.toThrow(/was begun on .* and stopped; .*--force/);
    expect(await replay(rejects, { dryRun: true }, later)).toMatchObject({ kind: 'looked' });
    expect(await replay(rejects, { force: true }, later)).toMatchObject({ kind: 'amended' });
  });
});
