/** Where events stand in a request's text: the scan agrees with JSON.parse on whatever a client may send. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { locateEvents } from '../../local/simulator-spans.ts';
import { events, sendText, simulate } from './simulator-requests.ts';

function textsOf(request: string): unknown[] {
  const parsed = JSON.parse(request) as { readonly events: readonly unknown[] };
  const { text, starts, ends } = locateEvents(Buffer.from(request), parsed.events.length);
  return starts.map((start, index) => JSON.parse(text.toString('utf8', start, ends[index])));
}

test('every event is found, whatever stands in and around the events', () => {
  const event = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue());
  const extra = fc.dictionary(fc.constantFrom('events ', 'a"events"', '[', '}', 'x'), fc.jsonValue());
  const space = fc.constantFrom(undefined, 1, '\t', '\n');
  fc.assert(
    fc.property(fc.array(event), extra, extra, space, (list, before, after, indent) => {
      const request = JSON.stringify({ ...before, events: list, ...after }, null, indent);
      expect(textsOf(request)).toEqual(JSON.parse(request).events);
    }),
  );
});

test.each([
  ['a key given twice', '{"events":[{"a":1}],"events":[{"b":2}]}'],
  ['a key written with escapes', '{"\\u0065vents":[{"a":"ü"}],"x":"events"}'],
  ['the word elsewhere', '{"x":"events","y":[{"a":1}],"events":[{"events":[{"b":2}]}]}'],
  ['quotes and backslashes', '{"events":[{"a\\\\":"\\"}],\\\\"},{"b":"\\\\\\""}]}'],
])('%s does not mislead', (_, request) => {
  expect(textsOf(request)).toEqual(JSON.parse(request).events);
});

test('any bytes get an answer, and a later good request is taken', async () => {
  const simulator = await simulate();
  const good = JSON.stringify({ api_key: 'key-1', events: events(2) });
  const cut = fc.nat(good.length).map((length) => Buffer.from(good.slice(0, length)));
  const changed = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => {
    const bytes = Buffer.from(good);
    bytes[at] = byte;
    return bytes;
  });
  const bytes = fc.oneof(
    cut,
    changed,
    fc.uint8Array().map((array) => Buffer.from(array)),
  );
  await fc.assert(
    fc.asyncProperty(bytes, fc.boolean(), async (body, gzip) => {
      expect([200, 400]).toContain((await sendText(simulator, body, { gzip })).status);
    }),
  );
  expect((await sendText(simulator, good)).status).toBe(200);
});
