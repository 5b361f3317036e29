/** Compresses a closed chunk to the form in which it travels, in halves when it would not fit a queue message. */
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';
import { encodedBytes } from '../../shared/chunk.ts';
import { MAX_MESSAGE_BYTES } from '../../shared/queue.ts';
import { type ClosedChunk, SEPARATOR } from './lane-chunks.ts';

/** A chunk that lacks only its number. */
export type CompressedChunk = Omit<ClosedChunk, 'text'> & {
  readonly body: Buffer;
  readonly crc32: number;
  readonly textBytes: number;
};

/** One event that is too large for a queue message even by itself; `bytes` is its size there, `maxBytes` what fits. */
export type TooLarge = {
  readonly text: Buffer;
  readonly position: number;
  readonly bytes: number;
  readonly maxBytes: number;
};

/** Left for the message's header: its positions (about 2 bytes an event in base64), names and counts. */
const HEADER_BYTES = 24 * 1024;
const MAX_BODY = MAX_MESSAGE_BYTES - HEADER_BYTES;
/** Most bodies come in one piece then. Of all CPU for a chunk of 1.2 MB the main thread's is 6 % so, 9 % with zlib's default of 16 KB. */
const PIECE_BYTES = 256 * 1024;
/** Level 1 takes 0.4 of the time of level 6 for 1.2 times the size (docs/benchmarks.md). */
const OPTIONS = { level: 1, chunkSize: PIECE_BYTES, finishFlush: constants.Z_SYNC_FLUSH };

const deflate = promisify<Buffer, typeof OPTIONS, Buffer>(deflateRaw);

/** The same chunk always gives the same parts. They share `hottest`, which is then an upper bound. */
export async function compressChunk(
  chunk: ClosedChunk,
  maxBytes: number = MAX_BODY,
): Promise<(CompressedChunk | TooLarge)[]> {
  const body = await deflate(chunk.text, OPTIONS);
  const { text, ...rest } = chunk;
  const { positions } = rest;
  if (encodedBytes(body) <= maxBytes) return [{ ...rest, body, crc32: crc32(text), textBytes: text.length }];
  const [position] = positions;
  if (positions.length === 1 && position !== undefined)
    return [{ text: Buffer.from(text), position, bytes: encodedBytes(body), maxBytes }];
  const middle = Math.ceil(positions.length / 2);
  const cut = placeOfEvent(text, middle);
  const halves = [
    { ...rest, positions: positions.slice(0, middle), text: text.subarray(0, cut - SEPARATOR.length) },
    { ...rest, positions: positions.slice(middle), text: text.subarray(cut) },
  ];
  return (await Promise.all(halves.map((half) => compressChunk(half, maxBytes)))).flat();
}

/** Where the event with this index begins: each event but the last ends in a comma and the chunk's only kind of newline. */
function placeOfEvent(text: Buffer, index: number): number {
  let at = 0;
  for (let i = 0; i < index; i += 1) at = text.indexOf(SEPARATOR, at) + SEPARATOR.length;
  return at;
}
