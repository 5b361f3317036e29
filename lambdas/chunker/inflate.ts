/** Decompresses gzip and zstd, so that nothing that is missing goes unnoticed and nothing that can be read is lost. */
import { createGunzip, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { type Dump, dumpUrl } from '../../shared/dump.ts';
import { DumpUnreadable } from '../../shared/objects.ts';

/** `deflate` is that of a zip's entries, without a header. */
export type Compression = 'gzip' | 'zstd' | 'deflate';

/** How a dump is compressed follows from its first bytes (4 are enough), not from its name; undefined when it is not. */
export function compressionOf(head: Buffer): Compression | undefined {
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head.length < 4) return undefined;
  const magic = head.readUInt32LE(0);
  // A zstd frame, or one that is to be skipped, which some tools put first (RFC 8878, section 3.1).
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5 ? 'zstd' : undefined;
}

/** Compressed bytes handed to the decompressor at a time. */
const SLICE_BYTES = 256 * 1024;
/** Output buffers of 1 MiB inflate twice as fast as zlib's default of 16 KB (docs/benchmarks.md). */
const INFLATED_BYTES = 1024 * 1024;
/** With so much inflated the decompressor waits: 64 KiB of hostile zstd are 2 GB. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** Compressed bytes that break off or go wrong. */
class Damaged extends DumpUnreadable {
  /** Where the slice begins in which the damage was met; undefined when it showed only at the end. */
  readonly slice: number | undefined;

  constructor(dump: Dump, compression: Compression, at: number, why: string, slice?: number) {
    super(
      `${dumpUrl(dump)} is damaged: ${compression} cannot be read on after about ${at} of its ${dump.size} bytes (${why}); drop a whole copy of it`,
    );
    this.slice = slice;
  }
}

/**
 * The decompressed bytes. `read` gives the compressed ones from the beginning, each time it is called. Of the slice in
 * which it meets damage, zlib gives out nothing, not even what stands before the damage. So the dump is then inflated
 * once more, and that slice byte by byte, until everything before the damage has been passed on.
 */
export async function* inflate(
  dump: Dump,
  compression: Compression,
  read: () => AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  let inflated = 0;
  try {
    for await (const piece of inflateOnce(dump, compression, slices(read(), Number.POSITIVE_INFINITY))) {
      inflated += piece.length;
      yield piece;
    }
  } catch (error) {
    if (!(error instanceof Damaged) || error.slice === undefined) throw error;
    let again = 0;
    for await (const piece of inflateOnce(dump, compression, slices(read(), error.slice))) {
      const known = Math.max(0, inflated - again);
      again += piece.length;
      if (known < piece.length) yield piece.subarray(known);
    }
  }
}

/**
 * Zero bytes after a gzip member make zlib stop without an error, so that what was consumed is compared with the dump's
 * size. Of zstd, Node reads one frame and stops without an error: what is left of the slice goes to a new stream.
 */
async function* inflateOnce(
  dump: Dump,
  compression: Compression,
  compressed: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  let stream = openStream(compression);
  let at = 0;
  const check = (slice?: number) => {
    if (stream.failure()) throw new Damaged(dump, compression, at, stream.failure()?.message ?? '', slice);
  };
  try {
    for await (const slice of compressed) {
      const begin = at;
      for (let left = slice; left.length > 0; ) {
        const taken = yield* stream.write(left);
        at += taken;
        check(begin);
        if (taken === left.length) break;
        const what = compression === 'gzip' ? 'zero bytes' : 'bytes';
        if (compression !== 'zstd')
          throw new Damaged(dump, compression, at, `${what} follow, which is no ${compression}`);
        yield* stream.end();
        stream = openStream(compression);
        left = left.subarray(taken);
      }
    }
    yield* stream.end();
    check();
  } finally {
    stream.close();
  }
}

const OPEN = { gzip: createGunzip, zstd: createZstdDecompress, deflate: createInflateRaw };

function openStream(compression: Compression) {
  const options = { chunkSize: INFLATED_BYTES };
  const stream = OPEN[compression](options);
  let inflated: Buffer[] = [];
  let waiting = 0;
  let failure: Error | undefined;
  let isOver = false;
  let wake = () => {};
  stream.on('data', (piece: Buffer) => {
    inflated.push(piece);
    waiting += piece.length;
    if (waiting < MAX_WAITING_BYTES) return;
    stream.pause();
    wake();
  });
  stream.on('error', (error) => {
    failure = error;
  });
  stream.once('close', () => {
    isOver = true;
    wake();
  });
  /** What is inflated until `isDone`, or until the stream is over. */
  async function* drain(isDone: () => boolean): AsyncGenerator<Buffer> {
    for (;;) {
      const isLast = isDone() || isOver;
      const pieces = inflated;
      inflated = [];
      waiting = 0;
      yield* pieces;
      if (isLast) return;
      const more = new Promise<void>((resolve) => {
        wake = resolve;
      });
      stream.resume();
      if (!isDone() && !isOver && waiting < MAX_WAITING_BYTES) await more;
    }
  }
  return {
    failure: () => failure,
    /** Gives what these bytes inflate to, and says how many of them were taken. */
    async *write(bytes: Buffer): AsyncGenerator<Buffer, number> {
      const before = stream.bytesWritten;
      let isWritten = false;
      stream.write(bytes, (error) => {
        isWritten = !error;
        wake();
      });
      yield* drain(() => isWritten);
      return stream.bytesWritten - before;
    },
    async *end(): AsyncGenerator<Buffer> {
      stream.end();
      yield* drain(() => false);
    },
    close: () => stream.destroy(),
  };
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
