/** The daily quota: only ids that Amplitude takes for spam have one, and counting starts when it decides so. */
import type { Usage } from './simulator-checks.ts';
import type { OverLimit } from './simulator-limits.ts';
import type { SimulatorSwitches } from './simulator-switches.ts';

export type DailyQuota = {
  /** Who would be over the quota if this request were taken. Counts nothing. */
  check(apiKey: string, usage: Usage, events: number, now: number): OverLimit;
  count(apiKey: string, usage: Usage, events: number, now: number): void;
  /** Notes that these ids were throttled, which after some times makes them spam. */
  noteThrottled(throttled: OverLimit): void;
};

type Kind = 'devices' | 'users';

const HOUR_MS = 3_600_000;
/** "Rolling 24 hours, the window moves in steps of one hour". */
const HOURS = 24;

/** `spammy` are the devices and users taken for spam from the start. */
export function createDailyQuota(spammy: readonly string[], switches: SimulatorSwitches): DailyQuota {
  const ids = new Set(spammy);
  const throttles = new Map<string, number>();
  /** Events by hour, for each id (or each project). */
  const hours = new Map<string, ReadonlyMap<number, number>>();
  const ofProject = switches.quotaScope === 'project';

  const over = (apiKey: string, kind: Kind, usage: Usage, events: number, now: number): Map<string, number> => {
    const found = new Map<string, number>();
    for (const [id, own] of spammyIn(ids, usage[kind])) {
      const key = ofProject ? apiKey : idKey(apiKey, kind, id);
      const today = (ofProject ? events : own) + lastDay(hours.get(key), now);
      if (today > switches.dailyQuota) found.set(id, today);
    }
    return found;
  };
  return {
    check: (apiKey, usage, events, now) => ({
      devices: over(apiKey, 'devices', usage, events, now),
      users: over(apiKey, 'users', usage, events, now),
    }),
    count(apiKey, usage, events, now) {
      const own = (['devices', 'users'] as const).flatMap((kind) =>
        spammyIn(ids, usage[kind]).map(([id, number]): [string, number] => [idKey(apiKey, kind, id), number]),
      );
      const added = ofProject && own.length > 0 ? ([[apiKey, events]] as const) : own;
      for (const [key, number] of added) hours.set(key, addToHour(hours.get(key), number, now));
    },
    noteThrottled(throttled) {
      if (switches.spammyAfterThrottles === 0) return;
      for (const id of [...throttled.devices.keys(), ...throttled.users.keys()]) {
        const times = (throttles.get(id) ?? 0) + 1;
        throttles.set(id, times);
        if (times >= switches.spammyAfterThrottles) ids.add(id);
      }
    },
  };
}

function idKey(apiKey: string, kind: Kind, id: string): string {
  return `${apiKey}\n${kind}\n${id}`;
}

/** The ids of a request that are spam. They are few, so they are looked up in the request and not the other way round. */
function spammyIn(ids: ReadonlySet<string>, counts: ReadonlyMap<string, number>): [string, number][] {
  return [...ids].flatMap((id): [string, number][] => {
    const events = counts.get(id);
    return events === undefined ? [] : [[id, events]];
  });
}

function lastDay(byHour: ReadonlyMap<number, number> | undefined, now: number): number {
  if (byHour === undefined) return 0;
  const oldest = Math.floor(now / HOUR_MS) - HOURS + 1;
  return [...byHour].reduce((sum, [hour, events]) => (hour >= oldest ? sum + events : sum), 0);
}

function addToHour(byHour: ReadonlyMap<number, number> | undefined, events: number, now: number): Map<number, number> {
  const hour = Math.floor(now / HOUR_MS);
  const kept = [...(byHour ?? [])].filter(([at]) => at > hour - HOURS);
  const last = new Map(kept);
  return last.set(hour, (last.get(hour) ?? 0) + events);
}
