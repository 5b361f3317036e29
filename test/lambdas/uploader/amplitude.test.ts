/** One upload is one request with a deadline, and whatever happens to it is an answer or the reason why there is none. */
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { amplitude, deflateText, inflateText } from '../../../lambdas/uploader/amplitude.ts';
import { startStub, TAKEN } from './amplitude-stub.ts';
import { TEXT, uploadsTo } from './uploads.ts';

describe('the request', () => {
  test('is the key, the events byte for byte as they came, and nothing else', async () => {
    const { url, seen } = await startStub(() => TAKEN);
    await uploadsTo(url).upload();
    const [request] = seen;
    expect(request).toMatchObject({ method: 'POST', path: '/batch', text: `{"api_key":"key","events":[${TEXT}]}` });
    expect(request?.headers).toMatchObject({ 'content-type': 'application/json', 'content-encoding': 'gzip' });
  });

  test('without compression says the same', async () => {
    const { url, seen } = await startStub(() => TAKEN);
    await uploadsTo(url, { uploads: 'identity' }).upload();
    expect(seen.map(({ text }) => text)).toEqual([`{"api_key":"key","events":[${TEXT}]}`]);
    expect(seen[0]?.headers).not.toHaveProperty('content-encoding');
  });

  test('says how short an id may be, where the source does', async () => {
    const { url, seen } = await startStub(() => TAKEN);
    await uploadsTo(url).upload({ minIdLength: 3 });
    expect(seen[0]?.text).toBe(`{"api_key":"key","events":[${TEXT}],"options":{"min_id_length":3}}`);
  });

  test('is JSON whatever the key', async () => {
    const { url, seen } = await startStub(() => TAKEN);
    await uploadsTo(url).upload({ apiKey: 'a"b\\c\n' });
    expect(JSON.parse(seen[0]?.text ?? '')).toMatchObject({ api_key: 'a"b\\c\n', events: [{}, {}] });
  });
});

describe('the answer', () => {
  test('is its status and its body, whatever they are', async () => {
    const { url } = await startStub(() => ({ status: 418, body: 'I am a teapöt' }));
    expect(await uploadsTo(url).upload()).toEqual({ kind: 'answer', status: 418, body: 'I am a teapöt' });
  });

  test.each([
    ['7', { retryAfterMs: 7_000 }],
    ['0', {}],
    ['-7', {}],
    ['Wed, 21 Oct 2026 07:28:00 GMT', {}],
    ['soon', {}],
  ])('says when to try again, in seconds: retry-after %s', async (header, expected) => {
    const { url } = await startStub(() => ({ status: 503, headers: { 'retry-after': header } }));
    expect(await uploadsTo(url).upload()).toEqual({ kind: 'answer', status: 503, body: '', ...expected });
  });

  test('that sends us elsewhere is an answer like any other: nobody else gets the key', async () => {
    const other = await startStub(() => TAKEN);
    const { url } = await startStub(() => ({ status: 307, headers: { location: `${other.url}/batch` } }));
    expect(await uploadsTo(url).upload()).toMatchObject({ kind: 'answer', status: 307 });
    expect(other.seen).toEqual([]);
  });

  test('that never ends is not kept in memory', async () => {
    const { url } = await startStub(() => (response) => {
      const pour = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1_048_576, ' ')));
        response.once('drain', pour);
      };
      pour();
    });
    const answer = await uploadsTo(url, { timeoutMs: 10_000 }).upload();
    expect(answer.kind === 'answer' && answer.body.length).toBeLessThanOrEqual(4_194_304);
  });
});

test.each(['nonsense', 'ftp://127.0.0.1', 'http://127.0.0.1/batch', 'http://127.0.0.1?a', ''])(
  'the endpoint "%s" is refused before anything is sent to it',
  (endpoint) => {
    expect(() => amplitude({ uploads: 'gzip', timeoutMs: 1_000, connections: 1, endpoint })).toThrow(
      `the endpoint is ${endpoint}; expected http(s), a host and perhaps a port`,
    );
  },
);

test('a chunk that is not what its checksum says is not unpacked and sent', async () => {
  const { url, seen } = await startStub(() => TAKEN);
  const damaged = { ...(await deflateText(Buffer.from(TEXT))), crc32: 1 };
  await expect(inflateText(damaged)).rejects.toThrow('chunk is damaged');
  const uploads = uploadsTo(url, { uploads: 'identity' });
  await expect(uploads.upload({ events: [damaged] })).rejects.toThrow('chunk is damaged');
  expect(seen).toEqual([]);
});

describe.each(['gzip', 'identity'] as const)('%s: the memory of a request', (uploads) => {
  const textOf = (n: number) => Array.from({ length: 300 }, (_, i) => `{"event_type":"${n}","event":${i}}`).join(',\n');
  const bodyOf = (n: number) => `{"api_key":"key","events":[${textOf(n)}]}`;

  test('serves others when it is over, and each still says what it was given', async () => {
    const { url, seen } = await startStub(() => TAKEN);
    const { upload } = uploadsTo(url, { uploads, connections: 4 });
    const all = Array.from({ length: 60 }, (_, n) => n);
    await Promise.all(all.map((n) => upload({ text: textOf(n) })));
    expect(seen.map(({ text }) => text).toSorted()).toEqual(all.map(bodyOf).toSorted());
  });
});

test('closing waits for what is under way; after it there is no answer', async () => {
  const arrived = Promise.withResolvers<ServerResponse>();
  const { url } = await startStub(() => arrived.resolve);
  const uploads = uploadsTo(url);
  const underWay = uploads.upload();
  const response = await arrived.promise;
  const closed = uploads.close();
  response.end('in the end');
  await closed;
  expect(await underWay).toMatchObject({ kind: 'answer', body: 'in the end' });
  expect(await uploads.upload()).toMatchObject({ kind: 'no-answer' });
});
