/** An event that a function only added to is sent in its record's own text, and means the same as if it were written anew. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../shared/amplitude-event.ts';
import { parseExactly, stringifyExactly } from '../../../shared/exact-json.ts';
import { runs } from '../../runs.ts';
import { eventMembers, objectText, parseAll } from './json-text.ts';
import { makeWith, textsOf } from './making.ts';

const TEXT = '{"event_type":"visit", "user_id":"user-1","event_properties":{"a":1.0,"b":[{"c":"K\\u00f6ln"}]}}';

type Mutable = { [name: string]: unknown };
type Record = Mutable & { event_properties: { a: number; b: [Mutable] } };

function sent(map: (record: Record) => unknown, text = TEXT): string {
  return textsOf(makeWith((record) => map(record as unknown as Record), text))[0] ?? '';
}

/** That of a record is everything but its closing brace. */
const isKept = (text: string, whole = TEXT) => text.includes(whole.slice(1, -1));

test.each([
  ['1700000000000', true],
  ['1700000000000.0', false],
  ['1.7e12', false],
  ['1700000000000.0,"x":{"time":1700000000000}', false],
])('a time of %s: its text is kept %s, and it is a whole number as it is sent', (time, kept) => {
  const whole = `{"event_type":"visit","user_id":"user-1","time":${time}}`;
  const text = sent((record) => ({ ...record, library: 'a' }), whole);
  expect(isKept(text, whole)).toBe(kept);
  expect(text).toContain('"time":1700000000000,');
});

test('a text that is too long for a chunk only as it stands is written anew', () => {
  const spaces = ' '.repeat(3_000_000);
  const text = sent((record) => ({ ...record, library: 'a' }), `{"event_type":"visit",${spaces}"user_id":"user-1"}`);
  expect(parseAll(text)).toMatchObject({ event_type: 'visit', user_id: 'user-1', library: 'a' });
});

describe('what was only added to keeps its text', () => {
  test.each<[string, (record: Record) => unknown]>([
    ['the record itself', (record) => record],
    ['a copy with a field more', (record) => ({ ...record, library: 'Köln "1"' })],
    ['a copy with an insert_id', (record) => ({ ...record, insert_id: 'own "1"' })],
    ['a copy with an insert_id that is none', (record) => ({ ...record, insert_id: undefined, price: 1n })],
    ['a copy with an insert_id that is null', (record) => ({ ...record, insert_id: null })],
    ['the record with a field put in', (record) => Object.assign(record, { library: 'a', city: undefined })],
  ])('%s', (_what, map) => {
    const text = sent(map);
    expect(isKept(text)).toBe(true);
    expect(text.match(/"insert_id"/g)).toHaveLength(1);
    const { insert_id, ...event } = parseAll(text) as Mutable;
    const { insert_id: own, ...expected } = { ...(map(parseExactly(TEXT) as Record) as Mutable) };
    expect(event).toEqual(parseAll(stringifyExactly(expected)));
    expect(insert_id).toEqual(own ?? expect.stringMatching(/^[\w-]{16}$/));
  });
});

describe('what was changed is written anew', () => {
  test.each<[string, (record: Record) => unknown]>([
    ['a field of its own', (record) => ({ ...record, user_id: 'user-2' })],
    ['a field taken out', ({ event_type, user_id }) => ({ event_type, user_id })],
    ['fields in another order', ({ event_type, ...others }) => ({ ...others, event_type })],
    ['a property, in place', (record) => (Object.assign(record.event_properties, { a: 2 }), record)],
    ['a property more, in place', (record) => (Object.assign(record.event_properties, { z: 2 }), record)],
    ['a property fewer, in place', (record) => (Reflect.deleteProperty(record.event_properties, 'a'), record)],
    ['deep inside, in place', (record) => ((record.event_properties.b[0]['c'] = 'Bonn'), record)],
    ['a list made longer, in place', (record) => ((record.event_properties.b as unknown[]).push(1), record)],
    ['a list made shorter, in place', (record) => ((record.event_properties.b as unknown[]).pop(), record)],
    ['an object that writes itself', (record) => (hide(record.event_properties, () => ({ x: 1 })), record)],
    ['an event that writes itself', (record) => ({ ...record, toJSON: inBonn })],
  ])('%s', (_what, map) => {
    const text = sent(map);
    expect(isKept(text)).toBe(false);
    const { insert_id, ...event } = JSON.parse(text) as Mutable;
    expect(event).toEqual(JSON.parse(JSON.stringify(map(JSON.parse(TEXT) as Record))));
    expect(insert_id).toMatch(/^[\w-]{16}$/);
  });

  test('a record with an insert_id that is none', () => {
    const text = sent((record) => record, `{"insert_id":"",${TEXT.slice(1)}`);
    expect(text.match(/insert_id/g)).toHaveLength(1);
    expect((JSON.parse(text) as Mutable)['insert_id']).toMatch(/^[\w-]{16}$/);
  });

  test('a record on several lines', () => {
    const text = sent((record) => record, TEXT.replace(', ', ',\n'));
    expect(text).not.toContain('\n');
  });
});

function inBonn(this: object): object {
  return { ...this, toJSON: undefined, city: 'Bonn' };
}

function hide(object: object, toJSON: () => unknown): void {
  Object.defineProperty(object, 'toJSON', { value: toJSON, enumerable: false });
}

/** Few names, so that they come twice; strings that look like names; white space around them. */
const members = fc.array(
  fc.tuple(
    fc.constantFrom('a', 'b', 'c', 'd'),
    fc.constantFrom(':', ' :', ': ', '\t:'),
    fc.constantFrom(
      '1',
      '":"',
      '"\\":"',
      '"a\\":"',
      '" a"',
      '["b",":c"]',
      '{"a":1,"b":2}',
      '{"a":1,"a":2}',
      '{"a" :1,"a":":"}',
    ),
  ),
  { maxLength: 6 },
);

test('no name is sent twice in an object, however the text is spelled', () => {
  fc.assert(
    fc.property(members, (all) => {
      const text = `${EVENT_START}${all.map(([name, colon, value]) => `,"${name}"${colon}${value}`).join('')}}`;
      const names = all.map(([name]) => name);
      const isTwice = new Set(names).size < names.length || all.some(([, , value]) => /"a" ?:1,"a"/.test(value));
      if (isTwice)
        expect(
          isKept(
            sent((record) => record, text),
            text,
          ),
        ).toBe(false);
    }),
    { numRuns: runs(2_000) },
  );
});

const EVENT_START = '{"event_type":"visit","user_id":"user-1"';

/** What functions do to a record. */
const change = fc.constantFrom<(record: Mutable) => Mutable>(
  (record) => record,
  (record) => ({ ...record, library: 'more' }),
  (record) => Object.assign(record, { a: [1] }),
  (record) => (Reflect.deleteProperty(record, 'a'), record),
  (record) => ({ ...record, insert_id: undefined }),
);

test('whatever the record, the event means what the function returned', () => {
  fc.assert(
    fc.property(eventMembers, change, (all, changed) => {
      const text = objectText(all);
      const { insert_id, ...event } = parseAll(sent(changed as never, text)) as Mutable;
      const { insert_id: own, ...expected } = { ...changed(parseExactly(text) as JsonObject as Mutable) };
      expect(event).toEqual(parseAll(stringifyExactly(expected)));
      expect(insert_id).toEqual(own || expect.stringMatching(/^[\w-]{16}$/));
    }),
    { numRuns: runs(2_000) },
  );
});
