/** Amplitude's upload endpoints: one request, one answer, and whether this endpoint takes gzip. */
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, inflateRaw } from 'node:zlib';
import { Pool } from 'undici';
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
/** What undici allows by default. */
const MAX_CONNECT_MS = 10_000;
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

/** Throws when the endpoint is none. */
export function amplitude(options: AmplitudeOptions): Amplitude & { close(): Promise<void> } {
  const { connections, timeoutMs, endpoint } = options;
  if (endpoint !== undefined) checkEndpoint(endpoint);
  const pools = new Map<string, Pool>();
  const withoutGzip = new Set<string>();

  function poolFor(origin: string): Pool {
    // The deadline of a request does not end the connecting before it. HTTP/2 gains nothing for one request at a time.
    const connectTimeout = Math.min(timeoutMs, MAX_CONNECT_MS);
    const settings = { connections, connectTimeout, keepAliveTimeout: 30_000, allowH2: false };
    const pool = pools.get(origin) ?? new Pool(origin, settings);
    pools.set(origin, pool);
    return pool;
  }

  async function upload(request: UploadRequest): Promise<Answer> {
    const origin = endpoint ?? ENDPOINTS[request.project.region];
    const pool = poolFor(origin);
    const place = `${origin}${API_LIMITS[request.api].path}`;
    if (options.uploads === 'identity' || withoutGzip.has(place)) return postIdentity(pool, request, timeoutMs);
    const answer = await postGzip(pool, request, timeoutMs);
    if (!mayRefuseGzip(answer)) return answer;
    const plain = await postIdentity(pool, request, timeoutMs);
    if (wasRead(plain)) withoutGzip.add(place);
    return plain;
  }

  return {
    upload,
    close: async () => void (await Promise.all([...pools.values()].map((pool) => pool.close()))),
  };
}

function checkEndpoint(endpoint: string): void {
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

function postGzip(pool: Pool, request: UploadRequest, timeoutMs: number): Promise<Answer> {
  const { prefix, suffix } = around(request);
  const body = gzipMember(prefix, request.events, COMMA, suffix);
  return post(pool, { api: request.api, body, headers: { 'content-encoding': 'gzip' } }, timeoutMs);
}

async function postIdentity(pool: Pool, request: UploadRequest, timeoutMs: number): Promise<Answer> {
  const { prefix, suffix } = around(request);
  const texts = await Promise.all(request.events.map(inflateText));
  const events = texts.flatMap((text, i) => (i === 0 ? [text] : [COMMA, text]));
  const body = Buffer.concat([prefix, ...events, suffix]);
  return post(pool, { api: request.api, body, headers: {} }, timeoutMs);
}

type Post = { readonly api: Api; readonly body: Buffer; readonly headers: Readonly<Record<string, string>> };

async function post(pool: Pool, { api, body, headers }: Post, timeoutMs: number): Promise<Answer> {
  try {
    const response = await pool.request({
      path: API_LIMITS[api].path,
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: '*/*', ...headers },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const retryAfter = Number(response.headers['retry-after']);
    return {
      kind: 'answer',
      status: response.statusCode,
      body: await readText(response.body),
      ...(retryAfter > 0 && { retryAfterMs: retryAfter * 1000 }),
    };
  } catch (error) {
    return { kind: 'no-answer', reason: describeFailure(error, timeoutMs) };
  }
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

function describeFailure(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'no answer';
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  const code = 'code' in error ? String(error.code) : error.name;
  return `no answer: ${code}`;
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
