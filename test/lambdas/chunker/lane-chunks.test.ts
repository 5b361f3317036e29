/** How events come to lie in chunks. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClosedChunk, collectLanes, SEPARATOR } from '../../../lambdas/chunker/lane-chunks.ts';
import { hashOf, isOwnLane, laneKey, NOBODY, openLanes } from '../../../lambdas/chunker/lanes.ts';
import type { PreparedEvent } from '../../../lambdas/chunker/make-events.ts';
import { bytesOfText, NO_EDITS } from '../../../lambdas/chunker/spliced-text.ts';
import { lanesOf } from './fixtures.ts';

type Ids = { readonly deviceId?: string | undefined; readonly userId?: string | undefined };

/** `text` need not be JSON here, but has no newline, as no event has one. */
function eventOf(text: string, { deviceId, userId }: Ids = {}): PreparedEvent {
  const bytes = Buffer.from(text);
  const middle = bytes.length >> 1;
  const edits = [{ start: middle, end: bytes.length, piece: bytes, from: middle, to: bytes.length }];
  return { text: bytes, edits, bytes: bytes.length, ...hashesOf({ deviceId, userId }), time: undefined };
}

const hashesOf = ({ deviceId, userId }: Ids) => ({
  device: deviceId === undefined ? NOBODY : hashOf(deviceId),
  user: userId === undefined ? NOBODY : hashOf(userId),
});

const laneOf = (event: Ids, lanes: number, by: 'device' | 'user' = 'device') => laneKey(hashesOf(event), by) % lanes;
const textOf = (event: PreparedEvent) => bytesOfText(event).toString();
const eventsOf = (chunk: Kept) => chunk.text.split(SEPARATOR.toString());

/** A closed chunk whose text is safe from being used again. */
type Kept = Omit<ClosedChunk, 'text'> & { readonly text: string };
type Collected = ReturnType<typeof collectLanes>;

function keep(lanes: Collected): Kept[] {
  return lanes.takeClosed().map((chunk) => {
    const kept = { ...chunk, text: chunk.text.toString() };
    chunk.text.fill('?'); // whoever is given the memory next must not find anything in it
    lanes.recycle(chunk);
    return kept;
  });
}

const id = fc.option(fc.constantFrom('anna', 'ben', 'cleo', 'dora', 'emil'), { nil: undefined });
const anyEvent = fc.record({ text: fc.nat(80).map((length) => 'x'.repeat(length)), deviceId: id, userId: id });

type Run = {
  readonly events: readonly (Ids & { readonly text: string })[];
  readonly lanes: number;
  readonly eventsPerChunk: number;
  readonly chunkBytes: number;
  /** After how many events closed chunks are taken; must change nothing. */
  readonly takeEvery: number;
};
const anyRun: fc.Arbitrary<Run> = fc.record({
  events: fc.array(anyEvent, { maxLength: 60 }),
  lanes: fc.integer({ min: 1, max: 8 }),
  eventsPerChunk: fc.integer({ min: 1, max: 9 }),
  chunkBytes: fc.integer({ min: 100, max: 300 }),
  takeEvery: fc.integer({ min: 1, max: 10 }),
});

function collectAll({ events, lanes, takeEvery, ...limits }: Run) {
  const collected = collectLanes(lanesOf(lanes), { ...limits, eventsPerId: 15_000, lane: 'device' });
  const chunks: Kept[] = [];
  const prepared = events.map(({ text, ...ids }, i) => eventOf(`${i}:${text}`, ids));
  for (const [i, event] of prepared.entries()) {
    collected.add(event, i + 1);
    if (i % takeEvery === 0) chunks.push(...keep(collected));
  }
  collected.closeAll();
  chunks.push(...keep(collected));
  return { chunks, prepared };
}

test('the chunks hold exactly the events, those of each lane in their order', () => {
  fc.assert(
    fc.property(anyRun, (run) => {
      const { chunks, prepared } = collectAll(run);
      for (let lane = 0; lane < run.lanes; lane += 1) {
        const inLane = prepared.flatMap((event, i) =>
          laneKey(event, 'device') % run.lanes === lane ? [{ text: textOf(event), position: i + 1 }] : [],
        );
        const ofLane = chunks.filter((chunk) => chunk.lane === lane);
        expect(ofLane.flatMap(eventsOf)).toEqual(inLane.map(({ text }) => text));
        expect(ofLane.flatMap(({ positions }) => positions)).toEqual(inLane.map(({ position }) => position));
      }
    }),
  );
});

