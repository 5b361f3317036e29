/**
 * The chunk message: events of one dump, one segment, one project and one lane, on their way from the chunker to the uploader.
 *
 * Its form is one line of JSON (all that is known about the events), a newline, and the events themselves: the inside of
 * the request's `events` array, one event a line with a comma at each line's end but the last, as raw deflate ended by a sync flush,
 * in base64. Raw deflate that ends on a byte boundary can be spliced into a gzip member as it is, so that the uploader
 * neither inflates nor parses what goes well (see lambdas/uploader/gzip-member.ts).
 */
import type { Run } from './dump.ts';

/** Where a chunk stands in its dump's run. */
export type ChunkPlace = {
  readonly segment: number;
  /** 0-based, within the segment, over all lanes. */
  readonly number: number;
};

/** What stands in the first line of a message. */
export type ChunkHeader = Run &
  ChunkPlace & {
    readonly source: string;
    /** The name in its route of the project that the events go to; left out for the source's own. */
    readonly project?: string;
    /** The dump's key, for people and for results; nothing is decided by it. */
    readonly key: string;
    readonly bucket: string;
    readonly lane: number;
    /** How many events. */
    readonly events: number;
    /** The largest number of its events that share a device or a user: what the lane's pace follows from. */
    readonly hottest: number;
    /** Over how many lanes its devices' events may be spread, those of other dumps included. */
    readonly spread: number;
    /** A chunk of another lane that must be settled before this one goes: it holds earlier events of the same device. */
    readonly after?: ChunkPlace;
    /** The same of chunks with which lanes of their own ended that devices of this lane had in an earlier part of the dump. */
    readonly afterOwn?: readonly ChunkPlace[];
    /** Of the uncompressed text: CRC-32 and length in bytes. */
    readonly crc32: number;
    readonly textBytes: number;
    /** For each event the position of the record it was made from (1-based; in line formats the line number), ascending. */
    readonly positions: readonly number[];
    /** Set when Amplitude throttled these events of a chunk and they wait on the parked queue. */
    readonly parked?: ParkedFrom;
  };

/** Where parked events come from. `unit` names them in the ledger, `parent` the unit they were split off from. */
export type ParkedFrom = { readonly unit: string; readonly parent: string };

export type Chunk = ChunkHeader & {
  /**
   * Raw deflate, ended by a sync flush (no final block). A string is the same in base64, as it came in a message: the uploader
   * decodes it into a request's memory and not into some of its own, which took a sixth more CPU.
   */
  readonly body: Buffer | string;
};

/** A chunk's body as bytes. */
export function bodyBytes(body: Chunk['body']): Buffer {
  return typeof body === 'string' ? Buffer.from(body, 'base64') : body;
}

/** Version of the message form; a reader knows every version ever released. */
const VERSION = 1;

export function encodeChunk(chunk: Chunk): string {
  const { body, positions, ...rest } = chunk;
  const header = { v: VERSION, ...rest, positions: encodePositions(positions) };
  return `${asciiJson(header)}\n${typeof body === 'string' ? body : body.toString('base64')}`;
}

/** Throws with what was found when the message is not a chunk this version can read. */
export function decodeChunk(message: string): Chunk {
  const { header, end } = parseHeader(message);
  return Object.assign(header, { body: message.slice(end + 1) });
}

/** The header alone, for those who only count (replay, status): the body is not decoded. */
export function decodeChunkHeader(message: string): ChunkHeader {
  return parseHeader(message).header;
}

/** The name of the chunk's events in the ledger: the chunk's number, or that of a parked remainder. */
export function unitOf(chunk: ChunkHeader): string {
  return chunk.parked?.unit ?? String(chunk.number);
}

/** `dump / run / segment / number`, or with the parked remainder's unit: unique, and the same whenever it is made again. */
export function chunkId(chunk: ChunkHeader): string {
  return `${chunk.dumpId}.${chunk.run}.${chunk.segment}.${unitOf(chunk)}`;
}

/** Bytes of the message a chunk with this body becomes, other than its positions: base64 is 4/3, the rest is small. */
export function encodedBytes(body: Buffer): number {
  return Math.ceil(body.length / 3) * 4;
}

function parseHeader(message: string): { header: ChunkHeader; end: number } {
  const end = message.indexOf('\n');
  let header: unknown;
  try {
    header = JSON.parse(message.slice(0, Math.max(end, 0)));
  } catch {
    header = undefined;
  }
  if (!isRecord(header)) throw new Error('message is not a chunk: expected a line of JSON and a line of base64');
  const { v, positions: encoded, ...rest } = header;
  if (v !== VERSION)
    throw new Error(`chunk has version ${String(v)}; this code reads version ${VERSION}: deploy a newer one`);
  // Most chunks go well, and nobody asks where their events stood: decoded at once, it took 5 % of the uploader's CPU.
  const positions = { get: () => decodePositions(String(encoded)), enumerable: true };
  // The header was written by encodeChunk of the version just checked; the queue is ours alone.
  return { header: Object.defineProperties(rest, { positions }) as unknown as ChunkHeader, end };
}

/** SQS refuses some characters of Unicode (U+FFFE, control characters) that a key may hold. */
function asciiJson(value: object): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Ascending numbers as differences, 7 bits a byte, base64: about one byte an event. */
function encodePositions(positions: readonly number[]): string {
  const bytes: number[] = [];
  let last = 0;
  for (const position of positions) {
    let rest = position - last;
    last = position;
    while (rest >= 128) {
      bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    bytes.push(rest);
  }
  return Buffer.from(bytes).toString('base64');
}

function decodePositions(text: string): number[] {
  const positions: number[] = [];
  let last = 0;
  let value = 0;
  let unit = 1;
  for (const byte of Buffer.from(text, 'base64')) {
    value += (byte % 128) * unit;
    unit *= 128;
    if (byte < 128) {
      last += value;
      positions.push(last);
      value = 0;
      unit = 1;
    }
  }
  return positions;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
