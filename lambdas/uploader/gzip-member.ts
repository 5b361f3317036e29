/**
 * Puts a request body together as one ordinary gzip member without inflating what is in it: stored blocks carry the text
 * around the events, the chunk's raw deflate goes between them as it is, and the checksum is combined from the parts'.
 * (RFC 1951 3.2.4: a stored block begins on a byte boundary, which is where a sync flush ends. RFC 1952: header, trailer.)
 */
import { crc32 } from 'node:zlib';

/** Text as raw deflate that ends on a byte boundary without a final block, with its CRC-32 and its length. */
export type DeflatedText = { readonly body: Buffer; readonly crc32: number; readonly textBytes: number };

const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** A stored block's length is 16 bits. */
const MAX_STORED = 0xffff;

/**
 * The gzip member of `prefix`, the texts joined by `separator`, and `suffix`; each of those at most 65,535 bytes. It is in
 * pieces, one after the other, so that no text is copied.
 */
export function gzipMember(
  prefix: Buffer,
  texts: readonly DeflatedText[],
  separator: Buffer,
  suffix: Buffer,
): readonly Buffer[] {
  const pieces: Buffer[] = [HEADER, storedBlock(prefix, false)];
  let crc = crc32(prefix);
  let length = prefix.length;
  for (const [i, text] of texts.entries()) {
    if (i > 0) {
      pieces.push(storedBlock(separator, false));
      crc = crc32(separator, crc);
      length += separator.length;
    }
    pieces.push(text.body);
    crc = combineCrc32(crc, text.crc32, text.textBytes);
    length += text.textBytes;
  }
  pieces.push(storedBlock(suffix, true));
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(suffix, crc));
  trailer.writeUInt32LE((length + suffix.length) % 2 ** 32, 4);
  return [...pieces, trailer];
}

function storedBlock(text: Buffer, isLast: boolean): Buffer {
  if (text.length > MAX_STORED) throw new Error(`a stored block holds at most ${MAX_STORED} bytes, not ${text.length}`);
  const head = Buffer.from([isLast ? 1 : 0, 0, 0, 0, 0]);
  head.writeUInt16LE(text.length, 1);
  head.writeUInt16LE(~text.length & MAX_STORED, 3);
  return Buffer.concat([head, text]);
}

/** The CRC-32 of a text from the CRC-32 of its two parts and the second one's length in bytes. */
export function combineCrc32(first: number, second: number, secondBytes: number): number {
  return (multiply(first, powerOfX(secondBytes * 8)) ^ second) >>> 0;
}

/** Polynomials over GF(2) modulo the CRC's, bit-reflected: x^0 is the highest bit. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;
const X = 0x40000000;

/** x^(2^i); more than any length needs. Made anew for each text, they took twice as long as what is then done with them. */
const SQUARES: readonly number[] = squares(X, 64);

function squares(first: number, count: number): number[] {
  const all = [first];
  for (let i = 1; i < count; i += 1) all.push(multiply(all[i - 1] ?? 0, all[i - 1] ?? 0));
  return all;
}

function powerOfX(n: number): number {
  let power = ONE;
  let rest = n;
  for (let i = 0; rest > 0; i += 1) {
    if (rest % 2 === 1) power = multiply(power, SQUARES[i] ?? 0);
    rest = Math.floor(rest / 2);
  }
  return power;
}

function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}
