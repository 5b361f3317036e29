/** Newline-delimited JSON: splits bytes into records at byte 0x0A and nowhere else (U+2028 may stand in a string). */
import type { RawRecord } from '../raw-record.ts';

export type LineOptions = {
  /** Where the bytes begin in the decompressed dump, and the line number before them. */
  readonly offset: number;
  readonly position: number;
  /** Lines longer than this and than KEPT_BYTES come cut, so that memory does not follow them. */
  readonly maxBytes: number;
};

/** What is kept of a line that is too long: enough to recognise it. */
export const KEPT_BYTES = 64 * 1024;

/** Handed over at a time: a piece of 8 MiB may hold millions of lines, which as objects, or as their events, would be 1 GB. */
const BLOCK_RECORDS = 1_000;

const NOTHING = Buffer.alloc(0);
const NEWLINE = 0x0a;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** The records of the pieces, in blocks. Lines that hold nothing but white space are no records. */
export async function* readLines(pieces: AsyncIterable<Buffer>, options: LineOptions): AsyncGenerator<RawRecord[]> {
  let { offset, position } = options;
  const begun = unfinishedLine(options.maxBytes);
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
  const hasBom = line.position === 1 && line.bytes.subarray(0, BOM.length).equals(BOM);
  const bytes = trim(hasBom ? line.bytes.subarray(BOM.length) : line.bytes);
  if (bytes.length > 0) records.push({ ...line, bytes, length: bytes.length });
}

/** Without the white space that JSON allows around a value (so without the CR of a CRLF). */
function trim(bytes: Buffer): Buffer {
  let start = 0;
  let end = bytes.length;
  while (start < end && isSpace(bytes[start])) start += 1;
  while (end > start && isSpace(bytes[end - 1])) end -= 1;
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0d || byte === 0x09;
}

/** A line that is still being put together from several pieces. */
function unfinishedLine(maxBytes: number) {
  const maxWhole = Math.max(maxBytes, KEPT_BYTES);
  let parts: Buffer[] = [];
  let length = 0;
  return {
    add(part: Buffer): void {
      const wasCut = length > maxWhole;
      length += part.length;
      if (length <= maxWhole) parts.push(part);
      else if (!wasCut) parts = [Buffer.concat([...parts, part], KEPT_BYTES)];
    },
    take(): { bytes: Buffer; length: number } {
      const taken = { bytes: parts.length > 1 ? Buffer.concat(parts) : (parts[0] ?? NOTHING), length };
      parts = [];
      length = 0;
      return taken;
    },
  };
}
