/** Collects the events of a segment by lane, and closes a chunk when the next event would not fit it any more. */
import type { ChunkLimits } from './chunk-limits.ts';
import type { PreparedEvent } from './make-events.ts';

/** The events of one chunk, not compressed yet. */
export type ClosedChunk = {
  readonly lane: number;
  /** Comma and newline between events: the inside of the request's `events` array. A view of a buffer that `recycle` takes back. */
  readonly text: Buffer;
  readonly positions: readonly number[];
  readonly hottest: number;
};

export const SEPARATOR = Buffer.from(',\n');

/** A buffer has room for a full chunk of events like its first one, and this much more; it grows by GROWTH when they are larger. */
const MARGIN = 1.15;
const GROWTH = 1.3;

type OpenChunk = {
  text: Buffer;
  used: number;
  readonly positions: number[];
  readonly devices: Map<string, number>;
  readonly users: Map<string, number>;
  hottest: number;
};

/** `spare` are buffers to begin with; what is recycled comes back to it, for the next segment. */
export function collectLanes(lanes: number, limits: ChunkLimits, spare: Buffer[] = []) {
  const open = new Map<number, OpenChunk>();
  let closed: ClosedChunk[] = [];
  let begun = 0;

  function close(lane: number, chunk: OpenChunk): void {
    const { positions, hottest } = chunk;
    closed.push({ lane, text: chunk.text.subarray(0, chunk.used), positions, hottest });
    open.delete(lane);
  }

  function openFor(lane: number, event: PreparedEvent): OpenChunk {
    const expected = Math.ceil(MARGIN * limits.eventsPerChunk * (event.bytes + SEPARATOR.length));
    const text = spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(expected, limits.chunkBytes));
    const chunk = { text, used: 0, positions: [], devices: new Map(), users: new Map(), hottest: 0 };
    open.set(lane, chunk);
    begun += 1;
    return chunk;
  }

  return {
    /** `event.bytes` must be at most `chunkBytes`. */
    add(event: PreparedEvent, position: number): void {
      const lane = laneOf(event, lanes, limits.lane);
      let chunk = open.get(lane);
      const isFull =
        chunk &&
        (chunk.positions.length >= limits.eventsPerChunk ||
          chunk.used + SEPARATOR.length + event.bytes > limits.chunkBytes ||
          hasEnoughOf(event, chunk, limits.eventsPerId));
      if (chunk && isFull) {
        close(lane, chunk);
        chunk = undefined;
      }
      append(chunk ?? openFor(lane, event), event, position, limits.chunkBytes);
    },
    /** How many chunks there are so far, open ones included. */
    begun: () => begun,
    /** What has been closed since the last call, in order. */
    takeClosed(): readonly ClosedChunk[] {
      const taken = closed;
      closed = [];
      return taken;
    },
    /** Closes every lane, in the order in which their chunks were begun. */
    closeAll(): void {
      for (const [lane, chunk] of open) close(lane, chunk);
    },
    /** The chunk's text is used no more: its memory serves the next one. */
    recycle({ text }: ClosedChunk): void {
      if (spare.length < lanes) spare.push(Buffer.from(text.buffer));
    },
  };
}

function append(chunk: OpenChunk, event: PreparedEvent, position: number, maxBytes: number): void {
  const needed = chunk.used + SEPARATOR.length + event.bytes;
  if (needed > chunk.text.length) {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(Math.ceil(chunk.text.length * GROWTH), maxBytes)));
    chunk.text.copy(larger, 0, 0, chunk.used);
    chunk.text = larger;
  }
  if (chunk.used > 0) chunk.used += SEPARATOR.copy(chunk.text, chunk.used);
  for (const piece of event.pieces) chunk.used += piece.copy(chunk.text, chunk.used);
  chunk.positions.push(position);
  const count = Math.max(countId(chunk.devices, event.deviceId), countId(chunk.users, event.userId));
  chunk.hottest = Math.max(chunk.hottest, count);
}

function hasEnoughOf({ deviceId = '', userId = '' }: PreparedEvent, chunk: OpenChunk, max: number): boolean {
  return chunk.hottest >= max && ((chunk.devices.get(deviceId) ?? 0) >= max || (chunk.users.get(userId) ?? 0) >= max);
}

function countId(counts: Map<string, number>, id: string | undefined): number {
  if (id === undefined) return 0;
  const count = (counts.get(id) ?? 0) + 1;
  counts.set(id, count);
  return count;
}

/** Events of one device (or user) share a lane, so that one chunk in flight per lane keeps their order. */
export function laneOf(
  { deviceId, userId }: Pick<PreparedEvent, 'deviceId' | 'userId'>,
  lanes: number,
  by: ChunkLimits['lane'] = 'device',
): number {
  const id = by === 'device' ? (deviceId ?? userId) : (userId ?? deviceId);
  return fnv1a(id ?? '') % lanes;
}

/** FNV-1a over UTF-16 units, 32 bits: spreads short ids evenly and is the same on every machine. */
function fnv1a(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
