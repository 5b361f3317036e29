/** Compresses and sends closed chunks behind the reader's back, in their order, never more than a few at a time. */
import { type Chunk, chunkId, encodeChunk } from '../../shared/chunk.ts';
import type { Run } from '../../shared/dump.ts';
import type { OutgoingMessage, Queue } from '../../shared/queue.ts';
import { type CompressedChunk, compressChunk } from './compress-chunk.ts';
import type { ClosedChunk } from './lane-chunks.ts';
import type { Segment } from './segment.ts';

/** Groups of chunks that may be under way before the reader has to wait. */
const MAX_UNDER_WAY = 3;

export type ChunkNames = Run & {
  readonly source: string;
  readonly bucket: string;
  readonly key: string;
  readonly group: string;
};

export type ChunkSender = ReturnType<typeof chunkSender>;

/** Sends the chunks of a dump, one segment after the other; their numbers follow the order in which they were closed. */
export function chunkSender(names: ChunkNames, queue: Pick<Queue, 'send'>) {
  const underWay: Promise<void>[] = [];
  let last: Promise<void> = Promise.resolve();
  let sent = 0;

  async function sendGroup(segment: Segment, closed: readonly ClosedChunk[], before: Promise<void>): Promise<void> {
    const parts = (await Promise.all(closed.map((chunk) => compressChunk(chunk)))).flat();
    await before;
    for (const chunk of closed) segment.recycle(chunk);
    const messages: OutgoingMessage[] = [];
    for (const part of parts) {
      if ('body' in part) messages.push(toMessage(part, segment.number, sent++, names));
      else segment.refuse(part);
    }
    await queue.send(messages);
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
    return chunks;
  }

  /** Resolves when nothing is under way any more, whether it went well or not. */
  function settled(): Promise<void> {
    return last.catch(() => undefined);
  }

  return { next, finish, settled };
}

function toMessage(part: CompressedChunk, segment: number, number: number, names: ChunkNames): OutgoingMessage {
  const { group, ...rest } = names;
  const { positions, ...sizes } = part;
  const chunk: Chunk = { ...rest, segment, number, events: positions.length, positions, ...sizes };
  return { id: chunkId(chunk), group: `${group}/${part.lane}`, body: encodeChunk(chunk) };
}
