/** The simulator's refusals have the documented shapes and name the events they are about. */
import { expect, test } from 'vitest';
import type { SimulatorSwitches } from '../../local/simulator-switches.ts';
import { events, type Fields, NOON, send, sendText, simulate } from './simulator-requests.ts';

const good = { event_type: 'view', device_id: 'device-1' };
const MEGABYTE = 1_048_576;

const unreadable: readonly (readonly [what: string, text: string, answer: Fields])[] = [
  ['no body', '', { code: 400, error: 'Missing request body' }],
  ['no JSON', '{"api_key":', { code: 400, error: 'Invalid JSON request body' }],
  ['JSON that is no object', '[1]', { code: 400, error: 'Invalid JSON request body' }],
  ['no key', '{"events":[{}]}', { code: 400, error: 'Request missing required field', missing_field: 'api_key' }],
  ['no events', '{"api_key":"k"}', { code: 400, error: 'Request missing required field', missing_field: 'events' }],
  [
    'empty events',
    '{"api_key":"k","events":[]}',
    { code: 400, error: 'Request missing required field', missing_field: 'events' },
  ],
  ['a wrong key', '{"api_key":"wrong-ü","events":[{}]}', { code: 400, error: 'Invalid API key: wrong-ü' }],
  [
    'an event that is no object',
    `{"api_key":"k","events":[1,${JSON.stringify(good)}]}`,
    { code: 400, error: 'Invalid event JSON' },
  ],
];

test.each(unreadable)('a request with %s is refused as a whole', async (_, text, body) => {
  const simulator = await simulate();
  expect(await sendText(simulator, text)).toEqual({ status: 400, body });
  expect(simulator.counts().stored).toBe(0);
});

test('only the keys that were named are accepted', async () => {
  const simulator = await simulate({ apiKeys: ['wrong-but-right'] });
  expect((await send(simulator, [good], { apiKey: 'wrong-but-right' })).status).toBe(200);
  expect((await send(simulator, [good], { apiKey: 'key-1' })).body['error']).toBe('Invalid API key: key-1');
});

