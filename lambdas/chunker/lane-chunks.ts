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

type OpenChunk = {
  text: Buffer;
  used: number;
  events: number;
  readonly notes: Notes;
  hottest: number;
  readonly after?: Before | undefined;
};

/**
 * What is known of a chunk's events beside their text, in arrays that serve one chunk after the other: an object for each event
 * would be most of the garbage. Ids are there as hashes (or NOBODY): two that meet make `hottest` too large, which is safe.
 */
type Notes = {
  readonly positions: Float64Array;
  readonly devices: Float64Array;
  readonly users: Float64Array;
  /** Where each event begins. */
  readonly starts: Int32Array;
  readonly ofDevice: IdCounts;
  readonly ofUser: IdCounts;
};

function newNotes(events: number): Notes {
  const list = () => new Float64Array(events);
  const lists = { positions: list(), devices: list(), users: list(), starts: new Int32Array(events) };
  return { ...lists, ofDevice: idCounts(events), ofUser: idCounts(events) };
}

/** `spare` are buffers to begin with; what is recycled comes back to it, for the next segment. */
export function collectLanes(lanes: Lanes, limits: ChunkLimits, spare: Buffer[] = []) {
  const open = new Map<number, OpenChunk>();
  const last = new Map<number, ClosedChunk>();
  let closed: ClosedChunk[] = [];
  let begun = 0;
  /** Of chunks that are closed, for the next ones. */
  const spareNotes: Notes[] = [];

  function takeNotes(): Notes {
    const notes = spareNotes.pop() ?? newNotes(limits.eventsPerChunk);
    notes.ofDevice.clear();
    notes.ofUser.clear();
    return notes;
  }

  function close(lane: number, chunk: OpenChunk): void {
    const { notes, events, hottest, after } = chunk;
    const positions = Array.from(notes.positions.subarray(0, events));
    const text = chunk.text.subarray(0, chunk.used);
    const spread = lanes.spreadOf(lane);
    const own = isOwnLane(lane) ? undefined : lanes.ownOf(lane);
    const its = { lane, text, positions, hottest, spread, ...(after && { after }), ...(own && { own }) };
    closed.push(its);
    if (!isOwnLane(lane)) last.set(lane, its);
    lanes.noteClosed(lane);
    spareNotes.push(notes);
    open.delete(lane);
  }

  function newChunk(bytesPerEvent: number, after?: Before): OpenChunk {
    const expected = Math.ceil(MARGIN * limits.eventsPerChunk * (bytesPerEvent + SEPARATOR.length));
    const text = spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(expected, limits.chunkBytes));
    return { text, used: 0, events: 0, notes: takeNotes(), hottest: 0, after };
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
    const { notes, events } = chunk;
    const size = chunk.used / events;
    const moved = newChunk(size, lanes.hasClosed(lane) ? { lane, chunk: last.get(lane) } : undefined);
    const kept = newChunk(size, chunk.after);
    for (let i = 0; i < events; i += 1) {
      const next = i + 1 < events ? (notes.starts[i + 1] ?? 0) : chunk.used + SEPARATOR.length;
      const text = chunk.text.subarray(notes.starts[i], next - SEPARATOR.length);
      const ids = { device: notes.devices[i] ?? NOBODY, user: notes.users[i] ?? NOBODY };
      const into = laneKey(ids, limits.lane) === key ? moved : kept;
      appendText(into, { text, edits: NO_EDITS }, text.length, limits.chunkBytes);
      note(into, notes.positions[i] ?? 0, ids.device, ids.user);
    }
    recycle(chunk.text);
    spareNotes.push(notes);
    open.set(own, moved);
    begun += 1;
    if (kept.events > 0) open.set(lane, kept);
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
        (chunk.events >= limits.eventsPerChunk ||
          chunk.used + SEPARATOR.length + event.bytes > limits.chunkBytes ||
          hasEnoughOf(device, user, chunk, limits.eventsPerId));
      if (chunk && isFull) {
        close(lane, chunk);
        chunk = undefined;
      }
      chunk ??= openFor(lane, event);
      appendText(chunk, event, event.bytes, limits.chunkBytes);
      note(chunk, position, device, user);
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
  chunk.notes.starts[chunk.events] = at;
  chunk.used = writeText(event, text, at);
}

/** Of the event whose text was appended last. */
function note(chunk: OpenChunk, position: number, device: number, user: number): void {
  const { notes, events } = chunk;
  notes.positions[events] = position;
  notes.devices[events] = device;
  notes.users[events] = user;
  chunk.events = events + 1;
  if (device !== NOBODY) chunk.hottest = Math.max(chunk.hottest, notes.ofDevice.add(device));
  if (user !== NOBODY) chunk.hottest = Math.max(chunk.hottest, notes.ofUser.add(user));
}

function hasEnoughOf(device: number, user: number, chunk: OpenChunk, max: number): boolean {
  if (chunk.hottest < max) return false;
  const { ofDevice, ofUser } = chunk.notes;
  return (device !== NOBODY && ofDevice.of(device) >= max) || (user !== NOBODY && ofUser.of(user) >= max);
}

/** How many events of the chunk have this device or user; never less than how many have it as the key of their lane. */
function countOf(key: number, { notes: { ofDevice, ofUser } }: OpenChunk): number {
  return Math.max(ofDevice.of(key), ofUser.of(key));
}
