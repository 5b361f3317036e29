/** A look at the landing bucket, on both engines: what nobody was told of is asked for, what is expected and not in is told. */
import { describe, expect, test } from 'vitest';
import { importMessage, readNotification } from '../../../lambdas/chunker/notification.ts';
import { watchLanding, type WatchPorts } from '../../../lambdas/watcher/watch-landing.ts';
import { defineImporter, type ImporterInput } from '../../../shared/config.ts';
import { type Dump, dumpId } from '../../../shared/dump.ts';
import type { LandedObject, Landing } from '../../../shared/landing.ts';
import type { Figures } from '../../../shared/metrics.ts';
import { ENGINES, type TestEngine } from '../../cli/replay-engines.ts';
import { memoryResults } from '../../memory-results.ts';
import { claimOf, delivered, planOf } from '../../shared/ledger-fixtures.ts';

const HOUR = 3_600_000;
/** After 06:00 in Berlin. */
const NOW = Date.parse('2026-11-21T08:00:00Z');
const LONG_AGO = NOW - 1_000 * HOUR;
const PROJECT = { secret: 'amplitude/api-key' };
const EXPECT = { every: 'day', by: '06:00', zone: 'Europe/Berlin' } as const;

type Source = Partial<ImporterInput['sources'][number]>;

function objectOf(key: string, age = 2 * HOUR): LandedObject {
  return { key, etag: `etag of ${key}`, size: 10, modifiedAt: NOW - age };
}

function dumpOf({ key, etag, size }: LandedObject): Dump {
  return { bucket: 'landing', key, etag, size };
}

/** What lies there, in pages of two. */
function landingOf(objects: readonly LandedObject[]): Landing {
  return {
    async *list(prefix, after = '') {
      const found = objects.filter(({ key }) => key.startsWith(prefix) && key > after);
      for (let i = 0; i < found.length; i += 2) yield found.slice(i, i + 2);
    },
    identify: async (object) => dumpOf(object),
  };
}

/** A watcher that has been at it for long. */
async function watcherOf(engine: TestEngine, objects: readonly LandedObject[], source: Source = {}) {
  const importer = defineImporter({ sources: [{ name: 'web', project: PROJECT, ...source }] });
  const lines: string[] = [];
  const figures: Figures[] = [];
  const ports: WatchPorts = {
    importer,
    landing: landingOf(objects),
    view: engine.view,
    ledger: engine.ledger,
    intake: engine.queues.intake,
    deadLetters: engine.deadLetters.intake,
    results: memoryResults(),
    log: (level, message, fields) => void lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
    measure: (each) => void figures.push(each),
  };
  await watchLanding(LONG_AGO, { ...ports, landing: landingOf([]), log: () => undefined, measure: () => undefined });
  const asked = async () => {
    const messages = await engine.queues.intake.receive({ max: 10, visibilityMs: 60_000, waitMs: 1_000 });
    return messages.flatMap(({ body }) => readNotification(body).map(({ dump }) => dump));
  };
  const watch = async (now = NOW) => {
    figures.length = 0;
    await watchLanding(now, ports);
    return Object.assign({}, ...figures) as Figures;
  };
  return { ports, lines, watch, asked };
}

/** As the ledger has it when it is read, or delivered to the end. */
async function haveDump(
  { ledger }: TestEngine,
  dump: Dump,
  { startedAt = NOW - 5 * HOUR, failure = '', isClosed = true } = {},
) {
  const run = { dumpId: dumpId(dump), run: 1 };
  await ledger.claim(claimOf(dump, { now: startedAt, leaseUntil: startedAt + 1_000_000 }));
  await ledger.planSegment(run, 0, planOf(1));
  await ledger.endDump(run, 'anna', { segments: 1, ...(failure !== '' && { failure }) });
  if (!isClosed) return run;
  await ledger.settle({ ...run, segment: 0, unit: '0', events: 1 }, delivered(1));
  await ledger.completeSegment(run, 0);
  await ledger.close(run, startedAt + HOUR);
  return run;
}

describe.each(ENGINES)('%s: a dump', (_, open) => {
  const object = objectOf('a.ndjson');

  test('that nobody was told of is asked for as its notification would, once', async () => {
    const { watch, asked, lines } = await watcherOf(await open(), [object]);
    expect(await watch()).toMatchObject({ DumpsRedriven: 1 });
    expect(await asked()).toEqual([dumpOf(object)]);
    expect(lines.find((line) => line.startsWith('warn'))).toContain(dumpId(dumpOf(object)));
    expect(await watch(NOW + HOUR)).toMatchObject({ DumpsRedriven: 0 });
    expect(await asked()).toEqual([]);
  });

  test('that is known is not, however long ago it was begun', async () => {
    const engine = await open();
    const old = objectOf('old.ndjson');
    await haveDump(engine, dumpOf(object));
    await haveDump(engine, dumpOf(old), { startedAt: LONG_AGO });
    const { watch } = await watcherOf(engine, [object, old]);
    expect(await watch()).toMatchObject({ DumpsRedriven: 0 });
  });

  test('that waits for its turn is not', async () => {
    const engine = await open();
    const waiting = { id: dumpId(dumpOf(object)), key: object.key, since: NOW, nextAt: NOW, lapsesAt: NOW + HOUR };
    const { rev } = await engine.ledger.line('web');
    await engine.ledger.saveLine('web', { changedAt: 1, waiting: [waiting] }, rev);
    const { watch } = await watcherOf(engine, [object], { inOrder: true });
    expect(await watch()).toMatchObject({ DumpsRedriven: 0 });
  });

  test('that was given up is not, and its message stays where it was', async () => {
    const engine = await open();
    const dead = engine.deadLetters.intake;
    await dead.send([
      { id: 'a', body: importMessage({ dump: dumpOf(object) }) },
      { id: 'b', body: 'nobody can read this' },
    ]);
    const { watch } = await watcherOf(engine, [object]);
    expect(await watch()).toMatchObject({ DumpsRedriven: 0 });
    const { visible, hidden } = await dead.size();
    expect(visible + hidden).toBe(2);
  });

  test('waits while there are messages on the queue, for a day', async () => {
    const engine = await open();
    await engine.queues.intake.send([{ id: 'a', body: importMessage({ dump: dumpOf(objectOf('b.ndjson')) }) }]);
    const { watch } = await watcherOf(engine, [object]);
    expect(await watch()).toMatchObject({ DumpsRedriven: 0 });
    expect(await watch(NOW + 22 * HOUR)).toMatchObject({ DumpsRedriven: 1 });
  });
});

