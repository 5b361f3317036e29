/** What would not arrive as it is, or not in time: quotas, rejects, fields that Amplitude cuts, events without a time. */
import { type CappedNames, PROJECT_CAPS } from '../lambdas/chunker/project-caps.ts';
import type { Api } from '../shared/amplitude-limits.ts';
import { n } from './figure.ts';
import type { Hit } from './heavy-hitters.ts';
import type { EventCounts, Loss } from './plan-event-counts.ts';
import type { Load } from './plan-load.ts';
import type { ProjectPlan } from './plan-projects.ts';
import type { ScannedDump } from './plan-scan.ts';
import type { Counts } from './plan-tally.ts';

/** Of a device or a user in 24 h; counted once Amplitude takes it for spam (Batch API, "Daily limit"). */
export const DAILY_QUOTA = 500_000;
/** Of a user in an hour; further ones may be dropped without an error (Amplitude, "Limits"). */
export const HOURLY_UPDATES = 1_800;

const DAY_SECONDS = 86_400;
const HOUR_SECONDS = 3_600;

export type Danger = {
  readonly kind:
    | 'unreadable'
    | 'rejects'
    | 'daily quota'
    | 'property updates'
    | 'cut'
    | 'dropped'
    | 'too many names'
    | 'no time';
  readonly what: string;
  readonly arithmetic: string;
};

/** Amplitude's limits hold for each project. `api` is the one that the source uses. */
export function findDangers(
  dumps: readonly ScannedDump[],
  counts: Counts,
  load: Load,
  { projects, api }: { readonly projects: readonly ProjectPlan[]; readonly api: Api },
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
    ...projects.flatMap((project) => {
      const dangers = projectDangers(project, project.apis[api].time.value);
      if (projects.length === 1) return dangers;
      return dangers.map((danger) => ({ ...danger, what: `project ${project.name}: ${danger.what}` }));
    }),
    ...counts.losses.map((loss) => counted(loss.effect, loss.events, describeLoss(loss))),
  ];
}

/** `seconds` is how long it takes to send all that goes there. */
function projectDangers({ load, counts }: ProjectPlan, seconds: number): Danger[] {
  return [
    ...over(load.hottestDevices, seconds, { ...QUOTA, who: 'device' }),
    ...over(load.hottestUsers, seconds, { ...QUOTA, who: 'user' }),
    ...over(load.mostUpdated, seconds, { ...UPDATES, who: 'user' }),
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

function describeLoss({ kind, field, effect, most }: Loss): string {
  const what = effect === 'cut' ? 'is cut' : 'loses something';
  return `times ${field} ${what}: ${kind}${most === undefined ? '' : `; the most is ${n(most)}`}`;
}

function nameDangers({ names }: EventCounts): Danger[] {
  return (Object.keys(PROJECT_CAPS) as CappedNames[])
    .filter((what) => names[what].count > PROJECT_CAPS[what])
    .map((what) => ({
      kind: 'too many names',
      what: `${n(names[what].count)} ${what}: of a project's, Amplitude makes ${n(PROJECT_CAPS[what])} queryable`,
      arithmetic: `${n(names[what].count)} different names > ${n(PROJECT_CAPS[what])}`,
    }));
}
