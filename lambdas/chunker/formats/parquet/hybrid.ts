/** Parquet's run-length and bit-packed numbers: definition levels, repetition levels and places in a dictionary. */

/**
 * Fills `out` with numbers of `width` bits that begin at `start`; the answer is where they end. Throws when the bytes end
 * first or hold a run that is longer than what is asked for, so that no claim of theirs costs time or memory
 * (https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE).
 */
export function readHybrid(bytes: Buffer, start: number, width: number, out: Uint8Array | Int32Array): number {
  if (width > 32) throw new Error(`numbers of ${width} bits, at most 32`);
  let at = start;
  let filled = 0;
  while (filled < out.length) {
    const header = readVarint(bytes, at);
    at = header.end;
    const count = Math.floor(header.value / 2);
    if (header.value % 2 === 1) {
      const wanted = Math.min(count * 8, out.length - filled);
      unpack(bytes, at, width, out.subarray(filled, filled + wanted));
      filled += wanted;
      at += count * width;
    } else {
      if (count === 0 || count > out.length - filled)
        throw new Error(`a run of ${count} where ${out.length - filled} are left`);
      const size = (width + 7) >> 3;
      if (at + size > bytes.length) throw new Error('numbers end early');
      out.fill(size === 0 ? 0 : bytes.readUIntLE(at, size), filled, filled + count);
      filled += count;
      at += size;
    }
  }
  return at;
}

function readVarint(bytes: Buffer, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let i = 0; i < 5; i += 1) {
    const byte = bytes[start + i];
    if (byte === undefined) throw new Error('numbers end early');
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: start + i + 1 };
  }
  throw new Error('a run length of more than 35 bits');
}

function unpack(bytes: Buffer, start: number, width: number, out: Uint8Array | Int32Array): void {
  if (start + Math.ceil((out.length * width) / 8) > bytes.length) throw new Error('numbers end early');
  if (width > 24) unpackWide(bytes, start, width, out);
  else unpackNarrow(bytes, start, width, out);
}

function unpackNarrow(bytes: Buffer, start: number, width: number, out: Uint8Array | Int32Array): void {
  const mask = (1 << width) - 1;
  let at = start;
  let held = 0;
  let bits = 0;
  for (let i = 0; i < out.length; i += 1) {
    while (bits < width) {
      held |= (bytes[at++] ?? 0) << bits;
      bits += 8;
    }
    out[i] = held & mask;
    held >>>= width;
    bits -= width;
  }
}

/** With 24 bits and more, what is held does not fit the 32 bits that shifting works on. */
function unpackWide(bytes: Buffer, start: number, width: number, out: Uint8Array | Int32Array): void {
  let at = start;
  let held = 0;
  let bits = 0;
  for (let i = 0; i < out.length; i += 1) {
    while (bits < width) {
      held += (bytes[at++] ?? 0) * 2 ** bits;
      bits += 8;
    }
    out[i] = held % 2 ** width;
    held = Math.floor(held / 2 ** width);
    bits -= width;
  }
}
