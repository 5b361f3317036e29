/** An Amplitude that answers what the test tells it to, for what the simulator does not do: a real server on a free port. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';

/** A request as it came; `text` is its body, unpacked if it was packed. */
export type SeenRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
};

/** What is sent back: a body (an object as JSON) with a status, or whatever the function does. */
export type StubReply =
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | ((response: ServerResponse) => void);

export const TAKEN = { status: 200, body: { code: 200, events_ingested: 1 } };

export async function startStub(
  answer: (request: SeenRequest) => StubReply,
): Promise<{ readonly url: string; readonly seen: SeenRequest[] }> {
  const seen: SeenRequest[] = [];
  const server = createServer((incoming, response) => {
    const pieces: Buffer[] = [];
    incoming.on('data', (piece: Buffer) => pieces.push(piece));
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming;
      const body = Buffer.concat(pieces);
      const text = (headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
      const request = { method, path: url, headers, text };
      seen.push(request);
      send(response, answer(request));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

function send(response: ServerResponse, reply: StubReply): void {
  if (typeof reply === 'function') return reply(response);
  const { status, body = '', headers = {} } = reply;
  response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** The events of a request, as they were parsed. */
export function eventsOf({ text }: Pick<SeenRequest, 'text'>): readonly Readonly<Record<string, unknown>>[] {
  const { events } = JSON.parse(text) as { events: Record<string, unknown>[] };
  return events;
}
