/**
 * Decides in which lane an event goes. Ordinarily that follows from its device (or user); a device that is so busy that its
 * lane would have to rest for it gets a lane of its own for the rest of the dump, so that nobody waits for it.
 */
import { deflateRawSync } from 'node:zlib';
import { API_LIMITS, type Api, PACE, REQUEST_MS } from '../../shared/amplitude-limits.ts';
import type { Importer, Source } from '../../shared/config.ts';
import type { LaneState } from '../../shared/ledger.ts';
import { type Destination, targetsOf } from '../../shared/target.ts';
import type { PreparedEvent } from './make-events.ts';
import type { RawRecord } from './raw-record.ts';

/**
 * A dump uses one lane for so many chunks, up to all lanes: each ends in a chunk that is not full, so that fewer chunks a lane
 * would mean many more requests than needed.
 */
const CHUNKS_PER_LANE = 5;

/**
 * A device with fewer events in a chunk than this share of it gets no lane of its own: it would cost more requests than it is
 * worth. With more than the other share it gets one in any case: its lane would have much more to do than the others.
 */
const MIN_HOT_SHARE = 0.04;
const MAX_COOL_SHARE = 0.1;

/** Lanes of their own in one dump: each may add a chunk that is not full to every segment. */
const MAX_HOT = 64;

/** Lanes of their own are numbered from here on, by the hash of the device, the same in all dumps. Ordinary ones are below 256. */
const FIRST_OWN_LANE = 256;

/** The lanes of each further project of a source are numbered from so much higher on; a hash is below 2^32. */
const PROJECT_LANES = 2 ** 33;

/** Ordinary lanes over all projects of a source: the chunk that each is filling must fit in memory. */
const MAX_ORDINARY_LANES = 256;

/** Bytes of records that are looked at to tell how many there are. */
const SAMPLE_BYTES = 1_000_000;

export type Lanes = ReturnType<typeof openLanes>;

export type LaneRules = {
  /** How many the importer has. */
  readonly lanes: number;
  /** Requests at a time. */
  readonly uploaders: number;
  readonly dumpId: string;
  readonly api: Api;
  readonly eventsPerChunk: number;
  /** How many the source sends to. */
  readonly projects: number;
  /**
   * A project may send only so much: then each of its lanes keeps to its share of that, so that a dump uses them all, and
   * there are none beside them.
   */
  readonly isCapped: boolean;
};

export function laneRules(
  dumpId: string,
  source: Pick<Source, 'caps'> & Destination,
  { lanes, uploaders }: Pick<Importer, 'lanes' | 'uploaders'>,
): LaneRules {
  const { api, caps } = source;
  const targets = targetsOf(source);
  const isCapped = targets.some(({ projectEventsPerSecond }) => projectEventsPerSecond !== undefined);
  return { lanes, uploaders, dumpId, api, eventsPerChunk: caps.eventsPerChunk, projects: targets.length, isCapped };
}

/**
 * The lanes of one dump, `count` of each project. A dump with few events uses `count` neighbouring lanes of all there are,
 * chosen by its name, so that small dumps do not all wait for one another; then a device is in one of `spread` lanes, as
 * many as there are such groups of neighbours, and whoever paces a lane has to reckon with all of them.
 *
 * Of a dump that is cut into parts (`isCut`) nobody knows in which lanes earlier parts had what, until the chunks are sent.
 */
