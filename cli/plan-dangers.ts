/** What would not arrive as it is, or not in time: quotas, rejects, fields that Amplitude cuts, events without a time. */
import { MAX_GROUP_TYPES, MAX_GROUP_VALUES, MAX_TEXT } from './find-cuts.ts';
import { n } from './figure.ts';
import type { Hit } from './heavy-hitters.ts';
import type { Load } from './plan-load.ts';
import type { ScannedDump } from './plan-scan.ts';
import type { Counts, CutField } from './plan-tally.ts';

/** Of a device or a user in 24 h; counted once Amplitude takes it for spam (Batch API, "Daily limit"). */
export const DAILY_QUOTA = 500_000;
/** Of a user in an hour; further ones may be dropped without an error (Amplitude, "Limits"). */
export const HOURLY_UPDATES = 1_800;
/** Of a project: what is more is kept and cannot be queried (Amplitude, "Limits"). */
export const MAX_EVENT_TYPES = 2_000;
export const MAX_EVENT_PROPERTIES = 2_000;
export const MAX_USER_PROPERTIES = 1_000;

const DAY_SECONDS = 86_400;
const HOUR_SECONDS = 3_600;

export type Danger = {
  readonly kind: 'unreadable' | 'rejects' | 'daily quota' | 'property updates' | 'cut' | 'too many names' | 'no time';
  readonly what: string;
  readonly arithmetic: string;
};

/** `seconds` is how long the import takes. */
export function findDangers(
  dumps: readonly ScannedDump[],
  counts: Counts,
  load: Load,
  seconds: number,
): readonly Danger[] {
  const about = (count: number) => `${load.isWhole ? '' : 'about '}${n(count * load.scale)}`;
  const counted = (kind: Danger['kind'], count: number, what: string): Danger => ({
    kind,
    what: `${about(count)} ${what}`,
    arithmetic: load.isWhole
      ? `${n(count)}, counted`
      : `${n(count)} in the ${n(counts.read)} records looked at × ${n(load.scale)}`,
  });
  const rejected = counts.unusable + counts.refused;
  const noTime = 'events have no time: Amplitude gives them that of their upload';
  return [
    ...dumps.flatMap(({ failure, dump, read }): Danger[] =>
      failure === undefined
        ? []
        : [
            {
              kind: 'unreadable',
              what: failure,
              arithmetic: `${n(read)} records of ${dump} can be read before it breaks off`,
            },
          ],
    ),
    ...(rejected > 0 ? [counted('rejects', rejected, 'rejects')] : []),
    ...(counts.timeless > 0 ? [counted('no time', counts.timeless, noTime)] : []),
    ...over(load.hottestDevices, seconds, { ...QUOTA, who: 'device' }),
    ...over(load.hottestUsers, seconds, { ...QUOTA, who: 'user' }),
    ...over(load.mostUpdated, seconds, { ...UPDATES, who: 'user' }),
    ...counts.cuts.map((cut) => counted('cut', cut.events, describeCut(cut))),
    ...nameDangers(counts),
  ];
}

type Limit = {
  readonly kind: Danger['kind'];
  readonly who: 'device' | 'user';
  readonly what: string;
  readonly most: number;
  readonly perSeconds: number;
  readonly result: string;
};

const QUOTA = {
  kind: 'daily quota',
  what: 'events in 24 h',
  most: DAILY_QUOTA,
  perSeconds: DAY_SECONDS,
  result: 'once Amplitude takes it for spam, what is beyond waits parked, and is dead after about a day',
} as const;

const UPDATES = {
  kind: 'property updates',
  what: 'updates of user properties in an hour',
  most: HOURLY_UPDATES,
  perSeconds: HOUR_SECONDS,
  result: 'Amplitude may drop those beyond without a word; for history set $skip_user_properties_sync',
} as const;

/** Those that are over the limit for sure: what a sketch or a sample leaves open is not held against anybody. */
function over(hits: readonly Hit[], seconds: number, { kind, who, what, most, perSeconds, result }: Limit): Danger[] {
  const share = Math.min(1, perSeconds / seconds);
  const endangered = hits.filter(({ atLeast }) => atLeast * share > most);
  const [first] = endangered;
  if (!first) return [];
  const { id, atLeast, atMost } = first;
  const count = `${atLeast < atMost ? 'at least ' : ''}${n(atLeast * share)}`;
  const others = endangered.length > 1 ? ` (and ${endangered.length - 1} more like it)` : '';
  return [
    {
      kind,
      what: `${who} ${id} has ${count} ${what}, the limit is ${n(most)}${others}: ${result}`,
      arithmetic: `${n(atLeast)} × min(1, ${n(perSeconds)} s / ${n(seconds)} s of import) = ${n(atLeast * share)} > ${n(most)}`,
    },
  ];
}

function describeCut({ kind, path, most }: CutField): string {
  switch (kind) {
    case 'text':
      return `times ${path} is cut to ${n(MAX_TEXT)} characters; the longest has ${n(most)}`;
    case 'group types':
      return `times ${path} has more than ${MAX_GROUP_TYPES} types, and the rest is left out; the most is ${n(most)}`;
    case 'group values':
      return `times ${path} has more than ${MAX_GROUP_VALUES} values, and the rest is left out; the most is ${n(most)}`;
  }
}

function nameDangers({ eventTypes, eventProperties, userProperties }: Counts): Danger[] {
  const all = [
    ['event types', eventTypes, MAX_EVENT_TYPES],
    ['event properties', eventProperties, MAX_EVENT_PROPERTIES],
    ['user properties', userProperties, MAX_USER_PROPERTIES],
  ] as const;
  return all
    .filter(([, { count }, most]) => count > most)
    .map(([what, { count }, most]) => ({
      kind: 'too many names',
      what: `${n(count)} ${what}: of a project's, Amplitude makes ${n(most)} queryable`,
      arithmetic: `${n(count)} different names > ${n(most)}`,
    }));
}
