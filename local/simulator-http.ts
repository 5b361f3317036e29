/** The simulator's server: binds loopback, sends answers, breaks or abandons connections when a fault says so. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Answer } from './simulator-answers.ts';
import type { FaultAnswer } from './simulator-faults.ts';
import type { StoredEvent } from './simulator-store.ts';

export type Reply = FaultAnswer | 'reset' | 'hang';

type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Longer than clients keep idle connections, or a request may meet a connection that is just being closed. */
const KEEP_ALIVE_MS = 120_000;

export async function listen(port: number, handle: Handle): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => fail(response, error));
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the simulator has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The client broke off, or the store cannot be written: nothing was ingested. */
function fail(response: ServerResponse, error: unknown): void {
  if (response.destroyed || response.headersSent) return;
  const message = error instanceof Error ? error.message : String(error);
  send(response, toReply({ status: 503, body: { code: 503, error: `the simulator failed: ${message}` } }));
}

export function toReply(answer: Answer): FaultAnswer {
  return { status: answer.status, body: JSON.stringify(answer.body), headers: { 'content-type': 'application/json' } };
}

export function send(response: ServerResponse, reply: Reply): void {
  if (reply === 'hang') return;
  if (reply === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  response.writeHead(reply.status, { ...reply.headers, 'content-length': Buffer.byteLength(reply.body) });
  response.end(reply.body);
}

/** One line for each event: its text when that is kept, else what is known of it. */
export function sendEvents(response: ServerResponse, events: Iterable<StoredEvent>, apiKey: string | null): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  Readable.from(linesOf(events, apiKey)).pipe(response);
}

function* linesOf(events: Iterable<StoredEvent>, apiKey: string | null): Generator<string> {
  for (const event of events) {
    if (apiKey === null || apiKey === event.apiKey) yield `${event.text ?? knownOf(event)}\n`;
  }
}

function knownOf({ insertId, deviceId, userId, time, key, sha256 }: StoredEvent): string {
  return JSON.stringify({ insert_id: insertId, device_id: deviceId, user_id: userId, time, key, sha256 });
}