export function openLanes(rules: LaneRules, { count, hot, ends }: LaneState, isCut = false) {
  const { lanes, uploaders, dumpId, api, eventsPerChunk, isCapped } = rules;
  const spread = Math.floor(lanes / count);
  const first = count * (hashOf(dumpId) % spread);
  const own = new Set(hot);
  const closed = new Set(ends.map(([lane]) => lane));
  const ordinaryOf = (lane: number) => {
    const { project, lane: its } = splitLane(lane);
    return project * PROJECT_LANES + first + ((its - FIRST_OWN_LANE) % count);
  };
  const meetings = Math.min(spread, uploaders);
  // With more than this its lane would rest for longer than an upload takes.
  const bearable = (PACE * API_LIMITS[api].eventsPerSecond * REQUEST_MS) / 1_000 / meetings;
  return {
    /** Ordinary ones of each project, for the checkpoint. */
    count,
    /** Over how many lanes a device's events of different dumps may be spread. */
    spreadOf: (lane: number) => (isOwnLane(lane) ? 1 : spread),
    /** A device with more events in one chunk is hot. */
    hotAt: isCapped
      ? Number.POSITIVE_INFINITY
      : Math.floor(Math.max(1, MIN_HOT_SHARE * eventsPerChunk, Math.min(bearable, MAX_COOL_SHARE * eventsPerChunk))),
    /** `key` is the hash of what the events of a lane share; `project` counts the source's projects from 0. */
    laneOf(key: number, project = 0): number {
      const base = project * PROJECT_LANES;
      return base + (own.size > 0 && own.has(base + key) ? FIRST_OWN_LANE + key : first + (key % count));
    },
    /** From now on the events of `key` in this lane have a lane of their own; undefined when there are too many of those. */
    promote(key: number, lane: number): number | undefined {
      if (own.size >= MAX_HOT) return undefined;
      const base = lane - (lane % PROJECT_LANES);
      own.add(base + key);
      return base + FIRST_OWN_LANE + key;
    },
    noteClosed: (lane: number) => void closed.add(lane),
    /** Whether a chunk of the lane has, or may have, been closed in this dump. */
    hasClosed: (lane: number) => isCut || closed.has(lane),
    /** The lanes of their own that devices of an ordinary lane have by now; asked only of a dump that is cut into parts. */
    ownOf: (lane: number) => (isCut ? [...own].map(ownLane).filter((one) => ordinaryOf(one) === lane) : undefined),
    /** Where the device of a lane of its own would be without it. */
    ordinaryOf,
    /** The keys with lanes of their own (each with its project), for the checkpoint. */
    hot: (): readonly number[] => [...own],
  };
}

/** `key` with its project, as `hot` has it. */
function ownLane(key: number): number {
  return key + FIRST_OWN_LANE;
}

export function isOwnLane(lane: number): boolean {
  return lane % PROJECT_LANES >= FIRST_OWN_LANE;
}

/** Which of the source's projects a lane is of, counted from 0, and its number there, which is the same in all dumps. */
export function splitLane(lane: number): { readonly project: number; readonly lane: number } {
  return { project: Math.floor(lane / PROJECT_LANES), lane: lane % PROJECT_LANES };
}

/**
 * The state at the start of a dump that is `size` bytes long, compressed or not, and begins with `records`. Its projects
 * are reckoned with as if each had as much of it: what its beginning holds of each says little, as dumps are often sorted.
 */
export function startLanes(
  { lanes, eventsPerChunk, projects, isCapped }: Pick<LaneRules, 'lanes' | 'eventsPerChunk' | 'projects' | 'isCapped'>,
  size: number,
  isPacked: boolean,
  records: readonly RawRecord[],
): LaneState {
  const expected = isCapped ? Number.POSITIVE_INFINITY : estimateRecords(size, isPacked, records) / projects;
  return startWith(expected, { lanes, eventsPerChunk, projects });
}

/** The same for a dump that is cut into parts: it has enough for all lanes, and each of its readers knows that. */
export function startAll(rules: Pick<LaneRules, 'lanes' | 'eventsPerChunk' | 'projects'>): LaneState {
  return startWith(Number.POSITIVE_INFINITY, rules);
}

/** `expected` is how many events each project gets. */
function startWith(
  expected: number,
  { lanes, eventsPerChunk, projects }: Pick<LaneRules, 'lanes' | 'eventsPerChunk' | 'projects'>,
): LaneState {
  const wanted = Math.min(Math.floor(expected / (CHUNKS_PER_LANE * eventsPerChunk)), MAX_ORDINARY_LANES / projects);
  const count = wanted >= lanes ? lanes : 2 ** Math.floor(Math.log2(Math.max(1, wanted)));
  return { count, hot: [], ends: [] };
}

/** As if the whole dump were like its beginning. */
function estimateRecords(size: number, isPacked: boolean, records: readonly RawRecord[]): number {
  const sample: Buffer[] = [];
  let bytes = 0;
  for (const record of records) {
    sample.push(record.bytes);
    bytes += record.length + 1;
    if (bytes >= SAMPLE_BYTES) break;
  }
  if (bytes === 0) return 0;
  const lying = isPacked ? deflateRawSync(Buffer.concat(sample), { level: 6 }).length : bytes;
  return (size * sample.length) / lying;
}

/** In place of the hash of an id, of an event without one. */
export const NOBODY = -1;

/** What the events of a lane share, as a number: the device, or the user if the source says so; the one without the other. */
export function laneKey({ device, user }: Pick<PreparedEvent, 'device' | 'user'>, by: 'device' | 'user'): number {
  const [first, second] = by === 'device' ? [device, user] : [user, device];
  return first !== NOBODY ? first : second !== NOBODY ? second : hashOf('');
}

/** FNV-1a over UTF-16 units, 32 bits: spreads short ids evenly and is the same on every machine. */
export function hashOf(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
