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

/** The records of the pieces, in blocks. Lines that hold nothing but white space are no records. */
export async function* readLines(pieces: AsyncIterable<Buffer>, options: LineOptions): AsyncGenerator<RawRecord[]> {
  let { offset, position } = options;
  const begun = unfinishedRecord(options.maxBytes);
  for await (const piece of pieces) {
    let records: RawRecord[] = [];
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      const line = begun.length > 0 ? endOf(begun, piece.subarray(start, end)) : wholeLine(piece, start, end, begun);
      start = end + 1;
      position += 1;
      offset += line.length + 1;
      addRecord(records, line, position, offset, true);
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
  addRecord(last, { bytes, length }, position + 1, offset + length, false);
  if (last.length > 0) yield last;
}

function endOf(begun: UnfinishedRecord, part: Buffer): RecordBytes {
  begun.add(part);
  return begun.take();
}

/** Most lines are within one piece, and not too long. */
function wholeLine(piece: Buffer, start: number, end: number, begun: UnfinishedRecord): RecordBytes {
  const bytes = piece.subarray(start, end);
  return bytes.length <= begun.maxWhole ? { bytes, length: bytes.length } : endOf(begun, bytes);
}

function addRecord(records: RawRecord[], line: RecordBytes, position: number, end: number, terminated: boolean): void {
  if (line.length === 0) return;
  if (line.bytes.length < line.length) {
    records.push({ ...line, position, end, terminated }); // cut: what begins with white space may go on with something else
    return;
  }
  const mark = position === 1 ? markLength(line.bytes) : 0;
  const whole = mark === 0 ? line : { bytes: line.bytes.subarray(mark), length: line.length - mark };
  const { bytes, length } = trimRecord(whole);
  if (length > 0) records.push({ bytes, length, position, end, terminated });
}
