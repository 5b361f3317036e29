/** The log line example: what becomes of events that are nested in log lines, with nothing but configuration. */
import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import importer from '../examples/log-lines.config.ts';
import { openTransforms } from '../lambdas/chunker/transform.ts';
import { bytesOfText } from '../lambdas/chunker/spliced-text.ts';
import { recordOf } from './lambdas/chunker/fixtures.ts';
import { eventsOf, PORTS } from './lambdas/chunker/making.ts';

const KEY = 'a key that only the test knows';

const FIELDS = {
  op: 'amplitudeEvent',
  event_type: 'fxa_login - success',
  user_id: '8a5b0f3f2c7e4d11',
  device_id: 'c0ffee00c0ffee00',
  time: 1_592_000_000_123,
  session_id: '1592000000000',
  app_version: 168,
  os_name: 'Mac OS X',
  event_properties: '{"service":"sync","uid":"8a5b0f3f2c7e4d11","count":9007199254740993}',
  user_properties:
    '{"ua_browser":"Firefox","email":"ada@example.com","$append":{"fxa_services_used":"sync"},"$set":{"country":"Canada"}}',
};
const LINE = {
  Timestamp: 1_592_000_000_123_000_000,
  Logger: 'auth',
  Hostname: 'ip-1',
  Type: 'amplitudeEvent',
  Fields: FIELDS,
};

async function made(...lines: readonly object[]) {
  const [source] = importer.sources;
  if (!source) throw new Error('the example has no source');
  const secret = async (name: string) => (name === 'logs/hash-key' ? KEY : '');
  const transform = await openTransforms({ ...PORTS, secret })(source);
  return transform(
    lines.map((line, i) => recordOf(JSON.stringify(line), { position: i + 1 })),
    'logs/day.log',
  );
}

const pseudonym = createHmac('sha256', KEY).update(FIELDS.user_id).digest('hex');

test('an event is unpacked, its user is a pseudonym, and operations on user properties go before it', async () => {
  const [first] = await made(LINE);
  if (!first) throw new Error('expected what became of the line');
  const whose = { user_id: pseudonym, device_id: 'c0ffee00c0ffee00', time: 1_592_000_000_123 };
  const [identify, event] = eventsOf(first);
  expect(identify).toEqual({
    ...whose,
    event_type: '$identify',
    user_properties: { $append: { fxa_services_used: 'sync' }, $set: { country: 'Canada' } },
    insert_id: `${event?.insert_id}-identify`,
  });
  expect(event).toMatchObject({
    ...whose,
    event_type: 'fxa_login - success',
    session_id: 1_592_000_000_000,
    app_version: '168',
    os_name: 'Mac OS X',
    event_properties: { service: 'sync', uid: pseudonym, host: 'ip-1' },
    user_properties: { ua_browser: 'Firefox' },
    $skip_user_properties_sync: true,
  });
  expect(
    JSON.stringify(first.kind === 'events' && first.events.map((event) => String(bytesOfText(event)))),
  ).not.toMatch(/8a5b0f3f2c7e4d11|ada@example/);
});

test('other lines are filtered, and properties that are no JSON are rejected', async () => {
  const broken = { ...LINE, Fields: { ...FIELDS, event_properties: '{"service":' } };
  expect(await made({ ...LINE, Type: 'request.summary' }, broken)).toEqual([
    { kind: 'filtered' },
    { kind: 'unusable', reason: 'event_properties is not JSON', detail: 'found "{\\"service\\":"' },
  ]);
});
