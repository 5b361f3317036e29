/** Compresses a closed chunk to the form in which it travels, in halves when it would not fit a queue message. */
import { crc32 } from 'node:zlib';
import { encodedBytes } from '../../shared/chunk.ts';
import { MAX_MESSAGE_BYTES } from '../../shared/queue.ts';
import { deflateText } from './deflaters.ts';
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
/** The same chunk always gives the same parts. They share `hottest`, which is then an upper bound. */
export async function compressChunk(
  chunk: ClosedChunk,
  maxBytes: number = MAX_BODY,
): Promise<(CompressedChunk | TooLarge)[]> {
  const body = await deflateText(chunk.text);
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
