/** Reads the bytes of a dump from S3 or a file by ranges, the next one fetched while this one is used, and decompresses them. */
import type { Dump } from '../../shared/dump.ts';
import type { Dumps } from '../../shared/objects.ts';
import { type Compression, inflate } from './inflate.ts';

/**
 * The dump's bytes from `offset` (counted after decompression) on, in order, in pieces of any size. Throws
 * DumpUnreadable, after everything that could be read, when it is damaged.
 */
export function readDump(
  dump: Dump,
  offset: number,
  dumps: Dumps,
  compression: Compression | undefined,
): AsyncGenerator<Buffer> {
  if (!compression) return readRanges(dump, offset, dumps);
  return skip(
    inflate(dump, compression, () => readRanges(dump, 0, dumps)),
    offset,
  );
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

/** The pieces without their first `bytes` bytes. */
export async function* skip(pieces: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const piece of pieces) {
    if (left < piece.length) yield left === 0 ? piece : piece.subarray(left);
    left = Math.max(0, left - piece.length);
  }
}
