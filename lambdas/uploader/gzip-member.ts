/**
 * Puts a request body together as one ordinary gzip member without inflating what is in it: stored blocks carry the text
 * around the events, the chunk's raw deflate goes between them as it is, and the checksum is combined from the parts'.
 * (RFC 1951 3.2.4: a stored block begins on a byte boundary, which is where a sync flush ends. RFC 1952: header, trailer.)
 */
import { crc32 } from 'node:zlib';
import type { Chunk } from '../../shared/chunk.ts';

/** Text as raw deflate that ends on a byte boundary without a final block, with its CRC-32 and its length. */
export type DeflatedText = Pick<Chunk, 'body' | 'crc32' | 'textBytes'>;

const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** A stored block's length is 16 bits. */
const MAX_STORED = 0xffff;

/** A stored block's header (RFC 1951 3.2.4), the member's end (RFC 1952 2.3.1). */
const STORED_HEAD = 5;
const TRAILER = 8;

/**
 * The gzip member of `prefix`, the texts joined by `separator`, and `suffix`; each of those at most 65,535 bytes. `memoryFor`
 * gives memory of at least so many bytes, of which the member is a view.
 */
export function gzipMember(
  prefix: Buffer,
  texts: readonly DeflatedText[],
  separator: Buffer,
  suffix: Buffer,
  memoryFor: (bytes: number) => Buffer = Buffer.allocUnsafe,
): Buffer {
  const around = prefix.length + suffix.length + separator.length * texts.length + STORED_HEAD * (texts.length + 2);
  const bodies = texts.reduce((bytes, { body }) => bytes + Buffer.byteLength(body, 'base64'), 0);
  const member = memoryFor(HEADER.length + around + bodies + TRAILER);
  member.set(HEADER);
  let at = writeStored(prefix, member, HEADER.length, false);
  let crc = crc32(prefix);
  let length = prefix.length + suffix.length;
  for (const [i, { body, textBytes, crc32: textCrc }] of texts.entries()) {
    if (i > 0) {
      at = writeStored(separator, member, at, false);
      crc = crc32(separator, crc);
      length += separator.length;
    }
    at += typeof body === 'string' ? member.write(body, at, 'base64') : body.copy(member, at);
    crc = combineCrc32(crc, textCrc, textBytes);
    length += textBytes;
  }
  at = writeStored(suffix, member, at, true);
  at = member.writeUInt32LE(crc32(suffix, crc), at);
  at = member.writeUInt32LE(length % 2 ** 32, at);
  return member.subarray(0, at);
}

/** Where the block ends. */
function writeStored(text: Buffer, member: Buffer, from: number, isLast: boolean): number {
  if (text.length > MAX_STORED) throw new Error(`a stored block holds at most ${MAX_STORED} bytes, not ${text.length}`);
  let at = member.writeUInt8(isLast ? 1 : 0, from);
  at = member.writeUInt16LE(text.length, at);
  at = member.writeUInt16LE(~text.length & MAX_STORED, at);
  member.set(text, at);
  return at + text.length;
}

/** The CRC-32 of a text from the CRC-32 of its two parts and the second one's length in bytes. */
export function combineCrc32(first: number, second: number, secondBytes: number): number {
  return (multiply(first, powerOfX(secondBytes * 8)) ^ second) >>> 0;
}

/** Polynomials over GF(2) modulo the CRC's, bit-reflected: x^0 is the highest bit. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;
const X = 0x40000000;

/** x^(2^i); more than any length needs. Made anew for each text, they took 1 % of an upload's CPU. */
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
