/** Sends the chunks of a dump to the upload queue, each with its place in the dump and what has to go before it. */
import { type Chunk, chunkId, type ChunkPlace, encodeChunk } from '../../shared/chunk.ts';
import type { Run } from '../../shared/dump.ts';
import type { LaneState } from '../../shared/ledger.ts';
import type { OutgoingMessage, Queue } from '../../shared/queue.ts';
import { isOwnLane, type Lanes, splitLane } from './lanes.ts';
import { chunkNumberer, type NumberedChunk } from './number-chunks.ts';
import type { Segment } from './segment.ts';

export type ChunkNames = Run & {
  readonly source: string;
  readonly bucket: string;
  readonly key: string;
  /** Those of the source, in its order: the name in its route, if it has one, and what its lanes' groups begin with. */
  readonly projects: readonly { readonly name?: string; readonly group: string }[];
};

export type ChunkSender = ReturnType<typeof chunkSender>;

/** Sends the chunks of one segment after the other. */
export function chunkSender(names: ChunkNames, queue: Pick<Queue, 'send'>) {
  /**
   * The last chunk of each lane in the segments before, and in this one. Lanes of devices' own are among them only where
   * the dump is cut into parts: a device has one for the rest of the part, and may be in its ordinary lane after that.
   */
  const ends = new Map<number, ChunkPlace>();
  const newEnds = new Map<number, ChunkPlace>();
  const waitedFor = new Set<number>();
  let ordinaryOf: Lanes['ordinaryOf'] | undefined;
  const numberer = chunkNumberer(send);

  async function send(chunks: readonly NumberedChunk[], segment: number): Promise<void> {
    await queue.send(chunks.map((chunk) => toMessage(place(chunk, segment), names)));
  }

  function place({ after, own, ...chunk }: NumberedChunk, segment: number): PlacedChunk {
    const { lane, number } = chunk;
    const before = after && (after.number === undefined ? ends.get(after.lane) : { segment, number: after.number });
    const left = own ? endsOfOthers(lane, own) : [];
    if (ordinaryOf || !isOwnLane(lane)) newEnds.set(lane, { segment, number });
    return { ...chunk, segment, ...(before && { after: before }), ...(left.length > 0 && { afterOwn: left }) };
  }

  /** Where lanes that devices of this one had of their own ended in earlier parts; later chunks go behind this one anyway. */
  function endsOfOthers(lane: number, own: readonly number[]): ChunkPlace[] {
    const others = [...ends.keys()].filter((one) => {
      return isOwnLane(one) && ordinaryOf?.(one) === lane && !own.includes(one) && !waitedFor.has(one);
    });
    for (const other of others) waitedFor.add(other);
    return others.flatMap((other) => ends.get(other) ?? []);
  }

  function endSegment(): void {
    for (const lane of waitedFor) ends.delete(lane);
    for (const [lane, place] of newEnds) ends.set(lane, place);
    waitedFor.clear();
    newEnds.clear();
  }

  return {
    next: numberer.next,
    settled: numberer.settled,
    /** Closes every chunk of the segment and resolves, when all are on the queue, to how many there were. */
    async finish(segment: Segment): Promise<number> {
      const chunks = await numberer.finish(segment);
      endSegment();
      return chunks;
    },
    /** The same for a segment whose chunks were made before. */
    async finishReady(chunks: readonly NumberedChunk[], segment: number): Promise<void> {
      await send(chunks, segment);
      endSegment();
    },
    /** What it must know of earlier segments to go on; `lanes` of a dump that is cut into parts. */
    goOnFrom(state: LaneState, lanes?: Pick<Lanes, 'ordinaryOf'>): void {
      for (const [lane, segment, number] of state.ends) ends.set(lane, { segment, number });
      ordinaryOf = lanes?.ordinaryOf;
    },
    /** The same for the next checkpoint: to be asked when a segment is finished. */
    ends: (): LaneState['ends'] => [...ends].map(([lane, { segment, number }]) => [lane, segment, number] as const),
  };
}

type PlacedChunk = Omit<NumberedChunk, 'after' | 'own'> &
  ChunkPlace & { readonly after?: ChunkPlace; readonly afterOwn?: readonly ChunkPlace[] };

function toMessage(part: PlacedChunk, names: ChunkNames): OutgoingMessage {
  const { projects, ...rest } = names;
  const { project, lane } = splitLane(part.lane);
  const { name, group } = projects[project] ?? {};
  if (group === undefined) throw new Error(`there is no project ${project} for lane ${part.lane}`);
  const routed = name === undefined ? {} : { project: name };
  const chunk: Chunk = { ...rest, ...part, ...routed, lane, events: part.positions.length };
  return { id: chunkId(chunk), group: `${group}/${lane}`, body: encodeChunk(chunk) };
}
