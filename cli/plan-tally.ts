/** Counts what a plan must know of the events of a source's dumps, one event at a time and in memory that does not grow. */
import { deflateRawSync } from 'node:zlib';
import { isJsonObject } from '../lambdas/chunker/json.ts';
import type { MadeEvents, PreparedEvent } from '../lambdas/chunker/make-events.ts';
import { mergeIdentifies } from '../lambdas/chunker/merge-identifies.ts';
import type { JsonObject } from '../shared/amplitude-event.ts';
import { type DistinctCount, distinctCounter } from './distinct-count.ts';
import { type Cut, findCuts } from './find-cuts.ts';
import { type Hit, heavyHitters } from './heavy-hitters.ts';

/** Of the records that were looked at. */
export type Counts = {
  readonly read: number;
  readonly filtered: number;
  readonly unusable: number;
  readonly mapped: number;
  /** That can be sent. */
  readonly events: number;
  readonly refused: number;
  readonly reasons: Readonly<Record<string, number>>;
  /** Of the events' JSON. */
  readonly bytes: number;
  /** Bytes of deflated JSON for one of JSON, as chunks are compressed. */
  readonly deflated: number;
  /** Ms since epoch; undefined when no event has a time. */
  readonly firstTime: number | undefined;
  readonly lastTime: number | undefined;
  readonly timeless: number;
  /** `$identify` and `$groupidentify`, which do not count towards the event volume. */
  readonly uncounted: number;
  /** Events that change user properties. */
  readonly propertyUpdates: number;
  readonly devices: DistinctCount;
  readonly users: DistinctCount;
  /** The most frequent, at most TOP of them. */
  readonly hottestDevices: readonly Hit[];
  readonly hottestUsers: readonly Hit[];
  /** By property updates. */
  readonly mostUpdated: readonly Hit[];
  readonly cuts: readonly CutField[];
  readonly eventTypes: DistinctCount;
  /** Names of the first level. */
  readonly eventProperties: DistinctCount;
  readonly userProperties: DistinctCount;
};

/** A field that Amplitude would cut in so many events, and the most that was found in it. */
export type CutField = Omit<Cut, 'found'> & { readonly events: number; readonly most: number };

/** Ids that are kept: as many as a dump may have lanes of their own. */
export const TOP = 64;

/** Different reasons, and different fields, that are counted by name; a map that throws its data's content has any number. */
const MAX_NAMES = 1_000;
const OTHERS = '(others)';

/** Compressed at a time, and one in so many is, to know how well events compress. */
const SAMPLED_EVENTS = 2_000;
const SAMPLED_BYTES = 1_000_000;
const ONE_IN = 25;

export type Tally = ReturnType<typeof startTally>;