describe.each(ENGINES)('%s: a daily file', (_, open) => {
  const expectation = { expect: EXPECT };
  const dump = dumpOf(objectOf('web/2026-11-20.ndjson'));
  const isIn = { FilesMissing: 0, FilesLate: 0 };

  test('that is in is nobody’s business, also when another of its day is not', async () => {
    const engine = await open();
    await haveDump(engine, dump);
    await haveDump(engine, dumpOf(objectOf('web/2026-11-20-b.ndjson')), { isClosed: false });
    const { watch, lines } = await watcherOf(engine, [], expectation);
    expect(await watch()).toMatchObject(isIn);
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([]);
  });

  test('that is not there is missing from its time on, until it is in', async () => {
    const engine = await open();
    await haveDump(engine, dumpOf(objectOf('web/2026-11-19.ndjson')), { startedAt: NOW - 30 * HOUR });
    const { watch, lines } = await watcherOf(engine, [], expectation);
    expect(await watch(NOW - 4 * HOUR)).toMatchObject(isIn);
    expect(await watch()).toMatchObject({ FilesMissing: 1, FilesLate: 0 });
    expect(lines).toContain(
      'error daily file is missing {"source":"web","day":"2026-11-20","by":"06:00","zone":"Europe/Berlin"}',
    );
    await haveDump(engine, dump);
    expect(await watch(NOW + HOUR)).toMatchObject(isIn);
  });

  test('that is under way, or could not be read to its end, is late', async () => {
    const engine = await open();
    await haveDump(engine, dump, { isClosed: false });
    await haveDump(engine, dumpOf(objectOf('web/2026-11-20-b.ndjson')), { failure: 'cut off' });
    const { watch, lines } = await watcherOf(engine, [], expectation);
    expect(await watch()).toMatchObject({ FilesMissing: 0, FilesLate: 1 });
    expect(lines.find((line) => line.startsWith('error daily'))).toContain('s3://landing/web/2026-11-20.ndjson');
  });

  test('of a source that expects none, or another’s file, is not looked for', async () => {
    const engine = await open();
    await haveDump(engine, dump);
    const { watch } = await watcherOf(engine, []);
    expect(await watch()).toMatchObject(isIn);
    const other = await watcherOf(engine, [], { name: 'app', ...expectation });
    expect(await other.watch()).toMatchObject({ FilesMissing: 1 });
  });
});

describe.each(ENGINES)('%s: a dump under way', (_, open) => {
  // The ledger notes by the real clock when something moved.
  const real = Date.now();

  test('is told of when nothing of it has moved for six hours', async () => {
    const engine = await open();
    await haveDump(engine, dumpOf(objectOf('a.ndjson')), { startedAt: real - HOUR, isClosed: false });
    const { watch, lines } = await watcherOf(engine, []);
    expect((await watch(real + 4 * HOUR)).DumpStillSeconds).toBe(0);
    expect((await watch(real + 7 * HOUR)).DumpStillSeconds).toBeGreaterThan(6.9 * 3_600);
    expect(lines.filter((line) => line.startsWith('error dump does not move'))).toHaveLength(1);
  });

  test('is not when it is closed, or all that is left of it is dead', async () => {
    const engine = await open();
    await haveDump(engine, dumpOf(objectOf('a.ndjson')), { startedAt: real });
    const run = await haveDump(engine, dumpOf(objectOf('b.ndjson')), { startedAt: real, isClosed: false });
    await engine.ledger.bookDead({ ...run, segment: 0, unit: '0', events: 1 }, 'HTTP 400');
    const { watch } = await watcherOf(engine, []);
    expect((await watch(real + 7 * HOUR)).DumpStillSeconds).toBe(0);
  });
});

test('what is listed for too long goes on in the next run', async () => {
  const [, open] = ENGINES[0] ?? [];
  if (!open) throw new Error('expected an engine');
  const many = Array.from({ length: 450 }, (_, i) => objectOf(`${String(i).padStart(4, '0')}.ndjson`, HOUR / 2));
  const lost = objectOf('z.ndjson');
  const { watch } = await watcherOf(await open(), [...many, lost]);
  expect(await watch()).toMatchObject({ DumpsRedriven: 0 });
  expect(await watch()).toMatchObject({ DumpsRedriven: 1 });
});