test('other paths, methods, encodings and content types are refused', async () => {
  const simulator = await simulate();
  const text = JSON.stringify({ api_key: 'k', events: [good] });
  const path = await fetch(`${simulator.url}/3/httpapi`, { method: 'POST', body: text });
  expect([path.status, await path.json()]).toEqual([400, { code: 400, error: 'Invalid request path' }]);
  expect((await fetch(`${simulator.url}/batch`)).status).toBe(400);
  expect((await sendText(simulator, text, { headers: { 'content-encoding': 'br' } })).status).toBe(415);
  expect((await sendText(simulator, text, { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
  expect((await sendText(simulator, text, { headers: { 'content-encoding': 'gzip' } })).status).toBe(400);
});

test.each([
  ['/batch', 20 * MEGABYTE],
  ['/2/httpapi', MEGABYTE],
] as const)('%s takes %d bytes after decompression and not one more', async (path, limit) => {
  const simulator = await simulate();
  const ofSize = (bytes: number): string => {
    const text = JSON.stringify({ api_key: 'k', events: [good] });
    return text + ' '.repeat(bytes - text.length);
  };
  expect((await sendText(simulator, ofSize(limit), { path, gzip: true })).status).toBe(200);
  expect(await sendText(simulator, ofSize(limit + 1), { path, gzip: true })).toEqual({
    status: 413,
    body: { code: 413, error: 'Payload too large' },
  });
});

test('size can be measured as sent, and in 10^6 bytes', async () => {
  const text = `${JSON.stringify({ api_key: 'k', events: [good] })}${' '.repeat(1_000_000)}`;
  const asSent = await simulate({ switches: { payloadMeasured: 'as sent', bytesPerMegabyte: 1_000_000 } });
  expect((await sendText(asSent, text, { path: '/2/httpapi', gzip: true })).status).toBe(200);
  expect((await sendText(asSent, text, { path: '/2/httpapi' })).status).toBe(413);
});

test.each(['/batch', '/2/httpapi'] as const)('%s refuses more than 2,000 events', async (path) => {
  const simulator = await simulate({ switches: { httpEventsPerSecond: 1_000 } });
  expect((await send(simulator, events(2_001), { path })).status).toBe(413);
  expect((await send(simulator, events(2_000), { path })).status).toBe(200);
});

const INVALID = 'Invalid field values on some events';
const LENGTHS = 'Invalid id length for user_id or device_id';
const MISSING = 'Request missing required field';
const fieldCases: readonly (readonly [what: string, event: Fields, error: string, maps: Fields])[] = [
  ['no event_type', { device_id: 'device-1' }, MISSING, { events_with_missing_fields: { event_type: [1, 3] } }],
  ['an empty event_type', { ...good, event_type: '' }, INVALID, { events_with_invalid_fields: { event_type: [1, 3] } }],
  ['no id', { event_type: 'view' }, MISSING, { events_with_missing_fields: { device_id: [1, 3], user_id: [1, 3] } }],
  [
    'null for ids',
    { event_type: 'view', user_id: null },
    MISSING,
    { events_with_missing_fields: { device_id: [1, 3], user_id: [1, 3] } },
  ],
  ['time as text', { ...good, time: '2026-01-05' }, INVALID, { events_with_invalid_fields: { time: [1, 3] } }],
  ['a time with a fraction', { ...good, time: NOON + 0.5 }, INVALID, { events_with_invalid_fields: { time: [1, 3] } }],
  [
    'a list for properties',
    { ...good, event_properties: [] },
    INVALID,
    { events_with_invalid_fields: { event_properties: [1, 3] } },
  ],
  ['a number for text', { ...good, platform: 1 }, INVALID, { events_with_invalid_fields: { platform: [1, 3] } }],
  ['text for a number', { ...good, price: '1' }, INVALID, { events_with_invalid_fields: { price: [1, 3] } }],
  ['a short id', { ...good, user_id: 'abcd' }, LENGTHS, { events_with_invalid_id_lengths: { user_id: [1, 3] } }],
  ['a short integer id', { ...good, user_id: 1234 }, LENGTHS, { events_with_invalid_id_lengths: { user_id: [1, 3] } }],
  ['a long integer id', { ...good, user_id: 12345 }, INVALID, { events_with_invalid_fields: { user_id: [1, 3] } }],
  [
    'an id for nobody',
    { ...good, device_id: 'Anonymous' },
    INVALID,
    { events_with_invalid_fields: { device_id: [1, 3] } },
  ],
  [
    'an id in four characters of many bytes',
    { ...good, user_id: '😀😀' },
    LENGTHS,
    { events_with_invalid_id_lengths: { user_id: [1, 3] } },
  ],
];

test.each(fieldCases)('events with %s are named by their indexes', async (_, bad, error, maps) => {
  const simulator = await simulate();
  expect(await send(simulator, [good, bad, good, bad])).toEqual({ status: 400, body: { code: 400, error, ...maps } });
  expect(simulator.counts().stored).toBe(0);
});

test('one answer names the events of every kind', async () => {
  const simulator = await simulate();
  const { body } = await send(simulator, [
    { device_id: 'device-1' },
    { ...good, time: 'now' },
    { ...good, user_id: 'abcd' },
    good,
  ]);
  expect(body).toEqual({
    code: 400,
    error: MISSING,
    events_with_missing_fields: { event_type: [0] },
    events_with_invalid_fields: { time: [1] },
    events_with_invalid_id_lengths: { user_id: [2] },
  });
});

test('objects may nest 40 levels and not 41', async () => {
  const simulator = await simulate();
  const nested = (levels: number): unknown => (levels === 0 ? 1 : { in: nested(levels - 1) });
  expect((await send(simulator, [{ ...good, event_properties: nested(40) }])).status).toBe(200);
  const { body } = await send(simulator, [good, { ...good, event_properties: nested(41) }]);
  expect(body).toMatchObject({ error: INVALID, events_with_invalid_fields: { event_properties: [1] } });
});

test('min_id_length changes what a short id is', async () => {
  const simulator = await simulate();
  const short = { ...good, user_id: 'ab' };
  expect((await send(simulator, [short], { rest: { options: { min_id_length: 2 } } })).status).toBe(200);
  expect((await send(simulator, [short], { rest: { options: { min_id_length: 3 } } })).status).toBe(400);
});

const switchCases: readonly (readonly [what: string, Partial<SimulatorSwitches>, Fields[], Fields])[] = [
  ['strips short ids', { shortIds: 'strip' }, [{ ...good, user_id: 'abcd' }], { code: 200 }],
  [
    'refuses an event whose only id was stripped',
    { shortIds: 'strip' },
    [{ event_type: 'view', user_id: 'abcd' }],
    { events_with_missing_fields: { user_id: [0], device_id: [0] } },
  ],
  [
    'names invalid ids among the lengths',
    { invalidIdsIn: 'events_with_invalid_id_lengths' },
    [{ ...good, user_id: 'unknown' }],
    { events_with_invalid_id_lengths: { user_id: [0] } },
  ],
  ['does not repeat a wrong key', { invalidKeyNamed: false }, [good], { error: 'Invalid API key' }],
  [
    'refuses events from the future',
    { maxFutureSeconds: 60 },
    [{ ...good, time: NOON + 61_000 }],
    { events_with_invalid_fields: { time: [0] } },
  ],
];

test.each(switchCases)('by a switch, it %s', async (_, switches, list, body) => {
  const simulator = await simulate({ switches });
  const apiKey = 'invalidKeyNamed' in switches ? 'wrong' : 'key-1';
  expect((await send(simulator, list, { apiKey })).body).toMatchObject(body);
});

test('HTTP V2 names only the first event of each field, by a switch all', async () => {
  const list = [good, { ...good, time: 'x' }, { ...good, time: 'y', price: 'z' }];
  const first = await send(await simulate(), list, { path: '/2/httpapi' });
  expect(first.body['events_with_invalid_fields']).toEqual({ time: [1], price: [2] });
  const all = await send(await simulate({ switches: { httpFirstOnly: false } }), list, { path: '/2/httpapi' });
  expect(all.body['events_with_invalid_fields']).toEqual({ time: [1, 2], price: [2] });
});

test('events of silenced devices are named, with those that are only throttled', async () => {
  const simulator = await simulate({ silenced: ['silent'], switches: { batchEventsPerSecond: 1, windowSeconds: 1 } });
  const list = ['device-1', 'silent', 'device-2', 'device-2'].map((device_id) => ({ ...good, device_id }));
  expect(await send(simulator, list)).toEqual({
    status: 400,
    body: {
      code: 400,
      error: 'Events silenced for device_id',
      eps_threshold: 1,
      exceeded_daily_quota_devices: {},
      silenced_devices: ['silent'],
      silenced_events: [1],
      throttled_devices: { 'device-2': 2 },
      throttled_events: [2, 3],
    },
  });
});

test('a refused request stores nothing, by a switch all but the events it names', async () => {
  const list = [...events(2), { event_type: 'view' }];
  const atomic = await simulate();
  await send(atomic, list);
  expect(atomic.counts().stored).toBe(0);
  const partial = await simulate({ switches: { atomic: false } });
  expect((await send(partial, list)).status).toBe(400);
  expect([...partial.stored()].map(({ insertId }) => insertId)).toEqual(['insert-0', 'insert-1']);
});

test('/batch refuses gzip by a switch', async () => {
  const simulator = await simulate({ switches: { batchGzip: false } });
  expect((await send(simulator, [good], { gzip: true })).body['error']).toBe('Invalid JSON request body');
  expect((await send(simulator, [good])).status).toBe(200);
  expect((await send(simulator, [good], { gzip: true, path: '/2/httpapi' })).status).toBe(200);
});
