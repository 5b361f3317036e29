/** Newline-delimited JSON: splits bytes into records at byte 0x0A and nowhere else (U+2028 may stand in a string). */

/** One record as it stood in the dump. */
export type RawRecord = {
  /** Its bytes without the line end; of a record longer than allowed only the first KEPT_BYTES. */
  readonly bytes: Buffer;
  /** Its whole length in bytes. */
  readonly length: number;
  /** 1-based line number. */
  readonly position: number;
  /** Where the next record begins, in bytes of the decompressed dump. */
  readonly end: number;
  /** False for the last line of a dump that does not end with a newline. */
  readonly terminated: boolean;
};

export type LineOptions = {
  /** Where the bytes begin in the decompressed dump, and the line number before them. */
  readonly offset: number;
  readonly position: number;
  /** Lines longer than this come cut, so that memory does not follow them. */
  readonly maxBytes: number;
};

/** What is kept of a line that is too long: enough to recognise it. */
export const KEPT_BYTES = 64 * 1024;

const NEWLINE = 0x0a;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** The records of the pieces, an array for each piece. Lines that hold nothing but white space are no records. */
export async function* readLines(pieces: AsyncIterable<Buffer>, options: LineOptions): AsyncGenerator<RawRecord[]> {
  let { offset, position } = options;
  const begun = unfinishedLine(options.maxBytes);
  for await (const piece of pieces) {
    const records: RawRecord[] = [];
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      begun.add(piece.subarray(start, end));
      start = end + 1;
      position += 1;
      const { bytes, length } = begun.take();
      offset += length + 1;
      addRecord(records, { bytes, length, position, end: offset, terminated: true });
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

function addRecord(records: RawRecord[], record: RawRecord): void {
  const isFirst = record.position === 1;
  const bytes = trim(isFirst && record.bytes.subarray(0, 3).equals(BOM) ? record.bytes.subarray(3) : record.bytes);
  if (bytes.length > 0) records.push({ ...record, bytes });
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
  let parts: Buffer[] = [];
  let length = 0;
  return {
    add(part: Buffer): void {
      const wasTooLong = length > maxBytes;
      length += part.length;
      if (length <= maxBytes) parts.push(part);
      else if (!wasTooLong) parts = [Buffer.concat([...parts, part], KEPT_BYTES)];
    },
    take(): { bytes: Buffer; length: number } {
      const taken = { bytes: parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts), length };
      parts = [];
      length = 0;
      return taken;
    },
  };
}
