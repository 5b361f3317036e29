/** Compresses closed chunks behind the reader's back and numbers them, in their order, never more than a few at a time. */
import { type CompressedChunk, compressChunk } from './compress-chunk.ts';
import type { ClosedChunk } from './lane-chunks.ts';
import { isOwnLane } from './lanes.ts';
import type { Segment } from './segment.ts';

/** Groups of chunks that may be under way before the reader has to wait. */
const MAX_UNDER_WAY = 3;

/**
 * Another chunk, as one of the same segment sees it: the one with this number, or without one the last of that lane in the
 * segments before, whichever that is.
 */
export type Link = { readonly lane: number; readonly number?: number };

/** A chunk that lacks only its segment's number. */
export type NumberedChunk = Omit<CompressedChunk, 'after'> & { readonly number: number; readonly after?: Link };

/** Hands over the chunks of one segment after the other; their numbers follow the order in which they were closed. */
export function chunkNumberer(take: (chunks: readonly NumberedChunk[], segment: number) => Promise<void>) {
  /** The last chunk of each ordinary lane in this segment. */
  const ends = new Map<number, number>();
  /** Where the events of an ordinary lane end with this chunk. */
  const places = new WeakMap<ClosedChunk, Link>();
  const underWay: Promise<void>[] = [];
  let last: Promise<void> = Promise.resolve();
  let count = 0;

  async function takeGroup(segment: Segment, closed: readonly ClosedChunk[], before: Promise<void>): Promise<void> {
    const compressed = await Promise.all(closed.map((chunk) => compressChunk(chunk)));
    await before;
    const numbered: NumberedChunk[] = [];
    for (const [i, chunk] of closed.entries()) {
      segment.recycle(chunk);
      for (const part of compressed[i] ?? []) {
        if ('body' in part) numbered.push(number(part));
        else segment.refuse(part);
      }
      // Of one that was refused whole, the one before it in its lane.
      if (!isOwnLane(chunk.lane)) places.set(chunk, linkTo(chunk.lane));
    }
    await take(numbered, segment.number);
  }

  function linkTo(lane: number): Link {
    const number = ends.get(lane);
    return { lane, ...(number !== undefined && { number }) };
  }

  function number({ after, ...part }: CompressedChunk): NumberedChunk {
    const its = count;
    count += 1;
    if (!isOwnLane(part.lane)) ends.set(part.lane, its);
    const before = after?.chunk ? places.get(after.chunk) : after && { lane: after.lane };
    return { ...part, number: its, ...(before && { after: before }) };
  }

  /** Takes what the segment has closed. Resolves when there is room for more; rejects when taking an earlier one failed. */
  async function next(segment: Segment): Promise<void> {
    const closed = segment.takeClosed();
    if (closed.length === 0) return;
    last = takeGroup(segment, closed, last);
    last.catch(() => undefined); // awaited below; until then its failure must not count as unhandled
    underWay.push(last);
    if (underWay.length > MAX_UNDER_WAY) await underWay.shift();
  }

  return {
    next,
    /** Closes every chunk of the segment and resolves, when all are handed over, to how many there were. */
    async finish(segment: Segment): Promise<number> {
      segment.closeAll();
      await next(segment);
      await last;
      const chunks = count;
      count = 0;
      ends.clear();
      return chunks;
    },
    /** Resolves when nothing is under way any more, whether it went well or not. */
    settled: (): Promise<void> => last.catch(() => undefined),
  };
}
