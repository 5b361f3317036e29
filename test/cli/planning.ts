/** What a plan is made from, with everything that a test does not name filled in. */
import { makePlan, type Plan, type PlanRequest } from '../../cli/plan-figures.ts';
import type { ScannedDump } from '../../cli/plan-scan.ts';
import type { Counts } from '../../cli/plan-tally.ts';
import { defineImporter, type ImporterInput } from '../../shared/config.ts';

export const NOW = Date.UTC(2026, 10, 22);

/** Without `projects` all of it goes to one. */
export function countsOf(some: Partial<Counts>): Counts {
  const none = { count: 0, isExact: true };
  const { read = 0, events = read } = some;
  const counts = {
    read,
    filtered: 0,
    unusable: 0,
    mapped: read,
    events,
    refused: 0,
    reasons: {},
    bytes: 600 * events,
    deflated: 0.15,
    firstTime: NOW - 86_400_000,
    lastTime: NOW,
    timeless: 0,
    uncounted: 0,
    propertyUpdates: 0,
    devices: none,
    users: none,
    hottestDevices: [],
    hottestUsers: [],
    mostUpdated: [],
    losses: [],
    names: { 'event types': none, 'event properties': none, 'user properties': none },
    projects: [],
    ...some,
  };
  return { ...counts, projects: some.projects ?? [counts] };
}

export function dumpOf(counts: Counts, some: Partial<ScannedDump> = {}): ScannedDump {
  const { read, filtered, unusable, mapped, events, refused } = counts;
  return {
    read,
    filtered,
    unusable,
    mapped,
    events,
    refused,
    records: read,
    recordsFrom: 'counted',
    dump: '/day.ndjson.gz',
    bytes: 90_000_000,
    format: 'ndjson in gzip',
    lanes: 32,
    ...some,
  };
}

type Given = {
  readonly counts: Partial<Counts>;
  readonly dumps?: readonly Partial<ScannedDump>[];
  readonly source?: Partial<ImporterInput['sources'][number]>;
  readonly importer?: Partial<ImporterInput>;
};

export function planOf({ counts: some, dumps = [{}], source = {}, importer = {} }: Given): Plan {
  const counts = countsOf(some);
  const config = defineImporter({ sources: [{ name: 'events', project: { secret: 'x' }, ...source }], ...importer });
  const [only] = config.sources;
  if (!only) throw new Error('no source');
  const request: PlanRequest = {
    source: only,
    importer: config,
    dumps: dumps.map((dump) => dumpOf(counts, dump)),
    counts,
    now: NOW,
  };
  return makePlan(request);
}

export function hit(id: string, count: number) {
  return { id, atLeast: count, atMost: count };
}
