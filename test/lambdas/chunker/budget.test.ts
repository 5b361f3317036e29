/** How a source keeps within its budget of the day, and what becomes of the dumps that are beyond it. */
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { grantSegment } from '../../../lambdas/chunker/budget.ts';
import { importMessage } from '../../../lambdas/chunker/notification.ts';
import { type IntakePorts, takeIntake } from '../../../lambdas/chunker/take-intake.ts';
import { sumBooks } from '../../../shared/books.ts';
import { type Account, type Budget, DAY_MS, dayOf, nextDayAt } from '../../../shared/budget.ts';
import { defineImporter } from '../../../shared/config.ts';
import { type Dump, dumpId } from '../../../shared/dump.ts';
import { createQueueTables } from '../../../shared/embedded/message-rows.ts';
import { embeddedQueue } from '../../../shared/embedded/queue.ts';
import { runs } from '../../runs.ts';
import { deliver, eventTexts, openChunker, takeChunks, withoutRepeats } from './chunker.ts';
import { eventLines } from './fixtures.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const TODAY = dayOf(NOW);

const account: Account = { run: 1, segment: 3, sent: 30, grant: 10, paid: 30, at: NOW };
const budgetOf = (used: number, dumps: Budget['dumps'] = {}, day = TODAY): Budget => ({ day, used, dumps });

describe('a segment of ten events, of a budget of 100, is granted', () => {
  const ask = { dumpId: 'd', run: 1, segment: 0, made: undefined, wanted: 10 };
  const other: Account = { ...account, grant: 10 };
  test.each<[string, Budget, object, object]>([
    ['all of it on a day with nothing used', budgetOf(0), ask, { kind: 'granted', events: 10 }],
    ['what is left', budgetOf(96), ask, { kind: 'granted', events: 4 }],
    ['nothing when all is used', budgetOf(100), ask, { kind: 'braked', until: nextDayAt(NOW) }],
    ['nothing yet while another may not need all it has', budgetOf(100, { other }), ask, { kind: 'shortly' }],
    [
      'nothing when the other was given up long ago',
      budgetOf(100, { other: { ...other, at: NOW - 3_600_000 } }),
      ask,
      { kind: 'braked', until: nextDayAt(NOW) },
    ],
    ['all of it on the next day', budgetOf(100, {}, '2026-11-21'), ask, { kind: 'granted', events: 10 }],
    ['nothing to who lost the dump to another reader', budgetOf(10, { d: account }), ask, { kind: 'shortly' }],
    [
      'all of it when the ledger has forgotten the dump since, and its runs begin anew',
      budgetOf(10, { d: { ...account, at: NOW - DAY_MS } }),
      ask,
      { kind: 'granted', events: 10 },
    ],
    ['the same once more', budgetOf(100, { d: account }), { ...ask, segment: 3 }, { kind: 'granted', events: 10 }],
    [
      'the same once more, also on another day',
      budgetOf(100, { d: { ...account, grant: 7, at: NOW - DAY_MS } }, '2026-11-21'),
      { ...ask, segment: 3 },
      { kind: 'granted', events: 7 },
    ],
    [
      'what the one before did not need',
      budgetOf(100, { d: account }),
      { ...ask, segment: 4, made: 4 },
      { kind: 'granted', events: 6 },
    ],
    [
      'nothing of what another day did not need',
      budgetOf(100, { d: { ...account, at: NOW - DAY_MS } }),
      { ...ask, segment: 4, made: 4 },
      { kind: 'braked', until: nextDayAt(NOW) },
    ],
    [
      'what was counted before, when the dump is read anew',
      budgetOf(100, { d: account }),
      { ...ask, run: 2 },
      { kind: 'granted', events: 10 },
    ],
    [
      'nothing to a reader that lost the dump',
      budgetOf(0, { d: account }),
      { ...ask, segment: 2 },
      { kind: 'shortly' },
    ],
  ])('%s', (_, budget, changes, grant) => {
    expect(grantSegment(budget, { ...ask, ...changes }, { eventsPerDay: 100, now: NOW }).grant).toEqual(grant);
  });
});

type World = { readonly eventsPerDay: number; readonly dumps: readonly string[]; readonly inOrder?: boolean };

