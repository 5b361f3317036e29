/** Collects the events of a segment by lane, and closes a chunk when the next event would not fit it any more. */
import type { ChunkLimits } from '../../shared/chunk-limits.ts';
import { type IdCounts, idCounts } from './id-counts.ts';
import { isOwnLane, laneKey, type Lanes, NOBODY } from './lanes.ts';
import type { PreparedEvent } from './make-events.ts';
import { NO_EDITS, type SplicedText, writeText } from './spliced-text.ts';

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

/**
 * What is known of the events beside their text is in lists, one for each kind: an object for each event would be most of
 * the garbage. Ids are there as hashes: two that meet make `hottest` too large, which is safe.
 */
type OpenChunk = {
  text: Buffer;
  used: number;
  /** Of each event. */
  readonly positions: number[];
  readonly keys: number[];
  readonly devices: number[];
  readonly users: number[];
  /** Where each event begins. */
  readonly starts: number[];
  readonly ofDevice: IdCounts;
  readonly ofUser: IdCounts;
  hottest: number;
  readonly after?: Before | undefined;
};

/** `spare` are buffers to begin with; what is recycled comes back to it, for the next segment. */
export function collectLanes(lanes: Lanes, limits: ChunkLimits, spare: Buffer[] = []) {
  const open = new Map<number, OpenChunk>();
  const last = new Map<number, ClosedChunk>();
  let closed: ClosedChunk[] = [];
  let begun = 0;
  /** Of chunks that are closed, for the next ones. */
  const spareCounts: IdCounts[] = [];

  function newCounts(): IdCounts {
    const counts = spareCounts.pop() ?? idCounts(limits.eventsPerChunk);
    counts.clear();
    return counts;
  }

  function close(lane: number, chunk: OpenChunk): void {
    const { positions, hottest, after } = chunk;
    const text = chunk.text.subarray(0, chunk.used);
    const spread = lanes.spreadOf(lane);
    const own = isOwnLane(lane) ? undefined : lanes.ownOf(lane);
    const its = { lane, text, positions, hottest, spread, ...(after && { after }), ...(own && { own }) };
    closed.push(its);
    if (!isOwnLane(lane)) last.set(lane, its);
    lanes.noteClosed(lane);
    spareCounts.push(chunk.ofDevice, chunk.ofUser);
    open.delete(lane);
  }

  function newChunk(bytesPerEvent: number, after?: Before): OpenChunk {
    const expected = Math.ceil(MARGIN * limits.eventsPerChunk * (bytesPerEvent + SEPARATOR.length));
    const text = spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(expected, limits.chunkBytes));
    const lists = { positions: [], keys: [], devices: [], users: [], starts: [] };
    return { text, used: 0, ...lists, ofDevice: newCounts(), ofUser: newCounts(), hottest: 0, after };
  }

  function openFor(lane: number, event: PreparedEvent): OpenChunk {
    const chunk = newChunk(event.bytes);
    open.set(lane, chunk);
    begun += 1;
    return chunk;
  }

  /** There are never more of them than were open and under way at once: each is made for want of a spare one. */
  function recycle(text: Buffer): void {
    spare.push(Buffer.from(text.buffer));
  }

  /** The events of the hot `key` leave their chunk for one in a lane of their own. */
  function moveOut(lane: number, chunk: OpenChunk, key: number): void {
    const own = lanes.promote(key, lane);
    if (own === undefined) return;
    const size = chunk.used / chunk.positions.length;
    const moved = newChunk(size, lanes.hasClosed(lane) ? { lane, chunk: last.get(lane) } : undefined);
    const kept = newChunk(size, chunk.after);
    for (const [i, position] of chunk.positions.entries()) {
      const end = (chunk.starts[i + 1] ?? chunk.used + SEPARATOR.length) - SEPARATOR.length;
      const text = chunk.text.subarray(chunk.starts[i], end);
      const into = chunk.keys[i] === key ? moved : kept;
      appendText(into, { text, edits: NO_EDITS }, text.length, limits.chunkBytes);
      note(into, position, chunk.keys[i] ?? 0, chunk.devices[i] ?? NOBODY, chunk.users[i] ?? NOBODY);
    }
    recycle(chunk.text);
    spareCounts.push(chunk.ofDevice, chunk.ofUser);
    open.set(own, moved);
    begun += 1;
    if (kept.positions.length > 0) open.set(lane, kept);
    else open.delete(lane);
  }

  return {
    /** `event.bytes` must be at most `chunkBytes`. */
    add(event: PreparedEvent, position: number): void {
      const { device, user } = event;
      const key = laneKey(event, limits.lane);
      const lane = lanes.laneOf(key, event.project);
      let chunk = open.get(lane);
      const isFull =
        chunk &&
        (chunk.positions.length >= limits.eventsPerChunk ||
          chunk.used + SEPARATOR.length + event.bytes > limits.chunkBytes ||
          hasEnoughOf(device, user, chunk, limits.eventsPerId));
      if (chunk && isFull) {
        close(lane, chunk);
        chunk = undefined;
      }
      chunk ??= openFor(lane, event);
      appendText(chunk, event, event.bytes, limits.chunkBytes);
      note(chunk, position, key, device, user);
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

const [COMMA = 0, NEWLINE = 0] = SEPARATOR;

function appendText(chunk: OpenChunk, event: SplicedText, bytes: number, maxBytes: number): void {
  const needed = chunk.used + SEPARATOR.length + bytes;
  if (needed > chunk.text.length) {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(Math.ceil(chunk.text.length * GROWTH), maxBytes)));
    chunk.text.copy(larger, 0, 0, chunk.used);
    chunk.text = larger;
  }
  const { text } = chunk;
  let at = chunk.used;
  if (at > 0) {
    text[at] = COMMA;
    text[at + 1] = NEWLINE;
    at += SEPARATOR.length;
  }
  chunk.starts.push(at);
  chunk.used = writeText(event, text, at);
}

function note(chunk: OpenChunk, position: number, key: number, device: number, user: number): void {
  chunk.positions.push(position);
  chunk.keys.push(key);
  chunk.devices.push(device);
  chunk.users.push(user);
  if (device !== NOBODY) chunk.hottest = Math.max(chunk.hottest, chunk.ofDevice.add(device));
  if (user !== NOBODY) chunk.hottest = Math.max(chunk.hottest, chunk.ofUser.add(user));
}

function hasEnoughOf(device: number, user: number, chunk: OpenChunk, max: number): boolean {
  if (chunk.hottest < max) return false;
  return (device !== NOBODY && chunk.ofDevice.of(device) >= max) || (user !== NOBODY && chunk.ofUser.of(user) >= max);
}

/** How many events of the chunk have this device or user; never less than how many have it as the key of their lane. */
function countOf(key: number, { ofDevice, ofUser }: OpenChunk): number {
  return Math.max(ofDevice.of(key), ofUser.of(key));
}
