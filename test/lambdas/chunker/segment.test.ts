/** A segment while it is being read. */
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { hashOf, NOBODY } from '../../../lambdas/chunker/lanes.ts';
import type { MadeEvents } from '../../../lambdas/chunker/make-events.ts';
import { openSegment } from '../../../lambdas/chunker/segment.ts';
import { NO_EDITS } from '../../../lambdas/chunker/spliced-text.ts';
import { lanesOf, recordOf, sourceOf } from './fixtures.ts';

const open = (segmentRecords = 1_000) => openSegment(0, sourceOf(), { segmentRecords }, lanesOf(4));
const unusable: MadeEvents = { kind: 'unusable', reason: 'record is not JSON', detail: 'oops' };
const eventOf = (time?: number) => ({
  text: Buffer.from('{}'),
  edits: NO_EDITS,
  bytes: 2,
  device: hashOf('d'),
  user: NOBODY,
  time,
});
const events = (...times: readonly (number | undefined)[]): MadeEvents => ({
  kind: 'events',
  events: times.map(eventOf),
  refused: [],
});

function rejectsOf(segment: ReturnType<typeof open>): object[] {
  const lines = gunzipSync(segment.takeRejects() ?? Buffer.alloc(0))
    .toString()
    .split('\n')
    .slice(0, -1);
  return lines.map((line) => JSON.parse(line) as object);
}

test('every record and every event is counted in one place, with the times of the first and the last', () => {
  const segment = open();
  const refused = [{ reason: 'time is not a whole number', detail: 'found "x"', text: '{"time":"x"}' }];
  segment.add(recordOf('1'), events(20, undefined, 10));
  segment.add(recordOf('2'), { kind: 'events', events: [eventOf(15)], refused });
  segment.add(recordOf('3'), { kind: 'filtered' });
  segment.add(recordOf('4'), unusable);
  segment.add(recordOf('5'), unusable);
  const counts = { read: 5, filtered: 1, unusable: 2, mapped: 2, events: 5, refused: 1 };
  const reasons = { 'record is not JSON': 2, 'time is not a whole number': 1 };
  expect(segment.plan(3)).toEqual({ ...counts, chunks: 3, reasons, firstTime: 10, lastTime: 20 });
});

test('a reject of a dump with several files names its file, and the line in it', () => {
  const segment = open();
  segment.add(recordOf('x', { position: 12, within: { name: 'export/b.json.gz', before: 10 } }), unusable);
  expect(rejectsOf(segment)).toMatchObject([{ position: 12, detail: 'oops (line 2 of export/b.json.gz)' }]);
});

test('without times the plan has none', () => {
  const segment = open();
  segment.add(recordOf('1'), events(undefined));
  expect(Object.keys(segment.plan(1))).not.toContain('firstTime');
});

test('rejects keep the bytes as they stood, the position and the reason; what was cut says so', () => {
  const segment = open();
  segment.add(recordOf('{"a":', { position: 4 }), unusable);
  segment.add(recordOf(Buffer.from([0xff, 0x00]), { position: 5 }), unusable);
  segment.add(recordOf('xxx', { position: 6, length: 40_000_000 }), unusable);
  const why = { kind: 'unusable', reason: 'record is not JSON', detail: 'oops' };
  expect(rejectsOf(segment)).toEqual([
    { ...why, position: 4, text: '{"a":' },
    { ...why, position: 5, base64: '/wA=' },
    { ...why, position: 6, text: 'xxx', cutFrom: 40_000_000 },
  ]);
});

test('without rejects there is no rejects file', () => {
  expect(open().takeRejects()).toBeUndefined();
});

test('it is full after so many records', () => {
  const segment = open(2);
  segment.add(recordOf('1'), { kind: 'filtered' });
  expect(segment.isFull()).toBe(false);
  segment.add(recordOf('2'), unusable);
  expect(segment.isFull()).toBe(true);
});

test('it is full, too, when its rejects are as much as may be in memory', () => {
  const segment = open();
  const record = recordOf(Buffer.alloc(16 * 1_048_576, 'x'));
  for (let i = 0; i < 4; i += 1) {
    expect(segment.isFull()).toBe(false);
    segment.add(record, unusable);
  }
  expect(segment.isFull()).toBe(true);
  expect(segment.takeRejects()?.length).toBeLessThan(1_048_576);
});

test('it is full, too, when it has 1,000 chunks, so that its ledger item stays small', () => {
  const segment = openSegment(0, sourceOf({ caps: { eventsPerChunk: 1 } }), { segmentRecords: 1_000_000 }, lanesOf(1));
  for (let n = 1; n < 1_000; n += 1) segment.add(recordOf(String(n)), events(n));
  expect(segment.isFull()).toBe(false);
  segment.add(recordOf('last'), events(1_000));
  expect(segment.isFull()).toBe(true);
});