/** An intake queue, dumps with the same lines each under its key, and a clock that jumps to the next message. */
function open(lines: string | Buffer, { eventsPerDay, dumps: keys, inOrder = false }: World) {
  const chunker = openChunker(lines);
  chunker.clock.advance(Math.max(0, NOW - chunker.clock.now()));
  const db = new DatabaseSync(':memory:');
  createQueueTables(db);
  const intake = embeddedQueue(db, 'intake', { fifo: false, clock: chunker.clock });
  const logged: Record<string, unknown>[] = [];
  const ports = (cap: number): IntakePorts => ({
    ...chunker.ports,
    importer: defineImporter({
      sources: [{ name: 'web', project: { secret: 'key' }, eventsPerDay: cap, inOrder }],
      segmentRecords: 10,
      lanes: 4,
    }),
    fingerprint: `cap ${cap}`,
    owner: 'anna',
    log: (level, message, fields) => void logged.push({ level, message, ...fields }),
    intake,
    line: { graceMs: 1_000, pollMs: 1_000 },
    deadLetters: { send: async () => undefined },
    maxTries: 1_000,
    readers: 1,
  });
  const sent = new Map<string, string[]>();
  const drop = async () => {
    for (const key of keys) {
      await intake.send([{ id: key, body: importMessage({ dump: { ...chunker.request.dump, key } }) }]);
    }
  };
  const world = {
    chunker,
    intake,
    logged,
    sent,
    drop,
    ports,
    ids: keys.map((key): [string, Dump] => [dumpId({ ...chunker.request.dump, key }), chunker.request.dump]),
    /** Takes every message that comes before `until`; what is sent is delivered, and noted by its day. */
    async workUntil(until: number, wrap: (its: IntakePorts) => IntakePorts = (its) => its, cap = eventsPerDay) {
      for (;;) {
        const at = intake.nextVisibleAt();
        if (at === undefined || at >= until) break;
        chunker.clock.advance(Math.max(0, at - chunker.clock.now()));
        const [message] = await intake.receive({ max: 1, visibilityMs: 3_600_000 });
        if (!message) continue;
        const waitMs = await takeIntake(message.body, message.receives, wrap(ports(cap)));
        await (waitMs === undefined ? intake.remove(message.receipt) : intake.hide(message.receipt, waitMs));
        const day = dayOf(chunker.clock.now());
        const chunks = withoutRepeats(await takeChunks(chunker));
        sent.set(day, [
          ...(sent.get(day) ?? []),
          ...chunks.flatMap((chunk) => eventTexts(chunk).map((text) => `${chunk.key} ${text}`)),
        ]);
        await deliver(chunks, chunker.ports);
      }
      chunker.clock.advance(Math.max(0, until - chunker.clock.now()));
    },
    async books() {
      const all = await Promise.all(
        world.ids.map(async ([id]) => {
          const entry = await chunker.ports.ledger.entry(id);
          return entry ? [...(await chunker.ports.ledger.segments(entry))] : [];
        }),
      );
      return sumBooks(all.flat());
    },
  };
  return world;
}

const perDay = (sent: ReadonlyMap<string, readonly string[]>) => [...sent.values()].map((events) => events.length);

