/** Newline-delimited JSON: splits bytes into records at byte 0x0A and nowhere else (U+2028 may stand in a string). */
import { dumpUrl } from '../../../shared/dump.ts';
import { DumpUnreadable } from '../../../shared/objects.ts';
import type { RawRecord } from '../raw-record.ts';
import { markLength } from './dump-head.ts';
import { BLOCK_RECORDS, type ReadFormat } from './format.ts';
import { trimRecord, unfinishedRecord } from './unfinished-record.ts';

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
      if (start < end) begun.add(piece.subarray(start, end));
      start = end + 1;
      position += 1;
      const { bytes, length } = begun.take();
      offset += length + 1;
      addRecord(records, { bytes, length, position, end: offset, terminated: true });
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
  addRecord(last, { bytes, length, position: position + 1, end: offset + length, terminated: false });
  if (last.length > 0) yield last;
}

function addRecord(records: RawRecord[], line: RawRecord): void {
  if (line.length === 0) return;
  if (line.bytes.length < line.length) {
    records.push(line); // cut: what begins with white space may go on with something else
    return;
  }
  const mark = line.position === 1 ? markLength(line.bytes) : 0;
  const { bytes, length } = trimRecord({ bytes: line.bytes.subarray(mark), length: line.length - mark });
  if (length > 0) records.push({ ...line, bytes, length });
}
