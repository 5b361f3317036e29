/** A chunk taken apart is the same events, byte for byte, whatever stands in them. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { hottestOf, joinEvents, splitEvents } from '../../../lambdas/uploader/chunk-events.ts';
import { runs } from '../../runs.ts';

const event = fc
  .record({ event_type: fc.string({ unit: 'grapheme' }), device_id: fc.string(), event_properties: fc.jsonValue() })
  .map((some) => JSON.stringify(some));
const events = fc.array(event, { minLength: 1, maxLength: 20 });

test('taken apart and put together again it is the same text', () => {
  const property = fc.property(events, (texts) => {
    const text = Buffer.from(texts.join(',\n'));
    const split = splitEvents(text, [...texts.keys()]);
    expect(split.map((one) => one.text)).toEqual(texts);
    expect(joinEvents(split).equals(text)).toBe(true);
  });
  fc.assert(property, { numRuns: runs(300) });
});

test('an event knows its position, its device and its user', () => {
  const text = Buffer.from('{"device_id":"dev-1","user_id":"anna"},\n{"user_id":"b\\u00e9n","device_id":null}');
  expect(splitEvents(text, [7, 9])).toMatchObject([
    { position: 7, deviceId: 'dev-1', userId: 'anna' },
    { position: 9, deviceId: undefined, userId: 'bén' },
  ]);
});

test.each(['{"device_id":', 'null', '[]', '"device_id"', '{"device_id":5,"user_id":{}}', ''])(
  'what is no event has no ids, and is for Amplitude to refuse: %s',
  (text) => {
    expect(splitEvents(Buffer.from(text), [1])).toEqual([{ text, position: 1 }]);
  },
);

test('a chunk with another number of events than positions is damaged', () => {
  expect(() => splitEvents(Buffer.from('{},\n{}'), [1])).toThrow('chunk is damaged: it says 1 events and holds 2');
});

test.each([
  [['{"device_id":"a"}', '{"device_id":"b"}', '{"device_id":"a"}'], 2],
  [['{"device_id":"a","user_id":"u"}', '{"device_id":"b","user_id":"u"}', '{"device_id":"c","user_id":"u"}'], 3],
  [['{"device_id":"same"}', '{"user_id":"same"}'], 1],
  [['{}'], 0],
])('the hottest of %j has %i events', (texts, hottest) => {
  expect(hottestOf(splitEvents(Buffer.from(texts.join(',\n')), [...texts.keys()]))).toBe(hottest);
});