describe('with eventsPerDay', () => {
  test('a dump of 55 events and a cap of 20 is sent on three days, in its order, and then is complete', async () => {
    const world = open(eventLines(55), { eventsPerDay: 20, dumps: ['day.ndjson'] });
    await world.drop();
    await world.workUntil(nextDayAt(NOW));
    expect(perDay(world.sent)).toEqual([20]);
    expect(await world.books()).toMatchObject({ read: 20, events: 20, delivered: 20, inFlight: 0 });
    expect(world.chunker.receipts).toEqual([]);
    await world.workUntil(nextDayAt(NOW) + 3 * DAY_MS);
    expect(perDay(world.sent)).toEqual([20, 20, 15]);
    const events = [...world.sent.values()].flat();
    expect(new Set(events).size).toBe(55);
    expect(world.chunker.receipts).toMatchObject([{ state: 'complete', read: 55, delivered: 55 }]);
    expect(world.intake.count()).toBe(0);
  });

  test('a cap that is no multiple of anything is kept to the event', async () => {
    const world = open(eventLines(60), { eventsPerDay: 23, dumps: ['day.ndjson'] });
    await world.drop();
    await world.workUntil(NOW + 4 * DAY_MS);
    expect(perDay(world.sent)).toEqual([23, 23, 14]);
  });

  test('all dumps of the source share it, and a dump that ends with the last event of the day is complete', async () => {
    const world = open(eventLines(12), { eventsPerDay: 24, dumps: ['a', 'b', 'c'] });
    await world.drop();
    await world.workUntil(nextDayAt(NOW));
    expect(perDay(world.sent)).toEqual([24]);
    expect(world.chunker.receipts).toHaveLength(2);
    await world.workUntil(NOW + 2 * DAY_MS);
    expect(perDay(world.sent)).toEqual([24, 12]);
    expect(world.chunker.receipts).toHaveLength(3);
  });

  test('what waits rings, says until when, and looks every 15 minutes without counting as tries', async () => {
    const world = open(eventLines(30), { eventsPerDay: 20, dumps: ['a'] });
    await world.drop();
    await world.workUntil(NOW + 3_600_000);
    const waits = world.logged.filter(({ message }) => message === 'dump waits for the budget of the next day');
    expect(waits.length).toBeGreaterThan(2);
    expect(waits.length).toBeLessThan(7);
    expect(waits[0]?.reason).toBe(
      'source web has sent its 20 events of 2026-11-22 (eventsPerDay); it goes on at 2026-11-23T00:00:00.000Z',
    );
    expect(world.chunker.measured.filter(({ DumpsBraked }) => DumpsBraked === 1)).toHaveLength(waits.length);
    const [message] = await world.intake.peek(1);
    expect(message?.receives).toBe(0);
  });

  test('a raised cap is seen within 15 minutes; what the dump is read anew of counts for no day again', async () => {
    const world = open(eventLines(55), { eventsPerDay: 20, dumps: ['a'] });
    await world.drop();
    await world.workUntil(NOW + 3_600_000);
    await world.workUntil(NOW + 2 * 3_600_000, (its) => its, 50);
    const events = [...world.sent.values()].flat();
    expect(new Set(events).size).toBe(50);
    const { budget } = await world.chunker.ports.ledger.budget('web');
    expect(budget).toMatchObject({ day: TODAY, used: 50, braked: { eventsPerDay: 50 } });
  });

  test('dumps in order wait behind the one that the brake holds', async () => {
    const world = open(eventLines(15), { eventsPerDay: 20, dumps: ['02', '01', '03'], inOrder: true });
    await world.drop();
    await world.workUntil(NOW + 4 * DAY_MS);
    expect(perDay(world.sent)).toEqual([20, 20, 5]);
    expect(world.chunker.receipts.map(({ dump }) => dump.slice(-2))).toEqual(['01', '02', '03']);
    expect(world.logged.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('crashes at any call of any port: everything is sent once, no day has more than the cap, the books close', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 20, max: 60 }),
        fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 12 }),
        async (events, eventsPerDay, faults) => {
          const world = open(eventLines(events), { eventsPerDay, dumps: ['a', 'b'] });
          await world.drop();
          const fuse = faults.toSorted((a, b) => a - b).map((at, i) => at + 20 * i);
          await world.workUntil(NOW + 12 * DAY_MS, failing(fuse));
          for (const sent of world.sent.values()) expect(new Set(sent).size).toBeLessThanOrEqual(eventsPerDay);
          expect(new Set([...world.sent.values()].flat()).size).toBe(2 * events);
          expect(await world.books()).toMatchObject({ read: 2 * events, delivered: 2 * events, inFlight: 0 });
          expect(world.chunker.receipts).toHaveLength(2);
        },
      ),
      { numRuns: runs(60) },
    );
  });
});

/** Each call of the ledger and of the upload queue has a number; at those of `fuse` it fails, before or after it was done. */
function failing(fuse: readonly number[]): (ports: IntakePorts) => IntakePorts {
  let calls = 0;
  const wrap = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get(target, name, receiver) {
        const method: unknown = Reflect.get(target, name, receiver);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]) => {
          calls += 1;
          const fails = fuse.includes(calls);
          const isDone = calls % 2 === 0;
          if (fails && !isDone) throw new Error('crash before');
          const answer: unknown = await Reflect.apply(method, target, args);
          if (fails) throw new Error('crash after');
          return answer;
        };
      },
    });
  return (ports) => ({ ...ports, ledger: wrap(ports.ledger), uploads: wrap(ports.uploads) });
}
