/** Collects the events of a segment by lane, and closes a chunk when the next event would not fit it any more. */
import type { ChunkLimits } from '../../shared/chunk-limits.ts';
import { hashOf, isOwnLane, laneKey, type Lanes } from './lanes.ts';
import type { PreparedEvent } from './make-events.ts';

/** A chunk of another lane: of this segment, or the last one of that lane in the segments before. */
export type Before = { readonly lane: number; readonly chunk?: ClosedChunk | undefined };

/** The events of one chunk, not compressed yet. */
export type ClosedChunk = {
  /** Says the project too, see `splitLane`. */
  readonly lane: number;
  /** Comma and newline between events: the inside of the request's `events` array. A view of a buffer that `recycle` takes back. */
  readonly text: Buffer;
  readonly positions: readonly number[];
  readonly hottest: number;
  /** Over how many lanes its devices' events may be spread, those of other dumps included. */
  readonly spread: number;
  /** Where its device's earlier events are, which have to go first. */
  readonly after?: Before;
  /**
   * Of an ordinary lane in a dump that is cut into parts: the lanes of their own that devices of it had when this was
   * closed. Those that others of its devices had in an earlier part have to be through first.
   */
  readonly own?: readonly number[];
};

export const SEPARATOR = Buffer.from(',\n');

/** A buffer has room for a full chunk of events like its first one, and this much more; it grows by GROWTH when they are larger. */
const MARGIN = 1.15;
const GROWTH = 1.3;

/** Of an event without a device, or without a user. */
const NOBODY = -1;

/** What is known of an event beside its text. Ids as hashes: two that meet make `hottest` too large, which is safe. */
type Entry = { readonly position: number; readonly key: number; readonly device: number; readonly user: number };

type OpenChunk = {
  text: Buffer;
  used: number;
  readonly entries: Entry[];
  /** Where each event begins. */
  readonly starts: number[];
  readonly devices: Map<number, number>;
  readonly users: Map<number, number>;
  hottest: number;
  readonly after?: Before | undefined;
};

/** `spare` are buffers to begin with; what is recycled comes back to it, for the next segment. */
export function collectLanes(lanes: Lanes, limits: ChunkLimits, spare: Buffer[] = []) {
  const open = new Map<number, OpenChunk>();
  const last = new Map<number, ClosedChunk>();
  let closed: ClosedChunk[] = [];
  let begun = 0;

  function close(lane: number, chunk: OpenChunk): void {
    const { entries, hottest, after } = chunk;
    const text = chunk.text.subarray(0, chunk.used);
    const positions = entries.map(({ position }) => position);
    const spread = lanes.spreadOf(lane);
    const own = isOwnLane(lane) ? undefined : lanes.ownOf(lane);
    const its = { lane, text, positions, hottest, spread, ...(after && { after }), ...(own && { own }) };
    closed.push(its);
    if (!isOwnLane(lane)) last.set(lane, its);
    lanes.noteClosed(lane);
    open.delete(lane);
  }

  function newChunk(bytesPerEvent: number, after?: Before): OpenChunk {
    const expected = Math.ceil(MARGIN * limits.eventsPerChunk * (bytesPerEvent + SEPARATOR.length));
    const text = spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(expected, limits.chunkBytes));
    return { text, used: 0, entries: [], starts: [], devices: new Map(), users: new Map(), hottest: 0, after };
  }

  function openFor(lane: number, event: PreparedEvent): OpenChunk {
    const chunk = newChunk(event.bytes);
    open.set(lane, chunk);
    begun += 1;
    return chunk;
  }

  function recycle(text: Buffer): void {
    if (spare.length < lanes.countOfAll) spare.push(Buffer.from(text.buffer));
  }

  /** The events of the hot `key` leave their chunk for one in a lane of their own. */
  function moveOut(lane: number, chunk: OpenChunk, key: number): void {
    const own = lanes.promote(key, lane);
    if (own === undefined) return;
    const size = chunk.used / chunk.entries.length;
    const moved = newChunk(size, lanes.hasClosed(lane) ? { lane, chunk: last.get(lane) } : undefined);
    const kept = newChunk(size, chunk.after);
    for (const [i, entry] of chunk.entries.entries()) {
      const end = (chunk.starts[i + 1] ?? chunk.used + SEPARATOR.length) - SEPARATOR.length;
      const text = chunk.text.subarray(chunk.starts[i], end);
      append(entry.key === key ? moved : kept, [text], text.length, entry, limits.chunkBytes);
    }
    recycle(chunk.text);
    open.set(own, moved);
    begun += 1;
    if (kept.entries.length > 0) open.set(lane, kept);
    else open.delete(lane);
  }

  return {
    /** `event.bytes` must be at most `chunkBytes`. */
    add(event: PreparedEvent, position: number): void {
      const key = laneKey(event, limits.lane);
      const device = event.deviceId === undefined ? NOBODY : hashOf(event.deviceId);
      const user = event.userId === undefined ? NOBODY : hashOf(event.userId);
      const lane = lanes.laneOf(key, event.project);
      let chunk = open.get(lane);
      const isFull =
        chunk &&
        (chunk.entries.length >= limits.eventsPerChunk ||
          chunk.used + SEPARATOR.length + event.bytes > limits.chunkBytes ||
          hasEnoughOf(device, user, chunk, limits.eventsPerId));
      if (chunk && isFull) {
        close(lane, chunk);
        chunk = undefined;
      }
      chunk ??= openFor(lane, event);
      append(chunk, event.pieces, event.bytes, { position, key, device, user }, limits.chunkBytes);
      if (chunk.hottest > lanes.hotAt && !isOwnLane(lane) && countOf(key, chunk) > lanes.hotAt) {
        moveOut(lane, chunk, key);
      }
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
    recycle: ({ text }: ClosedChunk) => recycle(text),
  };
}

function append(chunk: OpenChunk, pieces: readonly Buffer[], bytes: number, entry: Entry, maxBytes: number): void {
  const needed = chunk.used + SEPARATOR.length + bytes;
  if (needed > chunk.text.length) {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(Math.ceil(chunk.text.length * GROWTH), maxBytes)));
    chunk.text.copy(larger, 0, 0, chunk.used);
    chunk.text = larger;
  }
  if (chunk.used > 0) chunk.used += SEPARATOR.copy(chunk.text, chunk.used);
  chunk.starts.push(chunk.used);
  for (const piece of pieces) chunk.used += piece.copy(chunk.text, chunk.used);
  chunk.entries.push(entry);
  const count = Math.max(countId(chunk.devices, entry.device), countId(chunk.users, entry.user));
  chunk.hottest = Math.max(chunk.hottest, count);
}

function hasEnoughOf(device: number, user: number, chunk: OpenChunk, max: number): boolean {
  return chunk.hottest >= max && ((chunk.devices.get(device) ?? 0) >= max || (chunk.users.get(user) ?? 0) >= max);
}

/** How many events of the chunk have this device or user; never less than how many have it as the key of their lane. */
function countOf(key: number, { devices, users }: OpenChunk): number {
  return Math.max(devices.get(key) ?? 0, users.get(key) ?? 0);
}

function countId(counts: Map<number, number>, id: number): number {
  if (id === NOBODY) return 0;
  const count = (counts.get(id) ?? 0) + 1;
  counts.set(id, count);
  return count;
}
