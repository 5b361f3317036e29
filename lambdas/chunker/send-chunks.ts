/** Compresses and sends closed chunks behind the reader's back, in their order, never more than a few at a time. */
import { type Chunk, chunkId, encodeChunk } from '../../shared/chunk.ts';
import type { Run } from '../../shared/dump.ts';
import { MAX_MESSAGE_BYTES, type OutgoingMessage, type Queue } from '../../shared/queue.ts';
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

/** Sends the chunks of one segment; their numbers follow the order in which they were closed. */
export function sendChunks(segment: Segment, names: ChunkNames, queue: Pick<Queue, 'send'>) {
  const underWay: Promise<void>[] = [];
  let last: Promise<void> = Promise.resolve();
  let sent = 0;

  async function sendGroup(closed: readonly ClosedChunk[], compressed: Promise<Compressed[]>, before: Promise<void>) {
    const parts = await compressed;
    await before;
    for (const chunk of closed) segment.recycle(chunk);
    const messages: OutgoingMessage[] = [];
    for (const part of parts) {
      if ('body' in part) messages.push(toMessage(part, segment.number, sent++, names));
      else segment.refuse(part, MAX_MESSAGE_BYTES);
    }
    await queue.send(messages);
  }

  /** Takes what the segment has closed. Resolves when there is room for more; rejects when an earlier send failed. */
  async function next(): Promise<void> {
    const closed = segment.takeClosed();
    if (closed.length === 0) return;
    const compressed = Promise.all(closed.map((chunk) => compressChunk(chunk))).then((parts) => parts.flat());
    last = sendGroup(closed, compressed, last);
    last.catch(() => undefined); // awaited below; until then its failure must not count as unhandled
    underWay.push(last);
    if (underWay.length > MAX_UNDER_WAY) await underWay.shift();
  }

  /** Closes every chunk and resolves, when all are on the queue, to how many there were. */
  async function finish(): Promise<number> {
    segment.closeAll();
    await next();
    await last;
    return sent;
  }

  return { next, finish };
}

type Compressed = Awaited<ReturnType<typeof compressChunk>>[number];

function toMessage(part: CompressedChunk, segment: number, number: number, names: ChunkNames): OutgoingMessage {
  const { group, ...rest } = names;
  const { positions, ...sizes } = part;
  const chunk: Chunk = { ...rest, segment, number, events: positions.length, positions, ...sizes };
  return { id: chunkId(chunk), group: `${group}/${part.lane}`, body: encodeChunk(chunk) };
}
