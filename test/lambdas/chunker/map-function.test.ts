/** What a source's map makes of a record. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentId } from '../../../lambdas/chunker/make-events.ts';
import type { JsonObject } from '../../../shared/amplitude-event.ts';
import type { MapFunction } from '../../../shared/config.ts';
import { recordOf, sourceOf } from './fixtures.ts';
import { members, objectText, parseAll } from './json-text.ts';
import { eventsOf, make, makeEvents, makeWith, textsOf, visit } from './making.ts';
import { runs } from '../../runs.ts';

const ID = contentId(Buffer.from('{}'));

test('it is told the record and where it stood', () => {
  const record = recordOf('{"page":"/"}', { position: 17 });
  const map: MapFunction = ({ page }, { dump, position }) => visit({ event_properties: { page, dump, position } });
  expect(eventsOf(makeEvents(record, sourceOf({ map }), 'in/day.ndjson'))).toEqual([
    visit({
      event_properties: { page: '/', dump: 'in/day.ndjson', position: 17 },
      insert_id: contentId(record.bytes),
    }),
  ]);
});

test.each([null, undefined, []])('returning %j leaves the record out', (nothing) => {
  expect(makeWith(() => nothing)).toEqual({ kind: 'filtered' });
});

test.each(['1e400', '12345678901234567890', '[1e400]', '"{}"', 'null'])(
  'a record that is %s is no object to map',
  (text) => {
    expect(makeWith(() => visit(), text)).toEqual({
      kind: 'unusable',
      reason: 'record is not an object',
      detail: `found ${text}`,
    });
  },
);

test('several events of one record have different insert_ids, the same every time', () => {
  const ids = () =>
    eventsOf(makeWith(() => [visit(), visit(), visit({ insert_id: 'own' }), visit()])).map((event) => event.insert_id);
  expect(ids()).toEqual([ID, `${ID}-1`, 'own', `${ID}-3`]);
  expect(ids()).toEqual(ids());
});

test.each([null, undefined, ''])('an insert_id that is %j is replaced', (empty) => {
  expect(eventsOf(makeWith(() => visit({ insert_id: empty })))).toEqual([visit({ insert_id: ID })]);
});

test('it may change its record: the insert_id follows from the bytes', () => {
  const change = (record: JsonObject) => Object.assign(record, visit({ page: undefined }));
  const insertId = contentId(Buffer.from('{"page":"/"}'));
  expect(eventsOf(makeWith(change, '{"page":"/"}'))).toEqual([visit({ insert_id: insertId })]);
});

test('of valid and invalid events the good ones go on, the others are refused as they were made', () => {
  const made = makeWith(() => [visit({ user_id: 'abc' }), visit(), 'visit', visit({ time: 'now' })]);
  expect(eventsOf(made)).toEqual([visit({ insert_id: `${ID}-1` })]);
  expect(made).toMatchObject({
    refused: [
      { reason: 'user_id is too short', text: JSON.stringify(visit({ user_id: 'abc', insert_id: ID })) },
      { reason: 'map returned no event', detail: 'found string', text: 'visit' },
      { reason: 'time is not a whole number', detail: 'found "now"' },
    ],
  });
});

test('a record whose events are all invalid is unusable, with the first reason', () => {
  expect(makeWith(() => [visit({ time: 'now' }), 5])).toEqual({
    kind: 'unusable',
    reason: 'time is not a whole number',
    detail: 'found "now"',
  });
});

test('an event larger than a chunk is refused, those beside it are not', () => {
  const map = () => [visit(), visit({ event_properties: { text: 'x'.repeat(200) } })];
  const made = make('{}', { map, caps: { chunkBytes: 200 } });
  expect(eventsOf(made)).toEqual([visit({ insert_id: ID })]);
  expect(made).toMatchObject({ refused: [{ reason: 'event is too large' }] });
});

test('a name such as __proto__ is a name like any other', () => {
  const made = makeWith((record) => ({ ...record, ...visit() }), '{"__proto__":{"a":1},"constructor":2}');
  expect(textsOf(made)[0]).toContain('"__proto__":{"a":1},"constructor":2');
  expect(Object.hasOwn(Object.prototype, 'a')).toBe(false);
});

test('integers beyond 2^53 arrive as bigint, smaller ones as numbers, and all leave as they came', () => {
  const seen: unknown[] = [];
  const map = (record: JsonObject) => {
    seen.push(record.large, record.small);
    return visit({ event_properties: record });
  };
  const text = '{"large":12345678901234567890,"small":9007199254740991,"beyond":1e400,"list":[-9007199254740993]}';
  expect(textsOf(makeWith(map, text))[0]).toContain(`"event_properties":${text}`);
  expect(seen).toEqual([12345678901234567890n, Number.MAX_SAFE_INTEGER]);
});

test('no whole number of any record is rounded on its way through', () => {
  fc.assert(
    fc.property(members, (all) => {
      const text = objectText(all);
      const [sent] = textsOf(makeWith((record) => visit({ event_properties: { record } }), text));
      expect(parseAll(sent ?? '')).toMatchObject({ event_properties: { record: parseAll(text) } });
    }),
    { numRuns: runs(500) },
  );
});
