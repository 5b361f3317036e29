/** Counts what became of the records that `try` looked at. */
import type { CapWarning } from '../lambdas/chunker/cap-warnings.ts';
import { chunkLimits } from '../shared/chunk-limits.ts';
import { mergeIdentifies } from '../lambdas/chunker/merge-identifies.ts';
import { type CappedNames, countProjectNames } from '../lambdas/chunker/project-caps.ts';
import type { Source } from '../shared/config.ts';
import type { Trial } from './try-dump.ts';

export type WarningCount = Pick<CapWarning, 'effect' | 'kind'> & { readonly count: number };

/** Of a project, where the source has a route. */
export type ExceededNames = { readonly project: string | undefined; readonly names: CappedNames };

export type TryTally = {
  /** Records: `read = filtered + unusable + mapped`. */
  readonly read: number;
  readonly filtered: number;
  readonly unusable: number;
  readonly mapped: number;
  /** Made of the records, before `$identify` events are merged; `refused` are beside them. */
  readonly events: number;
  readonly refused: number;
  /** So many would be sent, after `$identify` events of one user that follow each other were made one. */
  readonly sent: number;
  /** Project → how many of the events go there; empty where the source has no route. */
  readonly projects: Readonly<Record<string, number>>;
  /** Events beside those for which the route has no project, and which it therefore leaves out. */
  readonly leftOut: number;
  /** Reason → how many records or events were rejected for it. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly warnings: readonly WarningCount[];
  readonly exceeded: readonly ExceededNames[];
};

export function startTryTally(source: Source) {
  const counts = { read: 0, filtered: 0, unusable: 0, mapped: 0, events: 0, refused: 0, sent: 0, leftOut: 0 };
  const reasons = new Map<string, number>();
  const warnings = new Map<string, WarningCount>();
  const names = new Map<string | undefined, ReturnType<typeof countProjectNames>>();
  const projects = new Map<string, number>();
  const merging = mergeIdentifies(() => {
    counts.sent += 1;
  }, chunkLimits(source).chunkBytes);
  const reject = (reason: string) => reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  return {
    add({ record, made, events, refused }: Trial): void {
      counts.read += 1;
      counts[made.kind === 'events' ? 'mapped' : made.kind] += 1;
      if (made.kind === 'unusable') reject(made.reason);
      counts.events += events.length;
      counts.refused += refused.length;
      for (const { reason } of refused) reject(reason);
      if (made.kind !== 'unusable') counts.leftOut += made.leftOut ?? 0;
      if (made.kind === 'events') for (const event of made.events) merging.add(event, record.position);
      for (const tried of events) {
        const { project } = tried;
        if (project !== undefined) projects.set(project, (projects.get(project) ?? 0) + 1);
        const known = names.get(project) ?? countProjectNames();
        names.set(project, known);
        known.add(tried.event);
        for (const { effect, kind } of tried.warnings)
          warnings.set(kind, { effect, kind, count: (warnings.get(kind)?.count ?? 0) + 1 });
      }
    },
    result(): TryTally {
      merging.releaseAll();
      return {
        ...counts,
        reasons: Object.fromEntries(reasons),
        warnings: [...warnings.values()],
        projects: Object.fromEntries(projects),
        exceeded: [...names].flatMap(([project, known]) => known.exceeded().map((some) => ({ project, names: some }))),
      };
    },
  };
}

/** Whether something of what was looked at does not reach Amplitude though it should. */
export function losesData({ unusable, refused, warnings, exceeded }: TryTally): boolean {
  return unusable + refused + exceeded.length > 0 || warnings.some(({ effect }) => effect !== 'check');
}
