/** Compresses and sends closed chunks behind the reader's back, in their order, never more than a few at a time. */
import { type Chunk, chunkId, type ChunkPlace, encodeChunk } from '../../shared/chunk.ts';
import type { Run } from '../../shared/dump.ts';
import type { LaneState } from '../../shared/ledger.ts';
import type { OutgoingMessage, Queue } from '../../shared/queue.ts';
import { type CompressedChunk, compressChunk } from './compress-chunk.ts';
import type { ClosedChunk } from './lane-chunks.ts';
import { isOwnLane, splitLane } from './lanes.ts';
import type { Segment } from './segment.ts';

/** Groups of chunks that may be under way before the reader has to wait. */
const MAX_UNDER_WAY = 3;

export type ChunkNames = Run & {
  readonly source: string;
  readonly bucket: string;
  readonly key: string;
  /** Those of the source, in its order: the name in its route, if it has one, and what its lanes' groups begin with. */
  readonly projects: readonly { readonly name?: string; readonly group: string }[];
};

export type ChunkSender = ReturnType<typeof chunkSender>;

/** Sends the chunks of a dump, one segment after the other; their numbers follow the order in which they were closed. */
export function chunkSender(names: ChunkNames, queue: Pick<Queue, 'send'>) {
  /** The last chunk of each ordinary lane in the segments before, and in this one. */
  const ends = new Map<number, ChunkPlace>();
  const newEnds = new Map<number, ChunkPlace>();
  /** Where the events of an ordinary lane end with this chunk. */
  const places = new WeakMap<ClosedChunk, ChunkPlace>();
  const underWay: Promise<void>[] = [];
  let last: Promise<void> = Promise.resolve();
  let sent = 0;

  async function sendGroup(segment: Segment, closed: readonly ClosedChunk[], before: Promise<void>): Promise<void> {
    const compressed = await Promise.all(closed.map((chunk) => compressChunk(chunk)));
    await before;
    const messages: OutgoingMessage[] = [];
    for (const [i, chunk] of closed.entries()) {
      segment.recycle(chunk);
      for (const part of compressed[i] ?? []) {
        if ('body' in part) messages.push(number(part, segment.number));
        else segment.refuse(part);
      }
      // Of one that was refused whole, the one before it in its lane.
      const end = newEnds.get(chunk.lane) ?? ends.get(chunk.lane);
      if (end && !isOwnLane(chunk.lane)) places.set(chunk, end);
    }
    await queue.send(messages);
  }

  function number({ after, ...part }: CompressedChunk, segment: number): OutgoingMessage {
    const place = { segment, number: sent };
    sent += 1;
    if (!isOwnLane(part.lane)) newEnds.set(part.lane, place);
    const before = after && (after.chunk ? places.get(after.chunk) : ends.get(after.lane));
    return toMessage({ ...part, ...place, ...(before && { after: before }) }, names);
  }

  /** Takes what the segment has closed. Resolves when there is room for more; rejects when an earlier send failed. */
  async function next(segment: Segment): Promise<void> {
    const closed = segment.takeClosed();
    if (closed.length === 0) return;
    last = sendGroup(segment, closed, last);
    last.catch(() => undefined); // awaited below; until then its failure must not count as unhandled
    underWay.push(last);
    if (underWay.length > MAX_UNDER_WAY) await underWay.shift();
  }

  /** Closes every chunk of the segment and resolves, when all are on the queue, to how many there were. */
  async function finish(segment: Segment): Promise<number> {
    segment.closeAll();
    await next(segment);
    await last;
    const chunks = sent;
    sent = 0;
    for (const [lane, place] of newEnds) ends.set(lane, place);
    newEnds.clear();
    return chunks;
  }

  /** Resolves when nothing is under way any more, whether it went well or not. */
  function settled(): Promise<void> {
    return last.catch(() => undefined);
  }

  return {
    next,
    finish,
    settled,
    /** What it must know of earlier segments to go on. */
    goOnFrom(state: LaneState): void {
      for (const [lane, segment, number] of state.ends) ends.set(lane, { segment, number });
    },
    /** The same for the next checkpoint: to be asked when a segment is finished. */
    ends: (): LaneState['ends'] => [...ends].map(([lane, { segment, number }]) => [lane, segment, number] as const),
  };
}

type NumberedChunk = Omit<CompressedChunk, 'after'> & ChunkPlace & { readonly after?: ChunkPlace };

function toMessage(part: NumberedChunk, names: ChunkNames): OutgoingMessage {
  const { projects, ...rest } = names;
  const { project, lane } = splitLane(part.lane);
  const { name, group } = projects[project] ?? {};
  if (group === undefined) throw new Error(`there is no project ${project} for lane ${part.lane}`);
  const routed = name === undefined ? {} : { project: name };
  const chunk: Chunk = { ...rest, ...part, ...routed, lane, events: part.positions.length };
  return { id: chunkId(chunk), group: `${group}/${lane}`, body: encodeChunk(chunk) };
}
