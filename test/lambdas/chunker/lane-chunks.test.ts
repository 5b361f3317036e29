/** How events come to lie in chunks. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ClosedChunk, collectLanes, SEPARATOR } from '../../../lambdas/chunker/lane-chunks.ts';
import { laneKey } from '../../../lambdas/chunker/lanes.ts';
import type { PreparedEvent } from '../../../lambdas/chunker/make-events.ts';
import { lanesOf } from './fixtures.ts';

type Ids = { readonly deviceId?: string | undefined; readonly userId?: string | undefined };

/** `text` need not be JSON here, but has no newline, as no event has one. */
function eventOf(text: string, { deviceId, userId }: Ids = {}): PreparedEvent {
  const bytes = Buffer.from(text);
  const middle = bytes.length >> 1;
  const pieces = [bytes.subarray(0, middle), bytes.subarray(middle)];
  return { pieces, bytes: bytes.length, deviceId, userId, time: undefined };
}

const laneOf = (event: Ids, lanes: number, by: 'device' | 'user' = 'device') =>
  laneKey({ deviceId: event.deviceId, userId: event.userId }, by) % lanes;
const textOf = ({ pieces }: PreparedEvent) => Buffer.concat(pieces).toString();
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
          laneOf(event, run.lanes) === lane ? [{ text: textOf(event), position: i + 1 }] : [],
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
        const counts = (['deviceId', 'userId'] as const).flatMap((field) => {
          const ids = events.flatMap((event) => event?.[field] ?? []);
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
  for (const id of ['deviceId', 'userId'] as const) {
    const lanes = collectLanes(lanesOf(1), {
      eventsPerChunk: 100,
      chunkBytes: 3_000_000,
      eventsPerId: 3,
      lane: 'device',
    });
    for (let i = 0; i < 20; i += 1) lanes.add({ ...eventOfLane(i), [id]: i % 2 === 0 ? 'hot' : `cold ${i}` }, i + 1);
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

function eventOfLane(n: number) {
  const text = Buffer.from(`{"n":${n}}`);
  return { pieces: [text], bytes: text.length, deviceId: undefined, userId: undefined, time: undefined };
}
