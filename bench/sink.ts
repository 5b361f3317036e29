/**
 * Takes what the benches send, in a process of its own: Batch API and Mixpanel import requests, compressed or not. It refuses
 * nobody, and does the same cheap thing with every request: unpack it, look for the events' numbers, count them.
 * Prints its address and ends with its standard input.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { eventCounter, type Found } from './count-events.ts';

/** What `GET /found` answers. */
export type SinkFound = Found & { readonly requests: number; readonly wireBytes: number };

const unpack = promisify<Buffer, { chunkSize: number }, Buffer>(gunzip);
/** Of output at a time: with zlib's 16 KiB it takes three times as long. */
const PIECE_BYTES = 1_048_576;

let counter = eventCounter(0);
let requests = 0;
let wireBytes = 0;
/** Compressed bodies that are unpacked and counted when somebody asks for what was found; undefined: each is at once. */
let later: Buffer[] | undefined;

const server = createServer((request, response) => {
  answer(request).then(
    (body) => send(response, 200, body),
    (error: unknown) => send(response, 400, { code: 400, error: String(error) }),
  );
});

async function answer(request: IncomingMessage): Promise<object> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sink');
  if (pathname === '/found') {
    for (const wire of later?.splice(0) ?? []) counter.count(await unpack(wire, { chunkSize: PIECE_BYTES }));
    return { ...counter.found(), requests, wireBytes } satisfies SinkFound;
  }
  if (pathname === '/begin') {
    counter = eventCounter(Number(searchParams.get('events')));
    requests = 0;
    wireBytes = 0;
    later = searchParams.has('later') ? [] : undefined;
    return {};
  }
  const wire = await buffer(request);
  const isPacked = request.headers['content-encoding'] === 'gzip';
  requests += 1;
  wireBytes += wire.length;
  if (isPacked && later) {
    later.push(wire);
    return { code: 200, server_upload_time: Date.now() };
  }
  const text = isPacked ? await unpack(wire, { chunkSize: PIECE_BYTES }) : wire;
  const events = counter.count(text);
  // Mixpanel's (https://developer.mixpanel.com/reference/import-events), then Amplitude's.
  if (pathname.startsWith('/import')) return { code: 200, num_records_imported: events, status: 'OK' };
  return { code: 200, events_ingested: events, payload_size_bytes: text.length, server_upload_time: Date.now() };
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
await once(process.stdin.resume(), 'end');
server.closeAllConnections();
server.close();
