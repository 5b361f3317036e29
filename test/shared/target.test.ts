/** Where a source sends, by its project and its route. */
import { expect, test } from 'vitest';
import { defineImporter, type ImporterInput, type Source } from '../../shared/config.ts';
import { projectSecrets, targetOf, targetsOf } from '../../shared/target.ts';

function sourceWith(settings: Partial<ImporterInput['sources'][number]>): Source {
  const [source] = defineImporter({ sources: [{ name: 'a', ...settings }] }).sources;
  if (!source) throw new Error('expected a source');
  return source;
}

const routed = sourceWith({
  project: { secret: 'rest/key' },
  api: 'http-v2',
  projectEventsPerSecond: 1_000,
  route: {
    by: 'tenant',
    projects: {
      acme: { secret: 'acme/key', region: 'eu', projectEventsPerSecond: 50 },
      globex: { secret: 'globex/key' },
      'acme-uk': { secret: 'acme/key', region: 'eu' },
    },
    otherwise: 'project',
  },
});

test('each project has its key and region, and its own pace or that of the source', () => {
  const { api, minIdLength, caps, lane } = routed;
  const limits = { api, minIdLength, caps, lane };
  expect(targetsOf(routed)).toEqual([
    { ...limits, project: { secret: 'rest/key', region: 'us' }, projectEventsPerSecond: 1_000 },
    { ...limits, name: 'acme', project: { secret: 'acme/key', region: 'eu' }, projectEventsPerSecond: 50 },
    { ...limits, name: 'globex', project: { secret: 'globex/key', region: 'us' }, projectEventsPerSecond: 1_000 },
  ]);
  expect(projectSecrets([routed, routed])).toEqual(['rest/key', 'acme/key', 'globex/key']);
});

test('a name that the route does not have stands for no project, whatever objects have by nature', () => {
  const names = [undefined, 'acme-uk', 'initech', 'constructor', '__proto__'];
  const projects = names.map((name) => targetOf(routed, name)?.project.secret);
  expect(projects).toEqual(['rest/key', 'acme/key', undefined, undefined, undefined]);
});

test('without a route all goes to the project of the source', () => {
  const source = sourceWith({ project: { secret: 'key' } });
  expect(targetsOf(source)).toEqual([targetOf(source, undefined)]);
  expect(targetOf(source, 'acme')).toBeUndefined();
});