test('no chunk is empty, none has more events or bytes than allowed, and none is closed before the next event would not fit', () => {
  fc.assert(
    fc.property(anyRun, (run) => {
      const { chunks } = collectAll(run);
      for (const [i, chunk] of chunks.entries()) {
        expect(chunk.positions.length).toBeGreaterThan(0);
        expect(chunk.positions.length).toBeLessThanOrEqual(run.eventsPerChunk);
        expect(Buffer.byteLength(chunk.text)).toBeLessThanOrEqual(run.chunkBytes);
        const next = chunks.slice(i + 1).find(({ lane }) => lane === chunk.lane);
        if (!next) continue;
        const bytes = Buffer.byteLength(chunk.text) + SEPARATOR.length + Buffer.byteLength(eventsOf(next)[0] ?? '');
        expect(chunk.positions.length === run.eventsPerChunk || bytes > run.chunkBytes).toBe(true);
      }
    }),
  );
});

test('where chunks end does not depend on when they are taken', () => {
  fc.assert(
    fc.property(anyRun, (run) => {
      expect(collectAll({ ...run, takeEvery: 1 }).chunks).toEqual(collectAll({ ...run, takeEvery: 100 }).chunks);
    }),
  );
});

test('hottest is the largest number of events of a chunk that share a device or a user', () => {
  fc.assert(
    fc.property(anyRun, (run) => {
      const { chunks, prepared } = collectAll(run);
      for (const { positions, hottest } of chunks) {
        const events = positions.map((position) => prepared[position - 1]);
        const counts = (['device', 'user'] as const).flatMap((field) => {
          const ids = events.flatMap((event) => event?.[field] ?? NOBODY).filter((one) => one !== NOBODY);
          return ids.map((one) => ids.filter((other) => other === one).length);
        });
        expect(hottest).toBe(Math.max(0, ...counts));
      }
    }),
  );
});

test.each<[string, Ids[], number]>([
  ['one device', [{ deviceId: 'd' }, { deviceId: 'd' }, { deviceId: 'd' }], 3],
  [
    'one user on many devices',
    [
      { deviceId: 'd1', userId: 'u' },
      { deviceId: 'd2', userId: 'u' },
    ],
    2,
  ],
  ['a device and a user of the same name', [{ deviceId: 'x' }, { userId: 'x' }], 1],
  ['users of an object’s names', [{ userId: 'constructor' }, { userId: '__proto__' }], 1],
])('hottest: %s', (_what, ids, hottest) => {
  const lanes = collectLanes(lanesOf(1), {
    eventsPerChunk: 10,
    chunkBytes: 1_000,
    eventsPerId: 15_000,
    lane: 'device',
  });
  for (const [i, each] of ids.entries()) lanes.add(eventOf('x', each), i);
  lanes.closeAll();
  expect(lanes.takeClosed()).toMatchObject([{ hottest }]);
});

test('a device is in one lane, whoever uses it; without a device it is the user', () => {
  for (const lanes of [1, 2, 32, 256]) {
    const lane = laneOf({ deviceId: 'phone', userId: undefined }, lanes);
    expect(lane).toBeLessThan(lanes);
    expect(laneOf({ deviceId: 'phone', userId: 'anna' }, lanes)).toBe(lane);
    expect(laneOf({ deviceId: undefined, userId: 'phone' }, lanes)).toBe(lane);
  }
});

