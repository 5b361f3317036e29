/** The simulator fails on demand: which request, how, how often, and whether the events were ingested all the same. */
import { expect, test } from 'vitest';
import { FAULTS, type Fault } from '../../local/simulator-faults.ts';
import { clockAt, events, NOON, send, simulate } from './simulator-requests.ts';

type Seen = { readonly status: number; readonly type: string | null; readonly text: string };

async function post(url: string): Promise<Seen> {
  const response = await fetch(`${url}/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ api_key: 'key-1', events: events(2) }),
  });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

const json = 'application/json';
const html = 'text/html';
const answers: readonly (readonly [what: string, fault: Fault, seen: Partial<Seen>, stored: number])[] = [
  ['a firewall', FAULTS.forbidden(), { status: 403, type: html }, 0],
  ['500 without the events', FAULTS.serverError(500, { ingest: false }), { status: 500, type: html }, 0],
  ['502 with the events', FAULTS.serverError(502, { ingest: true }), { status: 502, type: html }, 2],
  ['504 with the events', FAULTS.serverError(504, { ingest: true }), { status: 504, type: html }, 2],
  ['503', FAULTS.unavailable(), { status: 503, type: json }, 0],
  ['an empty body', FAULTS.emptyBody(200, { ingest: true }), { status: 200, text: '' }, 2],
  ['a body that is no JSON', FAULTS.notJson(200, { ingest: false }), { status: 200, text: 'upstream said {' }, 0],
  [
    '200 around a 429',
    FAULTS.throttledInBody(),
    { status: 200, text: '{"code":429,"error":"Rate limit exceeded"}' },
    0,
  ],
  ['any other answer', FAULTS.answer(418, { code: 418 }), { status: 418, type: json, text: '{"code":418}' }, 0],
];

test.each(answers)('%s comes instead of the answer', async (_, fault, seen, stored) => {
  const simulator = await simulate({ faults: [fault] });
  expect(await post(simulator.url)).toMatchObject(seen);
  expect(simulator.counts().stored).toBe(stored);
  simulator.setFaults([]);
  expect((await post(simulator.url)).status).toBe(200);
  expect(simulator.counts().stored).toBe(2);
});

test.each([true, false])('a connection is reset, with the events ingested: %s', async (ingest) => {
  const simulator = await simulate({ faults: [{ ...FAULTS.reset({ ingest }), times: 1 }] });
  await expect(post(simulator.url)).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
  expect(simulator.counts()).toMatchObject({ requests: { batch: { reset: 1 } }, stored: ingest ? 2 : 0 });
  expect((await post(simulator.url)).status).toBe(200);
});

test.each([true, false])('a request is left without an answer, with the events ingested: %s', async (ingest) => {
  const given = new AbortController();
  const onRequest = (): void => given.abort(new Error('the client has waited long enough'));
  const simulator = await simulate({ faults: [FAULTS.hang({ ingest })], onRequest });
  const body = JSON.stringify({ api_key: 'key-1', events: events(2) });
  const headers = { 'content-type': json };
  await expect(
    fetch(`${simulator.url}/batch`, { method: 'POST', headers, body, signal: given.signal }),
  ).rejects.toThrow('long enough');
  expect(simulator.counts()).toMatchObject({ requests: { batch: { hang: 1 } }, stored: ingest ? 2 : 0 });
});

test('a slow answer waits by the clock and then comes', async () => {
  const clock = clockAt(NOON);
  const simulator = await simulate({ clock, faults: [FAULTS.latency(5_000)] });
  expect((await send(simulator, events(1))).body['server_upload_time']).toBe(NOON + 5_000);
});

test('only requests that come with gzip are refused', async () => {
  const simulator = await simulate({ faults: [FAULTS.gzipRefused(415)] });
  expect((await send(simulator, events(1), { gzip: true })).status).toBe(415);
  expect((await send(simulator, events(1))).status).toBe(200);
});

test('a rule befalls some requests: from one on, so many, on one endpoint, with some text in the body', async () => {
  const simulator = await simulate({
    faults: [
      { ...FAULTS.unavailable(), from: 2, times: 2 },
      { ...FAULTS.forbidden(), containing: 'poison' },
      { ...FAULTS.answer(500, {}), endpoint: 'httpapi' },
    ],
  });
  const statusOf = async (insertId: string, path: '/batch' | '/2/httpapi' = '/batch'): Promise<number> => {
    const response = await fetch(`${simulator.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': json },
      body: JSON.stringify({ api_key: 'key-1', events: events(1, { insert_id: insertId }) }),
    });
    return response.status;
  };
  const statuses = [];
  for (const id of ['a', 'b', 'c', 'd', 'poison', 'e']) statuses.push(await statusOf(id));
  expect(statuses).toEqual([200, 503, 503, 200, 403, 200]);
  expect(await statusOf('f', '/2/httpapi')).toBe(500);
});

test('faults may be a function of the request', async () => {
  const simulator = await simulate({ faults: ({ number }) => (number % 2 === 0 ? FAULTS.unavailable() : undefined) });
  const statuses = [];
  for (let i = 0; i < 4; i++) statuses.push((await send(simulator, events(1))).status);
  expect(statuses).toEqual([200, 503, 200, 503]);
});
