/** An upload that meets no Amplitude, a broken one or one that takes no gzip still ends, with an answer or the reason why there is none. */
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type SeenRequest, startStub, type StubReply, TAKEN } from './amplitude-stub.ts';
import { uploadsTo } from './uploads.ts';

const INVALID_JSON = { status: 400, body: { code: 400, error: 'Invalid JSON request body' } };
const isPacked = ({ headers }: Pick<SeenRequest, 'headers'>) => headers['content-encoding'] === 'gzip';

describe('no answer', () => {
  test.each<[what: string, reply: (response: ServerResponse) => void]>([
    ['says nothing', () => undefined],
    ['stops after the status', (response) => response.writeHead(200).flushHeaders()],
    ['stops in the body', (response) => response.writeHead(200).write('{"code":')],
    ['sends a byte now and then', dripInto],
  ])('within the deadline, when the server %s', async (_, reply) => {
    const { url } = await startStub(() => reply);
    const answer = await uploadsTo(url, { timeoutMs: 150 }).upload();
    expect(answer).toEqual({ kind: 'no-answer', reason: 'no answer within 150 ms' });
  });

  test('within the deadline, when nobody shakes hands', async () => {
    const port = await listen(() => undefined);
    const answer = await uploadsTo(`https://127.0.0.1:${port}`, { timeoutMs: 150 }).upload();
    expect(answer).toEqual({ kind: 'no-answer', reason: 'no answer within 150 ms' });
  }, 5_000);

  test('when nobody listens', async () => {
    const port = await listen(() => undefined, { isClosed: true });
    const answer = await uploadsTo(`http://127.0.0.1:${port}`).upload();
    expect(answer).toEqual({ kind: 'no-answer', reason: 'no answer: ECONNREFUSED' });
  });

  test('when the connection breaks at once', async () => {
    const port = await listen((socket) => socket.resetAndDestroy());
    const answer = await uploadsTo(`http://127.0.0.1:${port}`).upload();
    expect(answer).toMatchObject({
      kind: 'no-answer',
      reason: expect.stringMatching(/ECONNRESET|EPIPE/),
    });
  });

  test.each<[what: string, reply: (response: ServerResponse) => void]>([
    ['before the answer', (response) => response.socket?.resetAndDestroy()],
    ['in the answer', breakInBody],
    ['politely, in the answer', (response) => response.writeHead(200).write('{', () => response.socket?.end())],
  ])('when the connection breaks %s', async (_, reply) => {
    const { url } = await startStub(() => reply);
    const answer = await uploadsTo(url).upload();
    expect(answer).toMatchObject({ kind: 'no-answer', reason: expect.stringMatching(/^no answer: [A-Z_]+$/) });
  });

  test('keeps the next upload from nothing', async () => {
    let isBroken = true;
    const { url } = await startStub(() => (isBroken ? (response) => response.socket?.resetAndDestroy() : TAKEN));
    const uploads = uploadsTo(url);
    await uploads.upload();
    isBroken = false;
    expect(await uploads.upload()).toMatchObject({ kind: 'answer', status: 200 });
  });
});

describe('an endpoint that takes no gzip', () => {
  test.each<[what: string, refusal: StubReply]>([
    ['says so', { status: 415 }],
    ['says that it sees no JSON', INVALID_JSON],
    ['says that it sees nothing', { status: 400, body: { code: 400, error: 'Missing request body' } }],
  ])('and %s gets the same uncompressed at once, and everything after it', async (_, refusal) => {
    const { url, seen } = await startStub((request) => (isPacked(request) ? refusal : TAKEN));
    const uploads = uploadsTo(url);
    expect(await uploads.upload()).toMatchObject({ kind: 'answer', status: 200 });
    expect(await uploads.upload()).toMatchObject({ kind: 'answer', status: 200 });
    expect(seen.map(isPacked)).toEqual([true, false, false]);
  });

  test('is one also when it does not like the events that it can read then', async () => {
    const named = { status: 400, body: { code: 400, events_with_invalid_fields: { time: [0] } } };
    const { url, seen } = await startStub((request) => (isPacked(request) ? INVALID_JSON : named));
    const uploads = uploadsTo(url);
    expect(await uploads.upload()).toMatchObject({ status: 400, body: JSON.stringify(named.body) });
    await uploads.upload();
    expect(seen.map(isPacked)).toEqual([true, false, false]);
  });

  test('is not one because of a text that is no JSON', async () => {
    const { url, seen } = await startStub(({ text }) => (text.includes('broken') ? INVALID_JSON : TAKEN));
    const uploads = uploadsTo(url);
    expect(await uploads.upload({ text: '{broken' })).toMatchObject({ kind: 'answer', status: 400 });
    expect(await uploads.upload()).toMatchObject({ kind: 'answer', status: 200 });
    expect(seen.map(isPacked)).toEqual([true, false, true]);
  });

  test.each<[what: string, plain: StubReply]>([
    ['an outage', { status: 503 }],
    ['a firewall', { status: 403 }],
    ['a broken connection', (response) => response.socket?.resetAndDestroy()],
  ])('is not one because of %s in between', async (_, plain) => {
    const { url, seen } = await startStub((request) => (isPacked(request) ? INVALID_JSON : plain));
    const uploads = uploadsTo(url);
    await uploads.upload();
    await uploads.upload();
    expect(seen.map(isPacked)).toEqual([true, false, true, false]);
  });
});

/** A server below HTTP; its port. */
async function listen(onConnection: (socket: Socket) => void, { isClosed = false } = {}): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise((resolve) => server.close(resolve));
  if (isClosed) await close();
  else onTestFinished(() => void (sockets.map((socket) => socket.destroy()), server.close()));
  return port;
}

function dripInto(response: ServerResponse): void {
  response.writeHead(200);
  const dripping = setInterval(() => response.write(' '), 20);
  response.on('close', () => clearInterval(dripping));
}

function breakInBody(response: ServerResponse): void {
  response.writeHead(200).write('{"code":200', () => response.socket?.resetAndDestroy());
}
