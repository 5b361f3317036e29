/** The compressions that a Parquet page may have, each bounded by the size that the page claims to inflate to. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { decompressLz4, decompressLz4Raw } from 'hyparquet-compressors/src/lz4.js';
import { snappyUncompress } from 'hyparquet/src/snappy.js';

/** `size` is what the page says it inflates to. Throws what its library throws when the bytes are damaged. */
type Inflate = (bytes: Buffer, size: number) => Uint8Array;

const CODECS: ReadonlyMap<string, Inflate> = new Map<string, Inflate>([
  ['UNCOMPRESSED', (bytes) => bytes],
  ['SNAPPY', (bytes, size) => inflateInto(bytes, size, SNAPPY_RATIO)],
  ['GZIP', (bytes, size) => gunzipSync(bytes, limits(size))],
  ['BROTLI', (bytes, size) => brotliDecompressSync(bytes, limits(size))],
  ['ZSTD', (bytes, size) => zstdDecompressSync(bytes, limits(size))],
  ['LZ4_RAW', (bytes, size) => decompressLz4Raw(bytes, atMost(size, bytes, LZ4_RATIO))],
  ['LZ4', (bytes, size) => decompressLz4(bytes, atMost(size, bytes, LZ4_RATIO))],
]);

/** A copy of 64 bytes takes at least 3 (https://github.com/google/snappy/blob/main/format_description.txt). */
const SNAPPY_RATIO = 22;
/** Each further byte of a match's length stands for 255 (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md). */
const LZ4_RATIO = 256;

export const CODEC_NAMES: readonly string[] = [...CODECS.keys()];

/** The page's bytes as they were before compression. Throws when they are not `size` bytes. */
export function inflatePage(bytes: Buffer, size: number, codec: string): Buffer {
  if (size === 0) return Buffer.alloc(0);
  const page = CODECS.get(codec)?.(bytes, size);
  if (page?.length !== size) throw new Error(`${codec} gives ${page?.length} bytes where the page says ${size}`);
  return Buffer.from(page.buffer, page.byteOffset, page.length);
}

function limits(size: number) {
  return { maxOutputLength: size, chunkSize: Math.min(Math.max(size, 64), 1024 * 1024) };
}

function inflateInto(bytes: Buffer, size: number, ratio: number): Uint8Array {
  const page = new Uint8Array(atMost(size, bytes, ratio));
  snappyUncompress(bytes, page);
  return page;
}

/** A claim that no bytes of this length can keep is not worth its memory. */
function atMost(size: number, bytes: Buffer, ratio: number): number {
  if (size > ratio * bytes.length + 64) throw new Error(`${bytes.length} bytes cannot inflate to ${size}`);
  return size;
}
