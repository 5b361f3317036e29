/** A record that is still being put together from several pieces, in bounded memory. */

/** What is kept of a record that is too long: enough to recognise it. */
export const KEPT_BYTES = 64 * 1024;

export const NOTHING = Buffer.alloc(0);

/** `bytes` are only the beginning of a record whose `length` is beyond `maxBytes` and KEPT_BYTES. */
export type RecordBytes = { readonly bytes: Buffer; readonly length: number };

export type UnfinishedRecord = ReturnType<typeof unfinishedRecord>;

export function unfinishedRecord(maxBytes: number) {
  const maxWhole = Math.max(maxBytes, KEPT_BYTES);
  let parts: Buffer[] = [];
  let length = 0;
  return {
    /** The bytes that it may have and still be kept whole. */
    maxWhole,
    get length(): number {
      return length;
    },
    add(part: Buffer): void {
      const wasCut = length > maxWhole;
      length += part.length;
      if (length <= maxWhole) parts.push(part);
      else if (!wasCut) parts = [Buffer.concat([...parts, part], KEPT_BYTES)];
    },
    take(): RecordBytes {
      const taken = { bytes: parts.length > 1 ? Buffer.concat(parts) : (parts[0] ?? NOTHING), length };
      parts = [];
      length = 0;
      return taken;
    },
  };
}

/** Without the white space that JSON allows around a value. What is only the beginning of a record stays as it is. */
export function trimRecord({ bytes, length }: RecordBytes): RecordBytes {
  if (bytes.length < length) return { bytes, length };
  let start = 0;
  let end = bytes.length;
  while (start < end && isSpace(bytes[start])) start += 1;
  while (end > start && isSpace(bytes[end - 1])) end -= 1;
  const trimmed = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
  return { bytes: trimmed, length: trimmed.length };
}

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0d || byte === 0x0a || byte === 0x09;
}
