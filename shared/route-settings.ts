/** Settings of where events go: a project, or a route to several. */
import * as z from 'zod';
import type { AmplitudeEvent } from './amplitude-event.ts';
import type { RecordPosition } from './config.ts';
import { pathSchema } from './field-map.ts';
import type { Path } from './path.ts';

/** A method, so that a route may name the shape of its own events. */
type Methods = {
  /** The name of the project that the event goes to. It must be a pure function, like a map. */
  by(event: AmplitudeEvent, at: RecordPosition): string | null | undefined;
};
export type RouteFunction = Methods['by'];

/** Each project of a dump has lanes of its own, and each lane a chunk that is being filled; 256 lanes fit in memory. */
export const MAX_PROJECTS = 256;

export const projectSchema = z.strictObject({
  /** Name or ARN of the Secrets Manager secret that holds the API key, as it is or as JSON `{"apiKey": "…"}`. */
  secret: z.string().min(1),
  /** Amplitude's data centre. */
  region: z.enum(['us', 'eu']).default('us'),
});

/** What a project may send over all uploaders, events/s (a Starter plan: 1,000); without it as much as it can. */
export const projectEventsPerSecond = z.int().min(10).max(1_000_000).optional();

const projectName = z.string().min(1).max(100);

export const routeSchema = z.strictObject({
  /** What names the project: a path in the event (with `$record.` in the record), the first of several that is present, or a function. */
  by: z.union(
    [pathSchema, z.array(pathSchema).min(1), z.custom<RouteFunction>((value) => typeof value === 'function')],
    'a path in the event, a list of paths, or a function from event to name',
  ),
  /** The projects by name. Several names may stand for one project. */
  projects: z.record(projectName, projectSchema.extend({ projectEventsPerSecond })),
  /** What becomes of an event that names none of them: rejected, left out, or sent to the source's own `project`. */
  otherwise: z.enum(['reject', 'filter', 'project']).default('reject'),
});

export type Route = z.output<typeof routeSchema>;
export type RouteBy = Path | readonly Path[] | RouteFunction;

type Routed = { readonly project?: unknown; readonly route?: Route | undefined };
type Problem = { readonly path: readonly string[]; readonly message: string };

/** What is wrong with a source's project and route together. */
export function checkRoute({ project, route }: Routed): Problem[] {
  if (!route) return project ? [] : [{ path: ['project'], message: "{ secret: '…' }, or a route to several projects" }];
  const problems: Problem[] = [];
  const names = Object.keys(route.projects);
  const different = new Set(Object.values(route.projects).map(({ secret, region }) => `${region} ${secret}`));
  if (names.length === 0) problems.push({ path: ['route', 'projects'], message: 'at least one project by its name' });
  if (different.size >= MAX_PROJECTS) {
    const message = `fewer than ${MAX_PROJECTS} different projects, but there are ${different.size}`;
    problems.push({ path: ['route', 'projects'], message });
  }
  if (route.otherwise === 'project' && !project) {
    problems.push({ path: ['project'], message: "{ secret: '…' }, as the route's otherwise says 'project'" });
  }
  if (route.otherwise !== 'project' && project) {
    problems.push({ path: ['project'], message: "none beside a route, unless its otherwise says 'project'" });
  }
  return problems;
}
