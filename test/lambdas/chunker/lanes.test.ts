/** Which lane an event goes in: few for a small dump, one of its own for a hot device. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { isOwnLane, laneRules, openLanes, startLanes } from '../../../lambdas/chunker/lanes.ts';
import type { RawRecord } from '../../../lambdas/chunker/raw-record.ts';
import type { LaneState } from '../../../shared/ledger.ts';
import { recordOf, type SourceChanges, sourceOf } from './fixtures.ts';

/** 99 bytes and a newline each. */
const RECORD = recordOf('x'.repeat(99));
const PART: readonly RawRecord[] = Array.from({ length: 50 }, () => RECORD);

function start(events: number, lanes: number, changes: SourceChanges = {}): LaneState {
  const rules = laneRules('d', sourceOf(changes), { lanes, uploaders: 8 });
  return startLanes(rules, 100 * events, false, PART);
}

describe('a dump uses a lane for every five chunks', () => {
  test.each([
    [1, 32, 1],
    [19_999, 32, 1],
    [20_000, 32, 2],
    [39_999, 32, 2],
    [40_000, 32, 4],
    [100_000, 32, 8],
    [319_999, 32, 16],
    [320_000, 32, 32],
    [100_000_000, 32, 32],
    [100_000_000, 1, 1],
    [40_000, 5, 4],
    [50_000, 5, 5],
  ])('%i events, of %i lanes: %i', (events, lanes, count) => {
    expect(start(events, lanes)).toEqual({ count, hot: [], ends: [] });
  });

  test('smaller chunks are more of them', () => {
    expect(start(20_000, 32, { caps: { eventsPerChunk: 500 } }).count).toBe(8);
  });

  test('of a compressed dump it is reckoned by what its first records are compressed', () => {
    const rules = laneRules('d', sourceOf(), { lanes: 32, uploaders: 8 });
    const records = Array.from({ length: 5_000 }, (_, i) => recordOf(`{"n":${(i * 7_919) % 10_007},"event_type":"x"}`));
    const size = 16 * gzipSync(Buffer.concat(records.map(({ bytes }) => bytes))).length;
    expect(startLanes(rules, size, true, records).count).toBe(8);
    expect(startLanes(rules, size, false, records).count).toBe(1);
  });

  test('of a dump without records it is one', () => {
    const rules = laneRules('d', sourceOf(), { lanes: 32, uploaders: 8 });
    expect(startLanes(rules, 1_000_000_000, false, []).count).toBe(1);
  });

  test('a capped project uses all: each keeps to its share of what it may send', () => {
    expect(start(1, 32, { projectEventsPerSecond: 1_000 }).count).toBe(32);
  });
});

function open(dumpId: string, count: number, changes: SourceChanges = {}, state: Partial<LaneState> = {}, lanes = 32) {
  const rules = laneRules(dumpId, sourceOf(changes), { lanes, uploaders: 8 });
  return openLanes(rules, { count, hot: [], ends: [], ...state });
}

const DUMPS = Array.from({ length: 200 }, (_, i) => `dump-${i}`);
const KEYS = Array.from({ length: 64 }, (_, i) => i * 0x3ffffff);

describe('the lanes of a dump', () => {
  test.each([1, 2, 4, 8, 16, 32])('%i are neighbours, and its name chooses which', (count) => {
    const firsts = DUMPS.map((dumpId) => {
      const used = new Set(KEYS.map((key) => open(dumpId, count).laneOf(key)));
      expect([...used].every((lane) => lane >= 0 && lane < 32)).toBe(true);
      const first = Math.min(...used);
      expect(Math.max(...used) - first).toBeLessThan(count);
      return first;
    });
    expect(new Set(firsts).size).toBe(32 / count);
  });

  test.each([
    [1, 32],
    [4, 8],
    [32, 1],
  ])(
    'with %i of 32 lanes, one device is in %i over many dumps: what every chunk says of its spread',
    (count, spread) => {
      for (const key of KEYS) {
        const used = new Set(DUMPS.map((dumpId) => open(dumpId, count).laneOf(key)));
        expect(used.size).toBe(spread);
        for (const lane of used) expect(open('d', count).spreadOf(lane)).toBe(spread);
      }
    },
  );

  test('small dumps share the lanes of larger ones, so that dumps of several sizes spread a device no further', () => {
    for (const key of KEYS) {
      const smallest = new Set(DUMPS.map((dumpId) => open(dumpId, 4).laneOf(key)));
      for (const dumpId of DUMPS) expect(smallest.has(open(dumpId, 8).laneOf(key))).toBe(true);
    }
  });
});

describe('a device is hot when a chunk has more of it than', () => {
  test.each<[number, string, number, SourceChanges]>([
    [200, 'a tenth of a chunk, if it is in one lane', 32, {}],
    // 0.93 of the limit in a request's 0.65 s is 604 of the Batch API.
    [151, 'a request takes time for, if it may be in four', 8, {}],
    [80, '4 % of a chunk, if it may be in as many as there are uploaders', 1, {}],
    [80, '4 % of a chunk, on HTTP V2', 32, { api: 'http-v2' }],
    [10, 'a tenth of a chunk, on HTTP V2 with small ones', 32, { api: 'http-v2', caps: { eventsPerChunk: 100 } }],
    [1, 'one, in the smallest chunks', 1, { api: 'http-v2', caps: { eventsPerChunk: 10 } }],
    [Number.POSITIVE_INFINITY, 'there can be, in a capped project', 32, { projectEventsPerSecond: 1_000 }],
  ])('%d: %s', (hotAt, _, count, changes) => {
    expect(open('d', count, changes).hotAt).toBe(hotAt);
  });
});

describe('a lane of its own', () => {
  test('is the same in all dumps, for itself alone, and not one of the ordinary ones', () => {
    const own = DUMPS.map((dumpId) => {
      const lanes = open(dumpId, 4);
      const lane = lanes.promote(77, 0);
      expect(lanes.laneOf(77)).toBe(lane);
      expect(lanes.laneOf(78)).toBeLessThan(32);
      expect(lanes.spreadOf(lane ?? 0)).toBe(1);
      return lane;
    });
    expect(new Set(own).size).toBe(1);
    expect(isOwnLane(own[0] ?? 0)).toBe(true);
    expect(isOwnLane(255)).toBe(false);
  });

  test('is had by 64 devices of a dump at most', () => {
    const lanes = open('d', 32);
    const given = Array.from({ length: 70 }, (_, key) => lanes.promote(key, 0));
    expect(given.filter((lane) => lane !== undefined)).toHaveLength(64);
    expect(lanes.laneOf(69)).toBeLessThan(32);
    expect(lanes.hot()).toHaveLength(64);
  });

  test('is kept at a checkpoint, with which lanes have had chunks', () => {
    const before = open('d', 4);
    const own = before.promote(77, 0);
    const lane = before.laneOf(5);
    before.noteClosed(lane);
    const after = open('d', 4, {}, { hot: before.hot(), ends: [[lane, 0, 3]] });
    expect(after.laneOf(77)).toBe(own);
    expect([after.hasClosed(lane), after.hasClosed(lane ^ 1)]).toEqual([true, false]);
  });
});
