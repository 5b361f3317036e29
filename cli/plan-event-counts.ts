/** Counts what a plan must know of events, of all or of a project's, one at a time and in memory that does not grow. */
import { deflateRawSync } from 'node:zlib';
import { type CapWarning, capWarnings } from '../lambdas/chunker/cap-warnings.ts';
import { isJsonObject } from '../lambdas/chunker/json.ts';
import type { PreparedEvent } from '../lambdas/chunker/make-events.ts';
import { type CappedNames, eachCappedName } from '../lambdas/chunker/project-caps.ts';
import type { JsonObject } from '../shared/amplitude-event.ts';
import { type DistinctCount, distinctCounter, EXACT_UP_TO } from './distinct-count.ts';
import { CAPACITY, type Hit, heavyHitters } from './heavy-hitters.ts';

export type EventCounts = {
  /** That can be sent. */
  readonly events: number;
  /** Of their JSON. */
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
  readonly losses: readonly Loss[];
  /** Different names. */
  readonly names: Readonly<Record<CappedNames, DistinctCount>>;
};

/** What Amplitude would cut or drop in so many events, and the most that was found where that has a number. */
export type Loss = Pick<CapWarning, 'kind' | 'field'> & {
  readonly effect: 'cut' | 'dropped';
  readonly events: number;
  readonly most?: number;
};

/** Ids that are kept: as many as a dump may have lanes of their own. */
const TOP = 64;

/** Different fields that are counted by name. */
const MAX_FIELDS = 1_000;
export const OTHERS = '(others)';

/** What is counted of each of many projects all the same: ids at a time, and different ones one by one. */
const MIN_CAPACITY = 1_024;
const MIN_EXACT = 256;

/** Compressed at a time, and one in so many is, to know how well events compress. */
const SAMPLED_EVENTS = 2_000;
const SAMPLED_BYTES = 1_000_000;
const ONE_IN = 25;

export type EventCounter = ReturnType<typeof countEvents>;

/** `sharing` counters share the memory that one would have. */
export function countEvents(sharing = 1) {
  const capacity = Math.max(MIN_CAPACITY, Math.floor(CAPACITY / sharing));
  const exactUpTo = Math.max(MIN_EXACT, Math.floor(EXACT_UP_TO / sharing));
  const counts = { events: 0, bytes: 0, timeless: 0, uncounted: 0, propertyUpdates: 0 };
  const times = { first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY };
  const ids = { devices: distinctCounter(exactUpTo), users: distinctCounter(exactUpTo) };
  const hot = { devices: heavyHitters(capacity), users: heavyHitters(capacity), updated: heavyHitters(capacity) };
  const names = {
    'event types': distinctCounter(exactUpTo),
    'event properties': distinctCounter(exactUpTo),
    'user properties': distinctCounter(exactUpTo),
  };
  const losses = countLosses();
  const compressed = sampleCompression();

  return {
    /** `event` is what `text` says. */
    add({ bytes, time }: PreparedEvent, event: JsonObject, text: Buffer): void {
      const { device_id: deviceId, user_id: userId } = event;
      counts.events += 1;
      counts.bytes += bytes;
      if (time === undefined) counts.timeless += 1;
      else [times.first, times.last] = [Math.min(times.first, time), Math.max(times.last, time)];
      if (typeof deviceId === 'string') countId(deviceId, ids.devices, hot.devices);
      if (typeof userId === 'string') countId(userId, ids.users, hot.users);
      compressed.add(text);
      if (isUpdate(event)) {
        counts.propertyUpdates += 1;
        hot.updated.add([userId, deviceId].find((id) => typeof id === 'string') ?? '');
      }
      const { event_type: type } = event;
      if (type === '$identify' || type === '$groupidentify') counts.uncounted += 1;
      eachCappedName(event, (what, name) => names[what].add(name));
      for (const warning of capWarnings(event, bytes)) losses.add(warning);
    },
    result: (): EventCounts => ({
      ...counts,
      deflated: compressed.share(),
      firstTime: times.first <= times.last ? times.first : undefined,
      lastTime: times.first <= times.last ? times.last : undefined,
      devices: ids.devices.result(),
      users: ids.users.result(),
      hottestDevices: hot.devices.top(TOP),
      hottestUsers: hot.users.top(TOP),
      mostUpdated: hot.updated.top(TOP),
      losses: losses.result(),
      names: {
        'event types': names['event types'].result(),
        'event properties': names['event properties'].result(),
        'user properties': names['user properties'].result(),
      },
    }),
  };
}

function countId(id: string, distinct: { add(id: string): void }, hot: { add(id: string): void }): void {
  distinct.add(id);
  hot.add(id);
}

/** Whether Amplitude counts it as an update of the user's properties, of which it takes 1,800 an hour. */
function isUpdate({ event_type, user_properties, $skip_user_properties_sync: skips }: JsonObject): boolean {
  const changes = isJsonObject(user_properties) && Object.keys(user_properties).length > 0;
  return event_type === '$identify' || (skips !== true && changes);
}

/** By field; every element of a list is `tags[]`. What is kept, and only to be checked, is no loss. */
function countLosses() {
  const found = new Map<string, Loss>();
  return {
    add({ effect, kind, field: place, found: size }: CapWarning): void {
      if (effect === 'check') return;
      const field = place.replaceAll(/\.\d+(?=\.|$)/g, '[]');
      const isKnown = found.size < MAX_FIELDS || found.has(`${kind} ${field}`);
      const key = isKnown ? `${kind} ${field}` : OTHERS;
      const known = found.get(key) ?? { effect, kind, field: isKnown ? field : OTHERS, events: 0 };
      const most = size === undefined ? known.most : Math.max(known.most ?? 0, size);
      found.set(key, { ...known, events: known.events + 1, ...(most !== undefined && { most }) });
    },
    result: (): readonly Loss[] => [...found.values()].toSorted((a, b) => b.events - a.events),
  };
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
