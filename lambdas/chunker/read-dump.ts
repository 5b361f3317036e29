/** Reads the bytes of a dump from S3 or a file by ranges, the next one fetched while this one is used, and decompresses them. */
import { createGunzip } from 'node:zlib';
import { type Dump, dumpUrl } from '../../shared/dump.ts';
import { type Dumps, DumpUnreadable } from '../../shared/objects.ts';

/** Compressed bytes inflated at a time: at deflate's best ratio, 1,032, a hostile one grows to 66 MB and not more. */
const SLICE_BYTES = 64 * 1024;
/** Output buffers of 1 MiB inflate twice as fast as zlib's default of 16 KB (docs/benchmarks.md). */
const INFLATED_BYTES = 1024 * 1024;

/**
 * The dump's bytes from `offset` (counted after decompression) on, in order, in pieces of any size. Whether it is
 * compressed follows from its first bytes, not from its name. Throws DumpUnreadable, after everything that could be
 * read, when it is damaged.
 */
export async function* readDump(dump: Dump, offset: number, dumps: Dumps): AsyncGenerator<Buffer> {
  if (await isCompressed(dump, dumps)) yield* skip(gunzip(dump, dumps), offset);
  else yield* readRanges(dump, offset, dumps);
}

export async function isCompressed(dump: Dump, dumps: Dumps): Promise<boolean> {
  const head = await dumps.read(dump, 0, Math.min(2, dump.size));
  return head.length === 2 && head[0] === 0x1f && head[1] === 0x8b;
}

async function* readRanges(dump: Dump, from: number, dumps: Dumps): AsyncGenerator<Buffer> {
  const fetch = (start: number) => {
    if (start >= dump.size) return undefined;
    const range = dumps.read(dump, start, Math.min(start + dumps.rangeBytes, dump.size));
    range.catch(() => undefined); // it is awaited below; until then its failure must not count as unhandled
    return range;
  };
  let next = fetch(from);
  try {
    for (let start = from; next !== undefined; start += dumps.rangeBytes) {
      const range = await next;
      next = fetch(start + dumps.rangeBytes);
      yield range;
    }
  } finally {
    // Whoever stops early leaves no request behind, which would freeze with the sandbox.
    await next?.catch(() => undefined);
  }
}

/** Gzip that breaks off or goes wrong. */
class GzipDamaged extends DumpUnreadable {
  /** Where the slice begins in which zlib met the damage; undefined when it showed only at the end. */
  readonly slice: number | undefined;

  constructor(dump: Dump, at: number, why: string, slice?: number) {
    super(
      `${dumpUrl(dump)} is damaged: gzip cannot be read on after about ${at} of its ${dump.size} bytes (${why}); drop a whole copy of it`,
    );
    this.slice = slice;
  }
}

/**
 * Of the slice in which it meets damage, zlib gives out nothing, not even what stands before the damage. So the dump is
 * then inflated once more, and that slice byte by byte, until everything before the damage has been passed on.
 */
async function* gunzip(dump: Dump, dumps: Dumps): AsyncGenerator<Buffer> {
  let inflated = 0;
  try {
    for await (const piece of inflate(dump, dumps)) {
      inflated += piece.length;
      yield piece;
    }
  } catch (error) {
    if (!(error instanceof GzipDamaged) || error.slice === undefined) throw error;
    yield* skip(inflate(dump, dumps, error.slice), inflated);
  }
}

/**
 * Inflates one or more gzip members; from `byteByByte` on a byte at a time. Zero bytes after a member make zlib stop
 * without an error, so that what was consumed is compared with the dump's size.
 */
async function* inflate(dump: Dump, dumps: Dumps, byteByByte = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
  const stream = createGunzip({ chunkSize: INFLATED_BYTES });
  let inflated: Buffer[] = [];
  let failure: Error | undefined;
  stream.on('data', (piece: Buffer) => inflated.push(piece));
  stream.on('error', (error) => {
    failure = error;
  });
  const settled = new Promise<void>((resolve) => stream.once('close', resolve));
  const takeInflated = () => {
    const pieces = inflated;
    inflated = [];
    return pieces;
  };
  try {
    let at = 0;
    for await (const slice of slices(readRanges(dump, 0, dumps), byteByByte)) {
      const written = new Promise<void>((resolve) => stream.write(slice, (error) => !error && resolve()));
      await Promise.race([written, settled]);
      yield* takeInflated();
      if (failure) throw new GzipDamaged(dump, stream.bytesWritten, failure.message, at);
      at += slice.length;
    }
    stream.end();
    await settled;
    yield* takeInflated();
  } finally {
    stream.destroy();
  }
  const { bytesWritten } = stream;
  if (failure) throw new GzipDamaged(dump, bytesWritten, failure.message);
  if (bytesWritten !== dump.size) throw new GzipDamaged(dump, bytesWritten, 'zero bytes follow, which is no gzip');
}

/** Slices of SLICE_BYTES, from `byteByByte` on of one byte. */
async function* slices(ranges: AsyncIterable<Buffer>, byteByByte: number): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const range of ranges) {
    for (let start = 0; start < range.length; ) {
      const end = start + (at < byteByByte ? SLICE_BYTES : 1);
      const slice = range.subarray(start, end);
      yield slice;
      start = end;
      at += slice.length;
    }
  }
}

async function* skip(pieces: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const piece of pieces) {
    if (left < piece.length) yield left === 0 ? piece : piece.subarray(left);
    left = Math.max(0, left - piece.length);
  }
}
