/** Lanes of a source that sends to several projects. */
import { expect, test } from 'vitest';
import {
  isOwnLane,
  laneRules,
  type LaneRules,
  openLanes,
  splitLane,
  startLanes,
} from '../../../lambdas/chunker/lanes.ts';
import { recordOf, sourceOf } from './fixtures.ts';

const RULES: LaneRules = {
  lanes: 8,
  uploaders: 8,
  dumpId: 'd',
  api: 'batch',
  eventsPerChunk: 10,
  projects: 3,
  isCapped: false,
};
const STATE = { count: 8, hot: [], ends: [] };
/** The largest hash of a device. */
const KEY = 2 ** 32 - 1;

test('a device has the same lane in each project, and each project lanes of its own', () => {
  const lanes = openLanes(RULES, STATE);
  const its = [0, 1, 2].map((project) => lanes.laneOf(KEY, project));
  expect(new Set(its).size).toBe(3);
  expect(its.map(splitLane)).toEqual([0, 1, 2].map((project) => ({ project, lane: lanes.laneOf(KEY) })));
});

test('a device that is hot in one project has a lane of its own there, and there alone, also after a checkpoint', () => {
  const lanes = openLanes(RULES, STATE);
  const own = lanes.promote(KEY, lanes.laneOf(KEY, 1)) ?? 0;
  for (const after of [lanes, openLanes(RULES, { ...STATE, hot: lanes.hot() })]) {
    expect(after.laneOf(KEY, 1)).toBe(own);
    expect([0, 2].map((project) => isOwnLane(after.laneOf(KEY, project)))).toEqual([false, false]);
  }
  expect(isOwnLane(own)).toBe(true);
  expect(splitLane(own)).toEqual({ project: 1, lane: 256 + KEY });
});

test.each([
  [1, 1_000, 32],
  [3, 1_000, 32],
  [50, 1_000, 4],
  [255, 1_000, 1],
  [2, 20, 2],
  [4, 20, 1],
])(
  '%i projects in a dump of %i chunks have %i lanes each, and never more than memory has room for',
  (projects, chunks, count) => {
    const records = [recordOf('x'.repeat(99))];
    const rules = { ...RULES, lanes: 32, projects };
    expect(startLanes(rules, chunks * 1_000, false, records).count).toBe(count);
  },
);

test.each([
  ['none', undefined, {}, false],
  ['all', 1_000, {}, true],
  ['one', undefined, { projectEventsPerSecond: 1_000 }, true],
] as const)(
  'where %s of the projects may send only so much, that holds for the lanes of all',
  (_, cap, acme, isCapped) => {
    const projects = {
      acme: { secret: 'acme', region: 'us', ...acme },
      globex: { secret: 'globex', region: 'eu' },
    } as const;
    const route = { by: 'tenant', projects, otherwise: 'reject' } as const;
    const source = sourceOf({ project: undefined, route, projectEventsPerSecond: cap });
    const rules = laneRules('d', source, { lanes: 32, uploaders: 8 });
    expect(rules).toMatchObject({ projects: 2, isCapped });
    expect(startLanes(rules, 0, false, []).count).toBe(isCapped ? 32 : 1);
  },
);

test('projects that may send only so much have fewer lanes each when memory has no room for all', () => {
  expect(startLanes({ ...RULES, lanes: 32, projects: 50, isCapped: true }, 0, false, []).count).toBe(4);
});
