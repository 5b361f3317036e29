/** Where the events of a source go: to its project, or to those of its route. */
import type { Project, Source } from './config.ts';
import type { Route } from './route-settings.ts';

/** What holds for all projects of a source, but where a route gives one a pace of its own. */
type Limits = Pick<Source, 'api' | 'minIdLength' | 'projectEventsPerSecond' | 'caps' | 'lane'>;

/** A project that events of a source go to, and what holds there. */
export type Target = Limits & {
  /** In the source's route; left out for the source's own project. */
  readonly name?: string;
  readonly project: Project;
};

/** What of a source says where its events go. */
export type Destination = Limits &
  Pick<Source, 'project'> & { readonly route?: Pick<Route, 'projects' | 'otherwise'> | undefined };

/** In the order of the configuration, the source's own project first; each project once, under its first name. */
export function targetsOf(source: Destination): readonly Target[] {
  const own = source.route === undefined || source.route.otherwise === 'project' ? [undefined] : [];
  const names = [...own, ...Object.keys(source.route?.projects ?? {})];
  const targets = new Map<string, Target>();
  for (const name of names) {
    const target = targetOf(source, name);
    if (target && !targets.has(projectId(target.project))) targets.set(projectId(target.project), target);
  }
  return [...targets.values()];
}

/** `name` is that of a project in the source's route, or undefined for its own; undefined when there is none such. */
export function targetOf(source: Destination, name: string | undefined): Target | undefined {
  const { api, minIdLength, projectEventsPerSecond, caps, lane, project, route } = source;
  const limits = { api, minIdLength, projectEventsPerSecond, caps, lane };
  if (name === undefined) return project && { ...limits, project };
  const routed = route && Object.hasOwn(route.projects, name) ? route.projects[name] : undefined;
  if (!routed) return undefined;
  const { secret, region, projectEventsPerSecond: pace = projectEventsPerSecond } = routed;
  return { ...limits, name, project: { secret, region }, projectEventsPerSecond: pace };
}

/** The same for two names of one project. */
export function projectId({ region, secret }: Project): string {
  return `${region} ${secret}`;
}

/** The secrets with the API keys of all projects, each once. */
export function projectSecrets(sources: readonly Source[]): readonly string[] {
  return [...new Set(sources.flatMap((source) => targetsOf(source).map(({ project }) => project.secret)))];
}
