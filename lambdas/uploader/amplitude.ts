/** Amplitude's upload endpoints: one request, one answer, and whether this endpoint takes gzip. */
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, inflateRaw } from 'node:zlib';
import { API_LIMITS, type Api } from '../../shared/amplitude-limits.ts';
import { bodyBytes } from '../../shared/chunk.ts';
import type { Project } from '../../shared/config.ts';
import { type DeflatedText, gzipMember } from './gzip-member.ts';
import { openMemory } from './memory.ts';
import { openClient, type Posted } from './post.ts';
import type { Answer } from './read-verdict.ts';
import { recycleText, unpackMember } from './unpack-member.ts';

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
/** Errors an endpoint gives that cannot read a compressed body. */
const UNREADABLE = /Invalid JSON request body|Missing request body/;

/** A text is inflated in one piece, and the spare bytes are for zlib to see that it is through. A damaged length must not ask for more than any chunk has. */
const MAX_PIECE_BYTES = 20 * 1024 * 1024;
const SPARE_BYTES = 64;

const HEADERS = ['content-type', 'application/json', 'accept', '*/*'];
/** Of a chunk; those of several together may be larger, and are made anew. */
const members = openMemory(1024 * 1024);
const COMMA = Buffer.from(',');

const inflate = promisify<Buffer, { finishFlush: number; chunkSize: number }, Buffer>(inflateRaw);
const deflate = promisify<Buffer, { level: number; finishFlush: number }, Buffer>(deflateRaw);

/** Throws when the endpoint is none. */
export function amplitude(options: AmplitudeOptions): Amplitude & { close(): Promise<void> } {
  const { connections, timeoutMs, endpoint } = options;
  if (endpoint !== undefined) checkEndpoint(endpoint);
  const protocol = endpoint?.startsWith('http:') ? 'http:' : 'https:';
  const client = openClient({ protocol, connections, timeoutMs });
  const withoutGzip = new Set<string>();
  const underWay = new Set<Promise<Answer>>();
  let isClosed = false;

  async function uploadOnce(request: UploadRequest): Promise<Answer> {
    const url = `${endpoint ?? ENDPOINTS[request.project.region]}${API_LIMITS[request.api].path}`;
    const send: Send = (body, ...more) => client.post({ url, body, headers: [...HEADERS, ...more] });
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
      client.close();
    },
  };
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

type Send = (body: Buffer, ...more: readonly string[]) => Promise<Posted>;

async function sendGzip(request: UploadRequest, send: Send): Promise<Answer> {
  const member = memberOf(request);
  const { answer, isSent } = await send(member, 'content-encoding', 'gzip');
  if (isSent) recycle(member);
  return answer;
}

/** The same member, unpacked: so it is its checksum that says whether the text is what was sent. */
async function sendIdentity(request: UploadRequest, send: Send): Promise<Answer> {
  const member = memberOf(request);
  const text = await unpackMember(member);
  recycle(member);
  const { answer, isSent } = await send(text);
  if (isSent) recycleText(text);
  return answer;
}

function memberOf(request: UploadRequest): Buffer {
  const { prefix, suffix } = around(request);
  return gzipMember(prefix, request.events, COMMA, suffix, members.take);
}

function recycle(member: Buffer): void {
  members.give(Buffer.from(member.buffer));
}

/** The text of a chunk. Throws when it is not what its checksum says. */
export async function inflateText(events: DeflatedText): Promise<Buffer> {
  const chunkSize = Math.min(events.textBytes, MAX_PIECE_BYTES) + SPARE_BYTES;
  const text = await inflate(bodyBytes(events.body), { finishFlush: constants.Z_SYNC_FLUSH, chunkSize });
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
