/** How long an import to several projects takes: they share the uploaders, and all have arrived when the slowest has. */
import type { Api } from '../shared/amplitude-limits.ts';
import type { Importer, Project } from '../shared/config.ts';
import { type Destination, type Target, targetsOf } from '../shared/target.ts';
import { count, type Figure, n } from './figure.ts';
import type { ChunkPlan } from './plan-chunks.ts';
import type { EventCounts } from './plan-event-counts.ts';
import { type Load, loadOf } from './plan-load.ts';
import type { ScannedDump } from './plan-scan.ts';
import { type ApiPlan, type Bound, longest, planApi, uploadTime } from './plan-times.ts';
import { targetName } from './target-name.ts';

/** What goes to one of the projects, and how long that alone would take. */
export type ProjectPlan = {
  readonly name: string;
  readonly region: Project['region'];
  readonly projectEventsPerSecond: number | undefined;
  readonly load: Load;
  readonly counts: EventCounts;
  readonly apis: Readonly<Record<Api, ApiPlan>>;
};

export type ProjectRules = {
  readonly source: Destination;
  readonly importer: Pick<Importer, 'lanes' | 'uploaders' | 'segmentRecords'>;
};

/** `counts` is of each project, in the order of `targetsOf`; of what was made of `read` records. */
export function planProjects(
  dumps: readonly ScannedDump[],
  read: number,
  counts: readonly EventCounts[],
  { source, importer }: ProjectRules,
): readonly ProjectPlan[] {
  const targets: readonly Target[] = targetsOf(source);
  return counts.flatMap((own, i) => {
    const target = targets[i];
    if (!target) return [];
    const { project, projectEventsPerSecond } = target;
    const load = loadOf(dumps, read, own);
    const rules = { source, importer, cap: projectEventsPerSecond };
    const apis = { batch: planApi('batch', load, rules), 'http-v2': planApi('http-v2', load, rules) };
    return [{ name: targetName(target), region: project.region, projectEventsPerSecond, load, counts: own, apis }];
  });
}

/** Of all projects together, which is that of the project where there is one. */
export function planTogether(api: Api, projects: readonly ProjectPlan[], uploaders: number): ApiPlan {
  const [first, ...others] = projects;
  if (!first) throw new Error('a source has a project');
  if (others.length === 0) return first.apis[api];
  const chunks = sumChunks(projects.map(({ name, apis }) => ({ name, chunks: apis[api].chunks })));
  const slowest = Object.fromEntries(
    (['device', 'user', 'project'] as const).flatMap((bound) => {
      const longestOf = slowestBy(bound, api, projects);
      return longestOf ? [[bound, longestOf]] : [];
    }),
  ) as Partial<Record<Bound, Slowest>>;
  const bounds: ApiPlan['bounds'] = {
    uploads: uploadTime(chunks, uploaders),
    ...Object.fromEntries(Object.entries(slowest).map(([bound, { figure }]) => [bound, figure])),
  };
  const [bound, time] = longest(bounds);
  const name = slowest[bound]?.name;
  return { api, chunks, bounds, bound, time, ...(name !== undefined && { slowest: name }) };
}

type Slowest = { readonly name: string; readonly figure: Figure };

/** The project that waits longest for it. */
function slowestBy(bound: Bound, api: Api, projects: readonly ProjectPlan[]): Slowest | undefined {
  const waits = projects.flatMap(({ name, apis }) => {
    const figure = apis[api].bounds[bound];
    return figure ? [{ name, figure }] : [];
  });
  const most = waits.reduce<Slowest | undefined>(
    (best, one) => (best && best.figure.value >= one.figure.value ? best : one),
    undefined,
  );
  if (!most) return undefined;
  const { name, figure } = most;
  return { name, figure: { ...figure, arithmetic: `the longest, of project ${name}: ${figure.arithmetic}` } };
}

function sumChunks(each: readonly { readonly name: string; readonly chunks: ChunkPlan }[]): ChunkPlan {
  const value = each.reduce((sum, { chunks }) => sum + chunks.chunks.value, 0);
  const lanes = each.reduce((sum, { chunks }) => sum + chunks.lanes, 0);
  const parts = each.map(({ name, chunks }) => `${n(chunks.chunks.value)} to ${name}`).join(' + ');
  return {
    perChunk: Math.min(...each.map(({ chunks }) => chunks.perChunk)),
    perId: Math.min(...each.map(({ chunks }) => chunks.perId)),
    lanes,
    chunks: { value, unit: 'chunks', isEstimate: true, arithmetic: `${parts}, in ${count(lanes, 'lane')} in all` },
  };
}
