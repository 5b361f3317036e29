/** Reads the bytes of a dump from S3 or a file by ranges, the next one fetched while this one is used, and decompresses them. */
import { createGunzip } from 'node:zlib';
import { type Dump, dumpUrl } from '../../shared/dump.ts';
import { type Dumps, DumpUnreadable } from '../../shared/objects.ts';

/** Large enough to hide the request's latency, small enough that two of them are little memory. */
const RANGE_BYTES = 8 * 1024 * 1024;
/** Compressed bytes inflated at a time: at deflate's best ratio, 1,032, a hostile one grows to 66 MB and not more. */
const SLICE_BYTES = 64 * 1024;
/** Output buffers of 1 MiB inflate three times as fast as zlib's default of 16 KB (docs/benchmarks.md). */
const INFLATED_BYTES = 1024 * 1024;

/**
 * The dump's bytes from `offset` (counted after decompression) on, in order, in pieces of any size. Whether it is
 * compressed follows from its first bytes, not from its name. Throws DumpUnreadable, after everything that could be
 * read, when it is damaged.
 */
export async function* readDump(dump: Dump, offset: number, dumps: Dumps): AsyncGenerator<Buffer> {
  const head = await dumps.read(dump, 0, Math.min(2, dump.size));
  const isGzip = head.length === 2 && head[0] === 0x1f && head[1] === 0x8b;
  if (isGzip) yield* skip(gunzip(readRanges(dump, 0, dumps), dump), offset);
  else yield* readRanges(dump, offset, dumps);
}

async function* readRanges(dump: Dump, from: number, dumps: Dumps): AsyncGenerator<Buffer> {
  const fetch = (start: number) => {
    if (start >= dump.size) return undefined;
    const range = dumps.read(dump, start, Math.min(start + RANGE_BYTES, dump.size));
    range.catch(() => undefined); // it is awaited below; until then its failure must not count as unhandled
    return range;
  };
  let next = fetch(from);
  for (let start = from; next !== undefined; start += RANGE_BYTES) {
    const range = await next;
    next = fetch(start + RANGE_BYTES);
    yield range;
  }
}

/**
 * Inflates one or more gzip members. Every byte that could be inflated is passed on before the error is thrown, which
 * zlib's own stream does not promise. Zero bytes after a member make zlib stop without an error, so that what was
 * consumed is compared with the dump's size.
 */
async function* gunzip(ranges: AsyncIterable<Buffer>, dump: Dump): AsyncGenerator<Buffer> {
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
    for await (const range of ranges) {
      for (let at = 0; at < range.length && !failure; at += SLICE_BYTES) {
        const written = new Promise<void>((resolve) =>
          stream.write(range.subarray(at, at + SLICE_BYTES), () => resolve()),
        );
        await Promise.race([written, settled]);
        yield* takeInflated();
      }
      if (failure) break;
    }
    if (!failure) stream.end();
    await settled;
    yield* takeInflated();
  } finally {
    stream.destroy();
  }
  if (failure) throw damaged(dump, stream.bytesWritten, failure.message);
  if (stream.bytesWritten !== dump.size)
    throw damaged(dump, stream.bytesWritten, 'zero bytes follow, which is no gzip');
}

function damaged(dump: Dump, at: number, why: string): DumpUnreadable {
  return new DumpUnreadable(
    `${dumpUrl(dump)} is damaged: gzip cannot be read on after about ${at} of its ${dump.size} bytes (${why}); drop a whole copy of it`,
  );
}

async function* skip(pieces: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const piece of pieces) {
    if (left < piece.length) yield left === 0 ? piece : piece.subarray(left);
    left = Math.max(0, left - piece.length);
  }
}
