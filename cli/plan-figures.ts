/** From what was counted to the plan: every figure that is asked for, each with its arithmetic. */
import type { Api } from '../shared/amplitude-limits.ts';
import { describeBy } from '../lambdas/chunker/route.ts';
import type { Importer, Source } from '../shared/config.ts';
import { STANDARD_ERROR, type DistinctCount } from './distinct-count.ts';
import { type Figure, n } from './figure.ts';
import type { Hit } from './heavy-hitters.ts';
import { type Advice, adviseApi } from './plan-advice.ts';
import type { Cost } from './aws-cost.ts';
import { planCost } from './plan-cost.ts';
import { planEngines } from './plan-engines.ts';
import { recordPathOf } from '../lambdas/chunker/splice-plan.ts';
import { type Danger, findDangers } from './plan-dangers.ts';
import { type Load, loadOf } from './plan-load.ts';
import { planProjects, planTogether, type ProjectPlan } from './plan-projects.ts';
import type { ScannedDump } from './plan-scan.ts';
import type { EventCounts } from './plan-event-counts.ts';
import type { Counts } from './plan-tally.ts';
import type { ApiPlan } from './plan-times.ts';

export type Plan = {
  readonly source: string;
  /** As the source says; every figure that depends on it is for this one. */
  readonly api: Api;
  /** `pass-through` or `mapped`, and by what. */
  readonly path: string;
  readonly dumps: readonly ScannedDump[];
  readonly figures: Readonly<
    Record<'records' | 'events' | 'volume' | 'devices' | 'users' | 'propertyUpdates' | 'bytesPerEvent', Figure>
  >;
  readonly firstTime: number | undefined;
  readonly lastTime: number | undefined;
  readonly hottestDevices: readonly Hit[];
  readonly hottestUsers: readonly Hit[];
  /** Why records or events are rejected, and how many of those that were looked at. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly apis: Readonly<Record<Api, ApiPlan>>;
  /** Where the route knows several. */
  readonly projects?: readonly ProjectFigures[];
  readonly time: { readonly embedded: Figure; readonly aws: Figure };
  readonly cost: Cost;
  readonly advice: Advice;
  readonly dangers: readonly Danger[];
  /** Whether all records were looked at. */
  readonly isWhole: boolean;
};

/** What goes to a project. */
export type ProjectFigures = Pick<ProjectPlan, 'name' | 'region' | 'projectEventsPerSecond' | 'apis'> &
  Pick<Plan, 'hottestDevices' | 'hottestUsers'> & {
    readonly figures: Pick<Plan['figures'], 'events' | 'volume' | 'devices' | 'users' | 'bytesPerEvent'>;
  };

export type PlanRequest = {
  readonly source: Source;
  readonly importer: Pick<Importer, 'lanes' | 'uploaders' | 'segmentRecords' | 'uploads'>;
  readonly dumps: readonly ScannedDump[];
  readonly counts: Counts;
  /** Ms since epoch. */
  readonly now: number;
};

/** Ids that are shown. */
const SHOWN = 5;

export function makePlan({ source, importer, dumps, counts, now }: PlanRequest): Plan {
  const load = loadOf(dumps, counts.read, counts);
  const projects = planProjects(dumps, counts.read, counts.projects, { source, importer });
  const together = (one: Api) => planTogether(one, projects, importer.uploaders);
  const apis = { batch: together('batch'), 'http-v2': together('http-v2') };
  const api = apis[source.api];
  const hasRejects = counts.unusable + counts.refused > 0;
  return {
    source: source.name,
    api: source.api,
    path: describePath(source),
    dumps,
    figures: {
      records: recordsFigure(load, counts),
      ...eventFigures(counts, counts.read, load),
      propertyUpdates: scaled(counts.propertyUpdates, 'events that change user properties', counts.read, load),
    },
    firstTime: counts.firstTime,
    lastTime: counts.lastTime,
    hottestDevices: load.hottestDevices.slice(0, SHOWN),
    hottestUsers: load.hottestUsers.slice(0, SHOWN),
    reasons: counts.reasons,
    apis,
    ...(projects.length > 1 && { projects: projects.map((project) => projectFigures(project, counts.read)) }),
    time: planEngines(load, api, source),
    cost: planCost(load, { api, segmentRecords: importer.segmentRecords, uploads: importer.uploads, hasRejects }),
    advice: adviseApi(apis.batch, apis['http-v2'], counts.firstTime, now),
    dangers: findDangers(dumps, counts, load, { projects, api: source.api }),
    isWhole: load.isWhole,
  };
}

