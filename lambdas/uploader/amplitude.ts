/** Amplitude's upload endpoints: one request, one answer, and whether this endpoint takes gzip. */
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, inflateRaw } from 'node:zlib';
import { API_LIMITS, type Api } from '../../shared/amplitude-limits.ts';
import type { Project } from '../../shared/config.ts';
import { type DeflatedText, gzipMember } from './gzip-member.ts';
import type { Answer } from './read-verdict.ts';

export type UploadRequest = {
  readonly project: Project;
  readonly api: Api;
  readonly apiKey: string;
  readonly minIdLength?: number | undefined;
  /** The inside of the `events` array, in one or more parts. */
  readonly events: readonly DeflatedText[];
};

/** One request with a deadline; whatever happens is an answer or the reason why there is none. */
export type Amplitude = { upload(request: UploadRequest): Promise<Answer> };

export type AmplitudeOptions = {
  readonly uploads: 'gzip' | 'identity';
  readonly timeoutMs: number;
  /** Requests at a time. */
  readonly connections: number;
  /** Replaces Amplitude's own address: for a simulator or a proxy. */
  readonly endpoint?: string | undefined;
};

const ENDPOINTS = { us: 'https://api2.amplitude.com', eu: 'https://api.eu.amplitude.com' } as const;
/** No documented answer comes near; what is longer is not Amplitude's. 2,000 indexes in every map are 100 KB. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Connections that nobody uses are closed after so long, or sooner where the server says so. */
const KEEP_ALIVE_MS = 30_000;
/** Errors an endpoint gives that cannot read a compressed body. */
const UNREADABLE = /Invalid JSON request body|Missing request body/;

/**
 * A text is inflated in one piece: in zlib's own of 16 KiB an upload without compression takes half as much time again. The
 * spare bytes are for zlib to see that it is through; a damaged header must not ask for more than any chunk has.
 */
const MAX_PIECE_BYTES = 20 * 1024 * 1024;
const SPARE_BYTES = 64;

const COMMA = Buffer.from(',');

const inflate = promisify<Buffer, { finishFlush: number; chunkSize: number }, Buffer>(inflateRaw);
const deflate = promisify<Buffer, { level: number; finishFlush: number }, Buffer>(deflateRaw);

/**
 * Throws when the endpoint is none. Node's own client: undici's pool takes 0.07 s less CPU for a million events, of some
 * 8 that they take in all, and makes a cold start load 730 KB more; fetch takes 0.9 s more.
 */
export function amplitude(options: AmplitudeOptions): Amplitude & { close(): Promise<void> } {
  const { connections, timeoutMs, endpoint } = options;
  if (endpoint !== undefined) checkEndpoint(endpoint);
  const client = openClient(endpoint?.startsWith('http:') === true, connections);
  const withoutGzip = new Set<string>();
  const underWay = new Set<Promise<Answer>>();
  let isClosed = false;

  async function uploadOnce(request: UploadRequest): Promise<Answer> {
    const url = `${endpoint ?? ENDPOINTS[request.project.region]}${API_LIMITS[request.api].path}`;
    const send: Send = (pieces, headers) => post({ url, pieces, headers, timeoutMs }, client);
    if (options.uploads === 'identity' || withoutGzip.has(url)) return sendIdentity(request, send);
    const answer = await sendGzip(request, send);
    if (!mayRefuseGzip(answer)) return answer;
    const plain = await sendIdentity(request, send);
    if (wasRead(plain)) withoutGzip.add(url);
    return plain;
  }

  return {
    async upload(request) {
      if (isClosed) return { kind: 'no-answer', reason: 'no answer: closed' };
      const upload = uploadOnce(request).finally(() => underWay.delete(upload));
      underWay.add(upload);
      return upload;
    },
    async close() {
      isClosed = true;
      await Promise.allSettled(underWay);
      client.agent.destroy();
    },
  };
}

type Client = { readonly agent: HttpAgent; readonly request: typeof httpRequest };

function openClient(isPlain: boolean, connections: number): Client {
  const settings = { keepAlive: true, maxSockets: connections, timeout: KEEP_ALIVE_MS };
  return isPlain
    ? { agent: new HttpAgent(settings), request: httpRequest }
    : { agent: new HttpsAgent(settings), request: httpsRequest };
}

