/** Newline-delimited JSON: splits bytes into records at byte 0x0A and nowhere else (U+2028 may stand in a string). */
import { dumpUrl } from '../../../shared/dump.ts';
import { DumpUnreadable } from '../../../shared/objects.ts';
import type { RawRecord } from '../raw-record.ts';
import { markLength } from './dump-head.ts';
import { BLOCK_RECORDS, type ReadFormat } from './format.ts';
import { type RecordBytes, trimRecord, type UnfinishedRecord, unfinishedRecord } from './unfinished-record.ts';

export type LineOptions = {
  /** Where the bytes begin in the decompressed dump, and the line number before them. */
  readonly offset: number;
  readonly position: number;
  /** Lines longer than this and than KEPT_BYTES come cut, so that memory does not follow them. */
  readonly maxBytes: number;
};

const NEWLINE = 0x0a;

export const readNdjson: ReadFormat = async function* ({ dump, stream }, { offset, position }, { caps }) {
  let last: RawRecord | undefined;
  for await (const records of readLines(stream(offset), { offset, position, maxBytes: caps.recordBytes })) {
    last = records.at(-1);
    yield records;
  }
  if (!last || !isCutOff(last)) return;
  throw new DumpUnreadable(
    `${dumpUrl(dump)} ends in the middle of its last record (line ${last.position}): it was cut off; drop a whole copy of it`,
  );
};

/** An object that begins and does not end, at the end of the dump. Any other bad last line is only a bad line. */
function isCutOff({ bytes, terminated }: RawRecord): boolean {
  return !terminated && bytes[0] === 0x7b && bytes.at(-1) !== 0x7d;
}

/** Lines are looked at together where they are in one piece; a larger piece is taken as several. */
const PIECE_BYTES = 1024 * 1024;

/** The records of the pieces, in blocks. Lines that hold nothing but white space are no records. */
export async function* readLines(pieces: AsyncIterable<Buffer>, options: LineOptions): AsyncGenerator<RawRecord[]> {
  let { offset, position } = options;
  const begun = unfinishedRecord(options.maxBytes);
  for await (const piece of cut(pieces)) {
    let records: RawRecord[] = [];
    let start = 0;
    /** The lines that are whole in this piece. */
    let block: Buffer | undefined;
    let blockStart = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      const isWhole = begun.length === 0 && end - start <= begun.maxWhole;
      if (isWhole && !block) {
        blockStart = start;
        block = piece.subarray(start, piece.lastIndexOf(NEWLINE) + 1);
      }
      const bytes = piece.subarray(start, end);
      const line = isWhole ? { bytes, length: bytes.length } : endOf(begun, bytes);
      position += 1;
      offset += line.length + 1;
      addRecord(records, line, { position, end: offset, terminated: true }, block, start - blockStart);
      start = end + 1;
      if (records.length < BLOCK_RECORDS) continue;
      yield records;
      records = [];
    }
    if (start < piece.length) begun.add(piece.subarray(start));
    if (records.length > 0) yield records;
  }
  const { bytes, length } = begun.take();
  if (length === 0) return;
  const last: RawRecord[] = [];
  addRecord(last, { bytes, length }, { position: position + 1, end: offset + length, terminated: false });
  if (last.length > 0) yield last;
}

async function* cut(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    for (let start = 0; start < piece.length; start += PIECE_BYTES) yield piece.subarray(start, start + PIECE_BYTES);
  }
}

function endOf(begun: UnfinishedRecord, part: Buffer): RecordBytes {
  begun.add(part);
  return begun.take();
}

type Place = Pick<RawRecord, 'position' | 'end' | 'terminated'>;

/** `start` is where the line begins in its block. */
function addRecord(records: RawRecord[], line: RecordBytes, place: Place, block?: Buffer, start = 0): void {
  if (line.length === 0) return;
  if (line.bytes.length < line.length) {
    records.push({ ...line, ...place }); // cut: what begins with white space may go on with something else
    return;
  }
  const mark = place.position === 1 ? markLength(line.bytes) : 0;
  const whole = mark === 0 ? line : { bytes: line.bytes.subarray(mark), length: line.length - mark };
  const { bytes, length } = trimRecord(whole);
  if (length === 0) return;
  const { position, end, terminated } = place;
  const before = bytes.byteOffset - line.bytes.byteOffset;
  records.push({ bytes, length, position, end, terminated, block, start: start + before });
}
