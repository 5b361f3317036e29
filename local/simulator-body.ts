/** Receives the body of a request and unpacks it; a body far too large is read to its end but not kept. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

export type ReceivedBody = {
  readonly gzip: boolean;
  readonly contentType: string;
  /** What came over the wire. */
  readonly sentBytes: number;
  /** Decompressed. */
  readonly text: Buffer;
  readonly problem?: 'too large' | 'encoding unknown' | 'cannot be decompressed';
};

/** Far above any limit: keeps a small body from filling the memory. */
const MAX_BYTES = 134_217_728;
/** zlib's default of 16 KB pieces takes three times as long. */
const PIECE_BYTES = 1_048_576;
const NOTHING = Buffer.alloc(0);

const gunzipAsync = promisify(gunzip);

export async function receiveBody(request: IncomingMessage): Promise<ReceivedBody> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  const gzip = encoding === 'gzip';
  const pieces: Buffer[] = [];
  let sentBytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    sentBytes += piece.length;
    if (sentBytes <= MAX_BYTES) pieces.push(piece);
  }
  const received = { gzip, contentType: request.headers['content-type'] ?? '', sentBytes, text: NOTHING };
  if (sentBytes > MAX_BYTES) return { ...received, problem: 'too large' };
  if (!gzip && encoding !== 'identity') return { ...received, problem: 'encoding unknown' };
  const body = Buffer.concat(pieces);
  if (!gzip || sentBytes === 0) return { ...received, text: body };
  try {
    return { ...received, text: await gunzipAsync(body, { maxOutputLength: MAX_BYTES, chunkSize: PIECE_BYTES }) };
  } catch (error) {
    const tooLarge = error instanceof RangeError;
    return { ...received, text: body, problem: tooLarge ? 'too large' : 'cannot be decompressed' };
  }
}
