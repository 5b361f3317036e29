/** An event's text is changed where it must be, and nowhere else. */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { topLevelMembers } from '../../../lambdas/chunker/event-text.ts';
import { contentId } from '../../../lambdas/chunker/make-events.ts';
import { bytesOfText } from '../../../lambdas/chunker/spliced-text.ts';
import { recordOf, sourceOf } from './fixtures.ts';
import { eventMembers, members, objectText } from './json-text.ts';
import { makeEvents } from './making.ts';
import { runs } from '../../runs.ts';

const source = sourceOf();

/** The text as it will be sent. */
function sent(text: string): string {
  const made = makeEvents(recordOf(text), source, 'day.ndjson');
  if (made.kind !== 'events') throw new Error(`expected an event, got ${made.kind}`);
  const [event] = made.events;
  if (!event) throw new Error('expected an event');
  const bytes = bytesOfText(event);
  expect(event.bytes).toBe(bytes.length);
  return bytes.toString();
}

test.each<[string, string, string]>([
  ['an event without an insert_id gets one in front', '{"a":1}', '{"insert_id":"ID","a":1}'],
  ['white space stays', '{ "a" : 1\t}', '{"insert_id":"ID", "a" : 1\t}'],
  ['its own insert_id stays', '{"a":1,"insert_id":"own"}', '{"a":1,"insert_id":"own"}'],
  ['an insert_id that is null is replaced', '{"insert_id":null,"a":1}', '{"insert_id":"ID","a":1}'],
  ['… or empty', '{"a":1,"insert_id":""}', '{"insert_id":"ID","a":1}'],
  ['… or empty and written with escapes', '{"a":1,"\\u0069nsert_id":""}', '{"insert_id":"ID","a":1}'],
  [
    'of an insert_id that stands twice the last one counts',
    '{"insert_id":"x","insert_id":"own","a":1}',
    '{"insert_id":"own","a":1}',
  ],
  ['… also when it is null', '{"insert_id":"x","insert_id":null,"a":1}', '{"insert_id":"ID","a":1}'],
  ['of any name that stands twice only the last one is sent', '{"a":1,"b":2,"a":3}', '{"insert_id":"ID","a":3,"b":2}'],
  ['… also when it is written in two ways', '{"a":1,"\\u0061":3}', '{"insert_id":"ID","\\u0061":3}'],
  ['… also __proto__', '{"__proto__":1,"__proto__":{"a":2}}', '{"insert_id":"ID","__proto__":{"a":2}}'],
  [
    'names in nested objects do not count',
    '{"a":{"insert_id":"x","b":1,"b":2}}',
    '{"insert_id":"ID","a":{"insert_id":"x","b":1,"b":2}}',
  ],
  ['brackets and quotes in strings do not count', '{"a":"}\\"],{\\\\"}', '{"insert_id":"ID","a":"}\\"],{\\\\"}'],
  [
    'numbers and escapes stay as they are written',
    '{"a":[9007199254740993,1e400,1.0,0.10],"b":"\\u00e9\\/"}',
    '{"insert_id":"ID","a":[9007199254740993,1e400,1.0,0.10],"b":"\\u00e9\\/"}',
  ],
])('%s', (_what, text, expected) => {
  const event = (inside: string) => `${inside.slice(0, -1)},"event_type":"visit","user_id":"user-1"}`;
  expect(sent(event(text))).toBe(event(expected).replace('ID', contentId(Buffer.from(event(text)))));
});

test('any event is sent as the same object, with its own insert_id or one made from its bytes', () => {
  fc.assert(
    fc.property(eventMembers, (all) => {
      const text = objectText(all);
      const before = JSON.parse(text) as Record<string, unknown>;
      const insertId = before.insert_id || contentId(Buffer.from(text));
      const after: unknown = JSON.parse(sent(text));
      expect(isDeepStrictEqual(after, { ...before, insert_id: insertId }), `${text} became ${sent(text)}`).toBe(true);
    }),
    { numRuns: runs(500) },
  );
});

test('what stands in any event is sent as it is written, to the byte', () => {
  fc.assert(
    fc.property(eventMembers, (all) => {
      const text = sent(objectText(all));
      const last = new Map(all.map((member) => [member.name, member.text.trim()]));
      last.delete('insert_id');
      for (const written of last.values()) expect(text).toContain(written);
    }),
    { numRuns: runs(500) },
  );
});

test('the same bytes make the same text, and other bytes another insert_id', () => {
  fc.assert(
    fc.property(eventMembers, eventMembers, (one, other) => {
      const [first, second] = [objectText(one), objectText(other)];
      expect(sent(first)).toBe(sent(first));
      expect(contentId(Buffer.from(first)) === contentId(Buffer.from(second))).toBe(first === second);
    }),
  );
});

test('the members of any object are found, in order', () => {
  fc.assert(
    fc.property(members, (all) => {
      const text = Buffer.from(objectText(all));
      const found = topLevelMembers(text).map(({ name, start, end }) => ({
        name,
        text: text.toString('utf8', start, end).trim(),
      }));
      expect(found).toEqual(all.map((member) => ({ ...member, text: member.text.trim() })));
    }),
    { numRuns: runs(500) },
  );
});

test('an insert_id is 16 characters that need no escape', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(contentId(Buffer.from(bytes))).toMatch(/^[\w-]{16}$/);
    }),
  );
});
