/** Only a body that has gone to the system whole may lose its memory to another one. (What a request is answered: amplitude.test.ts.) */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { openClient } from '../../../lambdas/uploader/post.ts';

/** More than the system takes for somebody who does not read. */
const BODY = Buffer.alloc(40_000_000, 'x');
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';

test('a body that was read before it was answered is sent', async () => {
  const url = await listen((socket) => {
    let bytes = 0;
    socket.on('data', (piece) => {
      bytes += piece.length;
      if (bytes > BODY.length) socket.write(ANSWER);
    });
  });
  expect(await postTo(url, 10_000)).toMatchObject({ answer: { status: 200, body: '{}' }, isSent: true });
});

test('a body that is still on its way when it is answered is not sent', async () => {
  const url = await listen((socket) => socket.once('data', () => socket.pause().write(ANSWER)));
  expect(await postTo(url, 10_000)).toMatchObject({ answer: { status: 200, body: '{}' }, isSent: false });
});

test('a server that answers early and reads no further costs no connection', async () => {
  const url = await listen((socket) => socket.once('data', () => socket.pause().write(ANSWER)));
  const client = openClient({ protocol: 'http:', connections: 1, timeoutMs: 10_000 });
  onTestFinished(client.close);
  const post = { url, headers: ['content-type', 'text/plain'], body: BODY };
  const answered = { answer: { status: 200, body: '{}' }, isSent: false };
  expect(await client.post(post)).toMatchObject(answered);
  expect(await client.post(post)).toMatchObject(answered);
});

test('a body that nobody answers is not sent', async () => {
  const url = await listen((socket) => socket.resume());
  expect(await postTo(url, 200)).toMatchObject({ answer: { kind: 'no-answer' }, isSent: false });
});

async function postTo(url: string, timeoutMs: number) {
  const client = openClient({ protocol: 'http:', connections: 1, timeoutMs });
  onTestFinished(client.close);
  return client.post({ url, headers: ['content-type', 'text/plain'], body: BODY });
}

/** A server below HTTP. */
async function listen(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void (sockets.map((socket) => socket.destroy()), server.close()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