test('lanes are shared out evenly, and are the same on every machine and in every release', () => {
  const counts = Array.from({ length: 32 }, () => 0);
  for (let i = 0; i < 32_000; i += 1) {
    const lane = laneOf({ deviceId: `device-${i}`, userId: undefined }, 32);
    counts[lane] = (counts[lane] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(800);
  expect(Math.max(...counts)).toBeLessThan(1_200);
  // Published test vectors of FNV-1a: 811c9dc5, e40c292c and bf9cf968.
  expect(['', 'a', 'foobar'].map((deviceId) => laneOf({ deviceId, userId: undefined }, 256))).toEqual([
    0xc5, 0x2c, 0x68,
  ]);
});

test('a chunk grows with its events, up to its limit', () => {
  const lanes = collectLanes(lanesOf(1), {
    eventsPerChunk: 100,
    chunkBytes: 3_000_000,
    eventsPerId: 15_000,
    lane: 'device',
  });
  const texts = Array.from({ length: 80 }, (_, i) => String(i % 10).repeat(30_000));
  for (const [i, text] of texts.entries()) lanes.add(eventOf(text), i);
  lanes.closeAll();
  const [chunk] = lanes.takeClosed();
  expect(chunk?.text.toString() === texts.join(',\n')).toBe(true);
});

test('an event as large as a chunk may be is one by itself', () => {
  const lanes = collectLanes(lanesOf(1), {
    eventsPerChunk: 10,
    chunkBytes: 1_000,
    eventsPerId: 15_000,
    lane: 'device',
  });
  for (const [i, bytes] of [1_000, 499, 499, 1].entries()) lanes.add(eventOf('x'.repeat(bytes)), i);
  lanes.closeAll();
  expect(lanes.takeClosed().map(({ text }) => text.length)).toEqual([1_000, 1_000, 1]);
});

test('a chunk holds no more events of one device or user than its API takes of it in half a window', () => {
  for (const id of ['device', 'user'] as const) {
    const lanes = collectLanes(lanesOf(1), {
      eventsPerChunk: 100,
      chunkBytes: 3_000_000,
      eventsPerId: 3,
      lane: 'device',
    });
    for (let i = 0; i < 20; i += 1)
      lanes.add({ ...eventOfLane(i), [id]: hashOf(i % 2 === 0 ? 'hot' : `cold ${i}`) }, i + 1);
    lanes.closeAll();
    const closed = lanes.takeClosed();
    expect(closed.map(({ hottest }) => hottest)).toEqual([3, 3, 3, 1]);
    expect(closed.flatMap(({ positions }) => positions)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  }
});

test("a source may ask that a user's events share a lane, over all devices", () => {
  const lane = laneOf({ deviceId: 'phone', userId: 'anna' }, 32, 'user');
  expect(laneOf({ deviceId: 'laptop', userId: 'anna' }, 32, 'user')).toBe(lane);
  expect(laneOf({ deviceId: 'anna', userId: undefined }, 32, 'user')).toBe(lane);
});

/** One lane of an importer that has nine; more than two events of a device in a chunk make it hot. */
function hotLanes(hot: readonly number[] = []) {
  const shared = { lanes: 9, uploaders: 9, dumpId: 'd', projects: 1, isCapped: false };
  return { ...openLanes({ ...shared, api: 'http-v2', eventsPerChunk: 6 }, { count: 1, hot, ends: [] }), hotAt: 2 };
}

const HOT_LIMITS = { eventsPerChunk: 6, chunkBytes: 400, eventsPerId: 4, lane: 'device' } as const;

describe('a hot device', () => {
  const named = (name: string) => eventOf(name, { deviceId: name.slice(0, 1) });

  function closedOf(names: string, hot: readonly number[] = []) {
    const lanes = hotLanes(hot);
    const collected = collectLanes(lanes, HOT_LIMITS);
    for (const [i, name] of names.split(' ').entries()) collected.add(named(name), i + 1);
    collected.closeAll();
    const closed = collected.takeClosed();
    return closed.map(({ lane, text, after, hottest, spread, positions }) => ({
      events: text.toString().replaceAll(',\n', ' '),
      isOwn: isOwnLane(lane),
      ...(after && { after: after.chunk?.text.toString().replaceAll(',\n', ' ') }),
      hottest,
      spread,
      positions,
    }));
  }

  test('takes its events of the open chunk with it into a lane of its own, and keeps it', () => {
    expect(closedOf('a1 b1 a2 c1 a3 b2 a4')).toEqual([
      { events: 'b1 c1 b2', isOwn: false, hottest: 2, spread: 9, positions: [2, 4, 6] },
      { events: 'a1 a2 a3 a4', isOwn: true, hottest: 4, spread: 1, positions: [1, 3, 5, 7] },
    ]);
  });

  test('leaves no empty chunk behind', () => {
    expect(closedOf('a1 a2 a3')).toMatchObject([{ events: 'a1 a2 a3', isOwn: true }]);
    expect(closedOf('a1 a2 a3 b1')).toMatchObject([
      { events: 'a1 a2 a3', isOwn: true },
      { events: 'b1', isOwn: false },
    ]);
  });

  test('has a first chunk of its own that comes after the last one that its lane closed before', () => {
    expect(closedOf('a1 b1 b2 c1 c2 d1 a2 a3 d2 a4 e1 a5 a6 a7')).toMatchObject([
      { events: 'a1 b1 b2 c1 c2 d1', isOwn: false },
      { events: 'a2 a3 a4 a5', isOwn: true, after: 'a1 b1 b2 c1 c2 d1' },
      { events: 'd2 e1', isOwn: false },
      { events: 'a6 a7', isOwn: true },
    ]);
    expect(closedOf('a1 b1 b2 c1 c2 d1 a2 a3 d2 a4 e1 a5 a6 a7').map((chunk) => 'after' in chunk)).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });

  test('of an earlier segment is in its own lane from the start, behind nothing', () => {
    const key = laneKey(hashesOf({ deviceId: 'a' }), 'device');
    expect(closedOf('a1 b1', [key])).toEqual([
      { events: 'a1', isOwn: true, hottest: 1, spread: 1, positions: [1] },
      { events: 'b1', isOwn: false, hottest: 1, spread: 9, positions: [2] },
    ]);
  });

  test('is one that the lane is chosen by: a user on many devices gets none', () => {
    const collected = collectLanes(hotLanes(), HOT_LIMITS);
    for (let i = 0; i < 4; i += 1) collected.add(eventOf('x', { deviceId: `d${i}`, userId: 'u' }), i);
    collected.closeAll();
    expect(collected.takeClosed()).toMatchObject([{ hottest: 4, positions: [0, 1, 2, 3] }]);
    const byUser = collectLanes(hotLanes(), { ...HOT_LIMITS, lane: 'user' });
    for (let i = 0; i < 4; i += 1) byUser.add(eventOf('x', { deviceId: `d${i}`, userId: 'u' }), i);
    byUser.closeAll();
    expect(byUser.takeClosed().map(({ lane }) => isOwnLane(lane))).toEqual([true]);
  });

  test('stays where it is when there are too many', () => {
    const lanes = hotLanes(Array.from({ length: 64 }, (_, key) => key));
    const collected = collectLanes(lanes, HOT_LIMITS);
    for (let i = 0; i < 4; i += 1) collected.add(named(`a${i}`), i);
    collected.closeAll();
    expect(collected.takeClosed()).toMatchObject([
      { hottest: 4, lane: lanes.laneOf(laneKey(hashesOf({ deviceId: 'a' }), 'device')) },
    ]);
  });

  test('whatever comes: no event is lost, and what is of one device goes in order, waits included', () => {
    const anyNames = fc.array(fc.constantFrom('a', 'a', 'a', 'b', 'b', 'c', 'd', 'e'), { maxLength: 80 });
    fc.assert(
      fc.property(anyNames, fc.integer({ min: 1, max: 9 }), (devices, takeEvery) => {
        const collected = collectLanes(hotLanes(), HOT_LIMITS);
        const chunks: (Kept & { readonly of?: ClosedChunk })[] = [];
        const seen = new Map<ClosedChunk, Kept>();
        const take = () => {
          for (const chunk of collected.takeClosed()) {
            const kept = { ...chunk, text: chunk.text.toString() };
            seen.set(chunk, kept);
            chunks.push(kept);
            collected.recycle(chunk);
          }
        };
        for (const [i, device] of devices.entries()) {
          collected.add(eventOf(`${device}${i}`, { deviceId: device }), i);
          if (i % takeEvery === 0) take();
        }
        collected.closeAll();
        take();
        expect(chunks.flatMap(eventsOf).toSorted()).toEqual(devices.map((device, i) => `${device}${i}`).toSorted());
        for (const device of new Set(devices)) {
          const its = chunks.filter((chunk) => eventsOf(chunk).some((event) => event.startsWith(device)));
          const numbers = its
            .flatMap(eventsOf)
            .filter((event) => event.startsWith(device))
            .map((event) => Number(event.slice(1)));
          expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
          // Where it changes lanes, the first chunk of the new one waits for the last one before.
          for (const [i, chunk] of its.entries()) {
            const before = its[i - 1];
            if (!before || before.lane === chunk.lane) continue;
            const awaited = chunk.after?.chunk && seen.get(chunk.after.chunk);
            expect(awaited?.lane).toBe(before.lane);
            expect(chunks.indexOf(awaited ?? chunk)).toBeGreaterThanOrEqual(chunks.indexOf(before));
          }
        }
      }),
    );
  });
});

function eventOfLane(n: number) {
  const text = Buffer.from(`{"n":${n}}`);
  return { text, edits: NO_EDITS, bytes: text.length, device: NOBODY, user: NOBODY, time: undefined };
}