/** `maxBytes` is the largest event that fits. */
export function startTally(maxBytes: number) {
  const counts = { read: 0, filtered: 0, unusable: 0, mapped: 0, events: 0, refused: 0, bytes: 0 };
  const more = { timeless: 0, uncounted: 0, propertyUpdates: 0 };
  const times = { first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY };
  const reasons = new Map<string, number>();
  const ids = { devices: distinctCounter(), users: distinctCounter() };
  const hot = { devices: heavyHitters(), users: heavyHitters(), updated: heavyHitters() };
  const names = { types: distinctCounter(), event: distinctCounter(), user: distinctCounter() };
  const cuts = new Map<string, CutField>();
  const compressed = sampleCompression();
  const merging = mergeIdentifies(addEvent, maxBytes);

  function addEvent(prepared: PreparedEvent): void {
    const { pieces, bytes, deviceId, userId, time } = prepared;
    counts.events += 1;
    counts.bytes += bytes;
    if (time === undefined) more.timeless += 1;
    else [times.first, times.last] = [Math.min(times.first, time), Math.max(times.last, time)];
    if (deviceId !== undefined) countId(deviceId, ids.devices, hot.devices);
    if (userId !== undefined) countId(userId, ids.users, hot.users);
    const text = Buffer.concat(pieces);
    compressed.add(text);
    // It was written, or checked, a moment ago.
    const event = JSON.parse(text.toString()) as JsonObject;
    if (isUpdate(event)) {
      more.propertyUpdates += 1;
      hot.updated.add(userId ?? deviceId ?? '');
    }
    const { event_type: type } = event;
    if (type === '$identify' || type === '$groupidentify') more.uncounted += 1;
    else if (typeof type === 'string') names.types.add(type);
    addNames(event);
    for (const cut of findCuts(event, bytes)) addCut(cut);
  }

  function addNames({ event_type, event_properties, user_properties }: JsonObject): void {
    for (const name of keysOf(event_properties)) names.event.add(name);
    const operations = event_type === '$identify' && keysOf(user_properties).some((name) => name.startsWith('$'));
    const properties = operations ? Object.values(user_properties ?? {}) : [user_properties];
    for (const name of properties.flatMap(keysOf)) names.user.add(name);
  }

  function addCut({ kind, path, found }: Cut): void {
    const key = cuts.size < MAX_NAMES || cuts.has(`${kind} ${path}`) ? `${kind} ${path}` : OTHERS;
    const known = cuts.get(key) ?? { kind, path: key === OTHERS ? OTHERS : path, events: 0, most: 0 };
    cuts.set(key, { ...known, events: known.events + 1, most: Math.max(known.most, found) });
  }

  function addReason(reason: string): void {
    const key = reasons.size < MAX_NAMES || reasons.has(reason) ? reason : OTHERS;
    reasons.set(key, (reasons.get(key) ?? 0) + 1);
  }

  return {
    add(made: MadeEvents, position: number): void {
      counts.read += 1;
      if (made.kind === 'filtered') counts.filtered += 1;
      else if (made.kind === 'unusable') {
        counts.unusable += 1;
        addReason(made.reason);
      } else {
        counts.mapped += 1;
        counts.refused += made.refused.length;
        for (const { reason } of made.refused) addReason(reason);
        for (const event of made.events) merging.add(event, position);
      }
    },
    /** As at a segment's end: identifies that wait to be made one with others are let go. */
    endSegment: () => merging.releaseAll(),
    /** The simple counts so far, all dumps together. */
    soFar: () => ({ ...counts }),
    result: (): Counts => ({
      ...counts,
      ...more,
      reasons: Object.fromEntries([...reasons].toSorted(([, a], [, b]) => b - a)),
      deflated: compressed.share(),
      firstTime: times.first <= times.last ? times.first : undefined,
      lastTime: times.first <= times.last ? times.last : undefined,
      devices: ids.devices.result(),
      users: ids.users.result(),
      hottestDevices: hot.devices.top(TOP),
      hottestUsers: hot.users.top(TOP),
      mostUpdated: hot.updated.top(TOP),
      cuts: [...cuts.values()].toSorted((a, b) => b.events - a.events),
      eventTypes: names.types.result(),
      eventProperties: names.event.result(),
      userProperties: names.user.result(),
    }),
  };
}

function countId(id: string, distinct: { add(id: string): void }, hot: { add(id: string): void }): void {
  distinct.add(id);
  hot.add(id);
}

/** Whether Amplitude counts it as an update of the user's properties, of which it takes 1,800 an hour. */
function isUpdate({ event_type, user_properties, $skip_user_properties_sync: skips }: JsonObject): boolean {
  return event_type === '$identify' || (skips !== true && keysOf(user_properties).length > 0);
}

function keysOf(value: unknown): string[] {
  return isJsonObject(value) ? Object.keys(value) : [];
}

/** How well events compress: of each 50,000 the first 2,000, at most 1 MB. */
function sampleCompression() {
  let [number, bytes, text, deflated] = [0, 0, 0, 0];
  let sample: Buffer[] = [];
  const compress = () => {
    if (sample.length === 0) return;
    text += bytes;
    deflated += deflateRawSync(Buffer.concat(sample), { level: 1 }).length;
    [sample, bytes] = [[], 0];
  };
  return {
    add(event: Buffer): void {
      const place = number % (SAMPLED_EVENTS * ONE_IN);
      number += 1;
      if (place < SAMPLED_EVENTS && bytes < SAMPLED_BYTES) {
        sample.push(event);
        bytes += event.length;
      } else compress();
    },
    /** 1 before there are any events. */
    share(): number {
      compress();
      return text === 0 ? 1 : deflated / text;
    },
  };
}