/** What makes events of the source's records. */
export function describePath(source: Source): string {
  const { preset, convert, map, filter, enrich = [], route } = source;
  const steps = `${enrich.length} enrich step${enrich.length === 1 ? '' : 's'}`;
  const by = [
    ...(preset ? [`the preset ${preset.name}`] : []),
    ...(convert ? ['a converter file'] : []),
    ...(map ? ['map'] : []),
    ...(enrich.length > 0 ? [steps] : []),
  ];
  const to = route ? `, routed by ${describeBy(route.by)}` : '';
  const asItStands = 'pass-through: records are sent as they stand';
  switch (recordPathOf(source)) {
    case 'text':
      return `${asItStands}${enrich.length > 0 ? `, with what ${steps} put into their text` : ''}${to}`;
    case 'parsed':
      return `${asItStands}, and are parsed for the ${filter ? 'filter' : 'route'}${to}`;
    case 'made':
      return `mapped by ${by.join(', ')}${to}`;
  }
}

function projectFigures({ load, counts, ...project }: ProjectPlan, read: number): ProjectFigures {
  return {
    ...project,
    figures: eventFigures(counts, read, load),
    hottestDevices: load.hottestDevices.slice(0, SHOWN),
    hottestUsers: load.hottestUsers.slice(0, SHOWN),
  };
}

function eventFigures(counts: EventCounts, read: number, load: Load): ProjectFigures['figures'] {
  const { isWhole, scale } = load;
  return {
    events: scaled(counts.events, 'events', read, load),
    volume: {
      ...scaled(counts.events - counts.uncounted, 'events', read, load),
      arithmetic: `${n(counts.events)} events − ${n(counts.uncounted)} $identify and $groupidentify${isWhole ? '' : ` × ${n(scale)}`}, each sent once: the same insert_id within 7 days counts once`,
    },
    devices: distinctFigure(counts.devices, 'devices', read, load),
    users: distinctFigure(counts.users, 'users', read, load),
    bytesPerEvent: {
      value: load.bytesPerEvent,
      unit: 'bytes',
      isEstimate: !isWhole,
      arithmetic: `${n(counts.bytes)} bytes of JSON / ${n(counts.events)} events; compressed ${n(load.deflated)} of that`,
    },
  };
}

/** So many events of `read` records, taken for all. */
function scaled(count: number, what: string, read: number, { isWhole, scale, records }: Load): Figure {
  return {
    value: Math.round(count * scale),
    unit: 'events',
    isEstimate: !isWhole,
    arithmetic: isWhole
      ? `${n(count)} ${what}, counted`
      : `${n(count)} ${what} in the ${n(read)} records looked at × ${n(records)} / ${n(read)}`,
  };
}

function recordsFigure({ records, isWhole }: Load, { read }: Counts): Figure {
  return {
    value: records,
    unit: 'records',
    isEstimate: !isWhole,
    arithmetic: isWhole ? `${n(records)}, counted` : `the sum over the dumps; ${n(read)} of them were looked at`,
  };
}

/** Nothing can be said of those that come later in a dump than the sample. */
function distinctFigure(
  { count, isExact }: DistinctCount,
  unit: 'devices' | 'users',
  read: number,
  { isWhole }: Load,
): Figure {
  const how = isExact ? 'counted one by one' : `HyperLogLog, standard error ${(100 * STANDARD_ERROR).toFixed(1)} %`;
  const where = isWhole ? '' : `; of the ${n(read)} records looked at, so at least so many`;
  return { value: count, unit, isEstimate: !isExact || !isWhole, arithmetic: `${n(count)}, ${how}${where}` };
}

/** How the records of a dump are known. */
export function describeRecords({ records, recordsFrom, passed, bytes }: ScannedDump): string {
  if (recordsFrom === 'counted' || !passed) return `${n(records)}, counted`;
  return `${n(passed.records)} records in ${n(passed.bytes)} bytes × ${n(bytes)} bytes`;
}