/** Throws when it is no origin: `https://host`, perhaps with a port. */
export function checkEndpoint(endpoint: string): void {
  const url = URL.parse(endpoint);
  const isOrigin = url && /^https?:$/.test(url.protocol) && `${url.pathname}${url.search}${url.hash}` === '/';
  if (!isOrigin) {
    throw new Error(`the endpoint is ${endpoint}; expected http(s), a host and perhaps a port: http://127.0.0.1:8080`);
  }
}

/** Gzip on `/batch` is what Amplitude's own SDKs send, but no document promises it. */
function mayRefuseGzip(answer: Answer): boolean {
  return answer.kind === 'answer' && (answer.status === 415 || (answer.status === 400 && UNREADABLE.test(answer.body)));
}

/** The same text was read without compression. Invalid JSON stays invalid, and an outage in between proves nothing. */
function wasRead(answer: Answer): boolean {
  return answer.kind === 'answer' && [200, 400, 429].includes(answer.status) && !mayRefuseGzip(answer);
}

function around({ apiKey, minIdLength }: UploadRequest): { prefix: Buffer; suffix: Buffer } {
  // client_upload_time is left out on purpose: Amplitude would shift every event by how long a payload has waited.
  const options = minIdLength === undefined ? '' : `,"options":{"min_id_length":${minIdLength}}`;
  return {
    prefix: Buffer.from(`{"api_key":${JSON.stringify(apiKey)},"events":[`),
    suffix: Buffer.from(`]${options}}`),
  };
}

type Headers = Readonly<Record<string, string>>;
/** The pieces together are the body: put into one buffer, a text of 1.2 MB would be copied for the two ends of it. */
type Send = (pieces: readonly Buffer[], headers: Headers) => Promise<Answer>;

function sendGzip(request: UploadRequest, send: Send): Promise<Answer> {
  const { prefix, suffix } = around(request);
  return send(gzipMember(prefix, request.events, COMMA, suffix), { 'content-encoding': 'gzip' });
}

async function sendIdentity(request: UploadRequest, send: Send): Promise<Answer> {
  const { prefix, suffix } = around(request);
  const texts = await Promise.all(request.events.map(inflateText));
  const events = texts.flatMap((text, i) => (i === 0 ? [text] : [COMMA, text]));
  return send([prefix, ...events, suffix], {});
}

type Post = {
  readonly url: string;
  readonly pieces: readonly Buffer[];
  readonly headers: Headers;
  readonly timeoutMs: number;
};

/** The deadline is one for all of it, from waiting for a connection to the answer's last byte. */
async function post({ timeoutMs, ...request }: Post, client: Client): Promise<Answer> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const response = await ask(request, client, deadline);
    const retryAfter = Number(response.headers['retry-after']);
    return {
      kind: 'answer',
      status: response.statusCode ?? 0,
      body: await readText(response),
      ...(retryAfter > 0 && { retryAfterMs: retryAfter * 1000 }),
    };
  } catch (error) {
    const reason = deadline.aborted ? `no answer within ${timeoutMs} ms` : `no answer: ${nameOf(error)}`;
    return { kind: 'no-answer', reason };
  }
}

function ask(
  { url, pieces, headers }: Omit<Post, 'timeoutMs'>,
  { agent, request }: Client,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const length = pieces.reduce((bytes, piece) => bytes + piece.length, 0);
  const options = {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': length, accept: '*/*', ...headers },
    agent,
    signal,
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, options, resolve).on('error', reject);
    for (const piece of pieces) sent.write(piece);
    sent.end();
  });
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > MAX_ANSWER_BYTES) break;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error ? String(error.code) : error.name;
}

/** The text of a chunk, as a request without compression carries it. Throws when it is not what its checksum says. */
export async function inflateText(events: DeflatedText): Promise<Buffer> {
  const chunkSize = Math.min(events.textBytes, MAX_PIECE_BYTES) + SPARE_BYTES;
  const text = await inflate(events.body, { finishFlush: constants.Z_SYNC_FLUSH, chunkSize });
  if (text.length !== events.textBytes || crc32(text) !== events.crc32) {
    throw new Error(
      `chunk is damaged: it says ${events.textBytes} bytes and holds ${text.length}, or another checksum`,
    );
  }
  return text;
}

export async function deflateText(text: Buffer): Promise<DeflatedText> {
  const body = await deflate(text, { level: 1, finishFlush: constants.Z_SYNC_FLUSH });
  return { body, crc32: crc32(text), textBytes: text.length };
}
