/** One POST at a time over each of a few connections that stay open; whatever happens to it is an answer or the reason why there is none. */
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import type { Answer } from './read-verdict.ts';

export type Post = {
  readonly url: string;
  /** In the form of Node's `rawHeaders`, beside `host` and `content-length`. */
  readonly headers: readonly string[];
  readonly body: Buffer;
};

export type Posted = {
  readonly answer: Answer;
  /** All of the body has gone to the system, so that its memory may serve another one. */
  readonly isSent: boolean;
};

export type Client = {
  post(post: Post): Promise<Posted>;
  close(): void;
};

export type ClientOptions = {
  readonly protocol: 'http:' | 'https:';
  /** Requests at a time, to each host. */
  readonly connections: number;
  /** From waiting for a connection to the answer's last byte. */
  readonly timeoutMs: number;
};

/** No documented answer comes near; what is longer is not Amplitude's. 2,000 indexes in every map are 100 KB. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Connections that nobody uses are closed after so long, or sooner where the server says so. */
const KEEP_ALIVE_MS = 30_000;

/**
 * Node's own client: undici's pool takes 0.07 s less CPU for a million events, of some 8 that they take in all, and makes a cold
 * start load 730 KB more; fetch takes 0.9 s more.
 */
export function openClient({ protocol, connections, timeoutMs }: ClientOptions): Client {
  const settings = { keepAlive: true, maxSockets: connections, timeout: KEEP_ALIVE_MS };
  const isPlain = protocol === 'http:';
  const agent = isPlain ? new HttpAgent(settings) : new HttpsAgent(settings);
  const request = isPlain ? httpRequest : httpsRequest;
  const targets = new Map<string, Target>();

  function targetOf(url: string): Target {
    let target = targets.get(url);
    if (!target) {
      target = readTarget(url);
      targets.set(url, target);
    }
    return target;
  }

  return {
    post({ url, headers, body }) {
      const { host, ...to } = targetOf(url);
      const all = ['host', host, ...headers, 'content-length', String(body.length)];
      const sent = request({ ...to, method: 'POST', headers: all, agent });
      const answer = answerTo(sent, timeoutMs);
      sent.end(body);
      return answer;
    },
    close: () => agent.destroy(),
  };
}

type Target = {
  readonly hostname: string;
  readonly port: string | number;
  readonly path: string;
  readonly host: string;
};

function readTarget(url: string): Target {
  const { hostname, port, path } = urlToHttpOptions(new URL(url));
  return { hostname: hostname ?? '', port: port ?? '', path: path ?? '/', host: new URL(url).host };
}

/** One timer and a few listeners: with an AbortSignal, an iteration over the answer and the URL read for each request, a million events took 0.18 CPU s more. */
function answerTo(sent: ClientRequest, timeoutMs: number): Promise<Posted> {
  return new Promise((resolve) => {
    const deadline = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    function fail(reason: string): void {
      end({ kind: 'no-answer', reason });
      sent.destroy();
    }
    function end(answer: Answer): void {
      clearTimeout(deadline);
      resolve({ answer, isSent: answer.kind === 'answer' && sent.writableFinished });
    }
    const failFor = (error: unknown) => fail(`no answer: ${nameOf(error)}`);
    sent.on('error', failFor);
    sent.on('response', (response: IncomingMessage) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      response.on('error', failFor);
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes <= MAX_ANSWER_BYTES) {
          pieces.push(piece);
          return;
        }
        end(toAnswer(response, pieces));
        sent.destroy();
      });
      response.on('end', () => {
        end(toAnswer(response, pieces));
        // Answered early: whoever reads no further would keep the connection, which nothing else would end.
        if (!sent.writableFinished) sent.destroy();
      });
    });
  });
}

function toAnswer({ statusCode = 0, headers }: IncomingMessage, pieces: readonly Buffer[]): Answer {
  const retryAfter = Number(headers['retry-after']);
  return {
    kind: 'answer',
    status: statusCode,
    body: Buffer.concat(pieces).toString('utf8'),
    ...(retryAfter > 0 && { retryAfterMs: retryAfter * 1000 }),
  };
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error ? String(error.code) : error.name;
}
