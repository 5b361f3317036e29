/** What becomes of a record. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashOf } from '../../../lambdas/chunker/lanes.ts';
import { recordOf, sourceOf } from './fixtures.ts';
import { DEEP_TEXT, EVENT, EVENT_TEXT, eventsOf, make, makeEvents, makeWith, textsOf, throwIt } from './making.ts';
import { runs } from '../../runs.ts';

describe('a record that already is an event', () => {
  test('is sent as it stands, and what the next steps need is read from it', () => {
    const text =
      '{"event_type":"visit","device_id":"device-1","user_id":"user-1","time":1700000000000,"insert_id":"own"}';
    const made = make(text);
    expect(textsOf(made)).toEqual([text]);
    expect(made).toMatchObject({
      events: [{ bytes: text.length, device: hashOf('device-1'), user: hashOf('user-1'), time: 1_700_000_000_000 }],
      refused: [],
    });
  });

  test.each<[string, string | Buffer, string]>([
    ['no JSON', 'hello', 'record is not JSON'],
    ['cut off', '{"event_type":"vi', 'record is not JSON'],
    ['two on one line', `${EVENT_TEXT}${EVENT_TEXT}`, 'record is not JSON'],
    ['a NUL byte', '\0', 'record is not JSON'],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'record is not UTF-8'],
    ['a list', `[${EVENT_TEXT}]`, 'record is not an object'],
    ['null', 'null', 'record is not an object'],
    ['text', '"visit"', 'record is not an object'],
    ['an empty object', '{}', 'event_type is missing'],
    [
      'properties that are a number beyond all',
      '{"event_type":"visit","user_id":"user-1","event_properties":1e999}',
      'event_properties is not an object',
    ],
    ['an id as a number', '{"event_type":"visit","user_id":12345}', 'user_id is not a string'],
    [
      'an insert_id that is no text',
      '{"event_type":"visit","user_id":"user-1","insert_id":0}',
      'insert_id is not a string',
    ],
  ])('%s is unusable', (_what, text, reason) => {
    expect(make(text)).toMatchObject({ kind: 'unusable', reason });
  });

  test('on several lines, as in a JSON array that was printed to be read, is sent on one', () => {
    const [text = ''] = textsOf(
      make('{\n  "event_type": "visit",\r\n  "user_id": "user-1",\n  "insert_id": "a\\nb"\n}'),
    );
    expect(text).not.toContain('\n');
    expect(JSON.parse(text)).toEqual({ event_type: 'visit', user_id: 'user-1', insert_id: 'a\nb' });
  });

  test('of two times the same name the last one is checked', () => {
    expect(make('{"event_type":"visit","user_id":"user-1","user_id":5}')).toMatchObject({
      reason: 'user_id is not a string',
    });
    expect(make('{"event_type":"visit","user_id":5,"user_id":"user-1"}')).toMatchObject({ kind: 'events' });
  });

  test('longer than the cap is unusable, however it begins', () => {
    const record = recordOf(EVENT_TEXT, { length: 20_000_001 });
    expect(makeEvents(record, sourceOf(), 'day.ndjson')).toEqual({
      kind: 'unusable',
      reason: 'record is too long',
      detail: '20000001 bytes, at most 20000000 (caps.recordBytes)',
    });
  });

  test('larger than a chunk is unusable; as large as a chunk it fits', () => {
    const [text] = textsOf(make(EVENT_TEXT));
    const bytes = Buffer.byteLength(text ?? '');
    expect(make(EVENT_TEXT, { caps: { chunkBytes: bytes } })).toMatchObject({ events: [{ bytes }], refused: [] });
    expect(make(EVENT_TEXT, { caps: { chunkBytes: bytes - 1 } })).toEqual({
      kind: 'unusable',
      reason: 'event is too large',
      detail: `${bytes} bytes, at most ${bytes - 1} fit one upload`,
    });
  });

  test('how short an id may be is the source’s to say', () => {
    const text = '{"event_type":"visit","user_id":"7"}';
    expect(make(text)).toMatchObject({ reason: 'user_id is too short' });
    expect(make(text, { minIdLength: 1 }).kind).toBe('events');
  });

  test('nested 100,000 levels deep is no trouble', () => {
    expect(make(`{"event_type":"visit","user_id":"user-1","my_field":${DEEP_TEXT}}`).kind).toBe('events');
    for (const field of ['event_type', 'user_id', 'time', 'event_properties', 'insert_id']) {
      expect(make(`{"event_type":"visit","user_id":"user-1","${field}":${DEEP_TEXT}}`).kind).toBe('unusable');
    }
  });
});

test("with insertId 'position' identical records are different events, each the same whenever it is made again", () => {
  const source = sourceOf({ insertId: 'position' });
  const idOf = (dump: string, position: number, map?: () => typeof EVENT) => {
    const made = makeEvents(
      recordOf(EVENT_TEXT, { position }),
      map ? sourceOf({ insertId: 'position', map }) : source,
      dump,
    );
    return eventsOf(made)[0]?.insert_id;
  };
  const ids = [idOf('a.ndjson', 1), idOf('a.ndjson', 2), idOf('b.ndjson', 1)];
  expect(new Set(ids).size).toBe(3);
  expect([idOf('a.ndjson', 1), idOf('a.ndjson', 2), idOf('b.ndjson', 1)]).toEqual(ids);
  expect(idOf('a.ndjson', 1, () => EVENT)).toBe(ids[0]);
});

test('no bytes, and nothing that a map does, make it throw', () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
  });
  const bytes = fc.oneof(fc.uint8Array(), fc.json(), fc.string({ unit: 'binary' })).map((some) => Buffer.from(some));
  fc.assert(
    fc.property(bytes, anything, fc.boolean(), (line, thing, isThrown) => {
      expect(['events', 'filtered', 'unusable']).toContain(make(line).kind);
      const map = () => (isThrown ? throwIt(thing) : thing);
      expect(['events', 'filtered', 'unusable']).toContain(makeWith(map).kind);
    }),
    { numRuns: runs(300) },
  );
});
