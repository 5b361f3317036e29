/** The simulator takes uploads as Amplitude does and shows what it took. */
import { expect, test } from 'vitest';
import type { RequestEntry } from '../../local/simulator-traffic.ts';
import { events, NOON, send, sendText, simulate } from './simulator-requests.ts';

test('an upload is answered with what was ingested, and stored', async () => {
  const simulator = await simulate();
  const sent = events(3, { user_id: 'user-1' });
  const text = JSON.stringify({ api_key: 'key-1', events: sent });
  expect(await sendText(simulator, text)).toEqual({
    status: 200,
    body: { code: 200, events_ingested: 3, payload_size_bytes: text.length, server_upload_time: NOON },
  });
  expect([...simulator.stored()]).toEqual(
    sent.map((event) => ({
      receivedAt: NOON,
      endpoint: 'batch',
      apiKey: 'key-1',
      key: expect.stringMatching(/^[0-9a-f]{16}$/),
      sha256: expect.stringMatching(/^[0-9a-f]{32}$/),
      insertId: event['insert_id'],
      deviceId: 'device-1',
      userId: 'user-1',
      time: event['time'],
    })),
  );
});

test.each(['/batch', '/2/httpapi'] as const)('%s takes gzip and plain bodies', async (path) => {
  const simulator = await simulate();
  expect((await send(simulator, events(2), { path, gzip: true })).status).toBe(200);
  expect((await send(simulator, events(2, { device_id: 'device-2' }), { path })).status).toBe(200);
  expect(simulator.counts()).toMatchObject({ bodies: { gzip: 1, identity: 1 }, stored: 4 });
});

test('requests are counted by endpoint and outcome, events by what became of them', async () => {
  const entries: RequestEntry[] = [];
  const simulator = await simulate({ onRequest: (entry) => entries.push(entry) });
  await send(simulator, events(2));
  await send(simulator, events(2));
  await send(simulator, [{ event_type: 'view' }]);
  await sendText(simulator, 'not JSON', { path: '/2/httpapi' });
  expect(simulator.counts()).toMatchObject({
    requests: { batch: { 200: 2, 400: 1 }, httpapi: { 400: 1 } },
    events: { received: 5, stored: 2, duplicates: 2, invalid: 1, throttled: 0 },
  });
  expect(entries.map(({ number, endpoint, outcome, events }) => [number, endpoint, outcome, events])).toEqual([
    [1, 'batch', 200, 2],
    [2, 'batch', 200, 2],
    [3, 'batch', 400, 1],
    [4, 'httpapi', 400, 0],
  ]);
});

test('GET / shows the counts', async () => {
  const simulator = await simulate();
  await send(simulator, events(2));
  expect(await (await fetch(simulator.url)).json()).toEqual(JSON.parse(JSON.stringify(simulator.counts())));
});

test('GET /events gives one line for each event, of all projects or of one', async () => {
  const simulator = await simulate();
  await send(simulator, events(2));
  await send(simulator, events(1), { apiKey: 'key-2' });
  const lines = async (query: string): Promise<unknown[]> => {
    const text = await (await fetch(`${simulator.url}/events${query}`)).text();
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line)); // prettier
  };
  expect(await lines('')).toHaveLength(3);
  expect(await lines('?api_key=key-2')).toMatchObject([{ insert_id: 'insert-0', device_id: 'device-1' }]);
});

test('with events kept, GET /events gives them byte for byte, integers beyond 2^53 too', async () => {
  const simulator = await simulate({ keep: 'events' });
  const texts = [
    '{"event_type":"ü☕","device_id":"dévice","n":9007199254740993}',
    '{ "event_type":"a",  "user_id":"user-1" }',
  ];
  await sendText(simulator, `{"api_key":"key-1","events":[${texts.join(',\n')}]}`);
  expect(await (await fetch(`${simulator.url}/events`)).text()).toBe(`${texts.join('\n')}\n`);
});

test('an event written over several lines is kept on one', async () => {
  const simulator = await simulate({ keep: 'events' });
  await sendText(simulator, JSON.stringify({ api_key: 'key-1', events: events(2) }, null, 2).replaceAll('\n', '\r\n'));
  expect([...simulator.stored()].map(({ text }) => JSON.parse(text ?? ''))).toEqual(events(2));
});

test('a reset forgets events, counts and faults', async () => {
  const simulator = await simulate({ faults: () => ({ instead: 'reset' }) });
  await expect(send(simulator, events(2))).rejects.toThrow();
  simulator.setFaults([]);
  await send(simulator, events(2));
  simulator.reset();
  expect(simulator.counts()).toMatchObject({ requests: { batch: {} }, stored: 0 });
  expect((await send(simulator, events(2))).status).toBe(200);
  expect(simulator.counts()).toMatchObject({ stored: 2, events: { duplicates: 0 } });
});

test('an unknown switch is refused', async () => {
  const typo = { shortId: 'strip' } as object;
  await expect(simulate({ switches: typo })).rejects.toThrow(/has no switch shortId; it has .*shortIds/);
});

test('a port in use is an error that says so', async () => {
  const simulator = await simulate();
  await expect(simulate({ port: Number(new URL(simulator.url).port) })).rejects.toThrow(/EADDRINUSE/);
});
