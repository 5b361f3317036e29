/** To which project an event goes, and what becomes of one that goes to none. */
import { describe, expect, test } from 'vitest';
import { mergeIdentifies } from '../../../lambdas/chunker/merge-identifies.ts';
import { bytesOfText } from '../../../lambdas/chunker/spliced-text.ts';
import type { ImporterInput } from '../../../shared/config.ts';
import { eventsOf, make, textsOf, transform, visit } from './making.ts';
import type { SourceChanges } from './fixtures.ts';

type RouteInput = NonNullable<ImporterInput['sources'][number]['route']>;
type Made = Awaited<ReturnType<typeof transform>>[number];

const EVENT = visit();
const PROJECTS = {
  acme: { secret: 'acme/key', region: 'us' },
  '17': { secret: 'seventeen/key', region: 'eu' },
  'acme-uk': { secret: 'acme/key', region: 'us' },
} as const;

function routed(by: RouteInput['by'], otherwise: 'reject' | 'filter' | 'project' = 'reject'): SourceChanges {
  const own = otherwise === 'project' ? { secret: 'own/key', region: 'us' as const } : undefined;
  return { project: own, route: { by, projects: PROJECTS, otherwise } } as SourceChanges;
}

const ofTenant = (tenant: unknown) => visit({ event_properties: { tenant } });
/** In the order of the source's: of an object the numbers come first. */
const TARGETS = ['17', 'acme'];
/** Which project each event of a record goes to. */
const projectsOf = (made: Made | undefined, targets = TARGETS) =>
  made?.kind === 'events' ? made.events.map(({ project = 0 }) => targets[project]) : made?.kind;

describe('an event goes to the project that is named', () => {
  test.each<[string, RouteInput['by'], object, string]>([
    ['by a path in it', 'event_properties.tenant', ofTenant('acme'), 'acme'],
    ['by a number', 'event_properties.tenant', ofTenant(17), '17'],
    ['by another name of the same project', 'event_properties.tenant', ofTenant('acme-uk'), 'acme'],
    ['by the first of several paths that is there', ['a.b', 'event_properties.tenant'], ofTenant('17'), '17'],
    ['by a function', ({ user_id: user }) => (user === 'user-1' ? '17' : 'acme'), visit(), '17'],
  ])('%s', async (_, by, event, project) => {
    const [asItStands] = await transform(routed(by), event);
    expect(projectsOf(asItStands)).toEqual([project]);
    const [mapped] = await transform({ ...routed(by), map: (record) => record as typeof EVENT }, event);
    expect(projectsOf(mapped)).toEqual([project]);
  });

  test('by a path in its record, and by what a step has put into it', async () => {
    const map = ({ user }: { readonly user?: string }) => visit({ user_id: user });
    const inRecord = { ...routed('$record.site.tenant'), map } as SourceChanges;
    expect(projectsOf((await transform(inRecord, { user: 'user-1', site: { tenant: '17' } }))[0])).toEqual(['17']);
    const enrich = [{ set: { event_properties: { fields: { tenant: { value: '17' } } } } }];
    expect(projectsOf((await transform({ ...routed('event_properties.tenant'), enrich }, visit()))[0])).toEqual(['17']);
  });

  test('each of the events of a record for itself', async () => {
    const map = () => ['acme', '17', 'acme'].map(ofTenant);
    expect(projectsOf((await transform({ ...routed('event_properties.tenant'), map }, {}))[0])).toEqual([
      'acme',
      '17',
      'acme',
    ]);
  });

  test('with the $identify event that is split off from it, also after steps that make a new event of it', async () => {
    const each = (event: object) => ({ ...event, language: 'de' }) as unknown as typeof EVENT;
    const batch = async (events: readonly object[]) => events.map((event) => ({ ...event }) as typeof EVENT);
    const enrich = [
      { identify: {} },
      each,
      { batch },
      { set: { event_properties: { fields: { tenant: { value: '17' } } } } },
    ];
    const source = { ...routed('$record.tenant'), enrich };
    const event = { ...visit({ user_properties: { $set: { plan: 'a' } } }), tenant: '17' };
    const [made] = await transform(source, event);
    expect(made && eventsOf(made).map(({ event_type: type }) => type)).toEqual(['$identify', 'visit']);
    expect(projectsOf(made)).toEqual(['17', '17']);
    const inEvent = { ...source, ...routed('event_properties.only_here') };
    const only = { ...visit({ user_properties: { $set: { plan: 'a' } } }), event_properties: { only_here: '17' } };
    expect(projectsOf((await transform(inEvent, only))[0])).toEqual(['17', '17']);
  });
});

describe('an event that names no project', () => {
  const by = 'event_properties.tenant';

  test.each<[string, RouteInput['by'], unknown, string, string]>([
    [
      'of a name that nobody knows',
      by,
      'initech',
      `route: ${by} names no project`,
      'found "initech", expected one of "17", "acme", "acme-uk"',
    ],
    [
      'of a name that every object has',
      by,
      'constructor',
      `route: ${by} names no project`,
      'found "constructor", expected one of',
    ],
    ['that is no name', by, { a: 1 }, `route: ${by} names no project`, 'found a value of type object, expected one of'],
    ['without a name', by, null, `route: ${by} is missing`, 'expected one of "17", "acme", "acme-uk"'],
    ['empty', by, '', `route: ${by} names no project`, 'found "", expected one of'],
    ['at none of several paths', ['a', '$record.b'], 'acme', 'route: a or $record.b is missing', 'expected one of'],
    ['by a function', () => undefined, 'acme', 'route: what route.by returns is missing', 'expected one of'],
    ['as its function throws', () => JSON.parse('{') as string, 'acme', 'route.by threw SyntaxError', 'JSON'],
    [
      'as its function is async',
      (async () => 'acme') as never,
      'acme',
      'route: what route.by returns names no project',
      'found a value of type object',
    ],
  ])('is rejected %s, with what was found and what was expected', async (_, path, tenant, reason, detail) => {
    const made = [
      ...(await transform(routed(path), ofTenant(tenant))),
      ...(await transform({ ...routed(path), map: () => ofTenant(tenant) }, {})),
    ];
    const fault = { kind: 'unusable', reason, detail: expect.stringContaining(detail) as string };
    expect(made).toEqual([fault, fault]);
  });

  test('is left out, or goes to the source’s own project, where the route says so', async () => {
    expect((await transform(routed(by, 'filter'), visit())).map(({ kind }) => kind)).toEqual(['filtered']);
    expect(projectsOf((await transform(routed(by, 'project'), ofTenant('initech')))[0], ['own', ...TARGETS])).toEqual([
      'own',
    ]);
    expect(projectsOf((await transform(routed(by, 'project'), ofTenant('acme')))[0], ['own', ...TARGETS])).toEqual([
      'acme',
    ]);
  });

  test('costs no other event of its record', async () => {
    const map = () => [ofTenant('acme'), ofTenant('initech')];
    const [rejecting] = await transform({ ...routed(by), map }, {});
    expect(projectsOf(rejecting)).toEqual(['acme']);
    expect(rejecting).toMatchObject({ refused: [{ reason: `route: ${by} names no project` }] });
    // By its insert_id it is found again when the rejects are run again.
    expect(rejecting?.kind === 'events' && JSON.parse(rejecting.refused[0]?.text ?? '')).toHaveProperty('insert_id');
    const [filtering] = await transform({ ...routed(by, 'filter'), map }, {});
    expect(filtering).toMatchObject({ kind: 'events', refused: [] });
    expect(projectsOf(filtering)).toEqual(['acme']);
  });
});

test('a routed event is sent as it stood, to the byte', () => {
  const text =
    '{"insert_id":"i", "event_type":"a","user_id":"user-1","event_properties":{"n":12345678901234567890,"tenant":"17"}}';
  expect(textsOf(make(text, routed('event_properties.tenant')))).toEqual([text]);
});

test('$identify events of one user in two projects are not made one', async () => {
  const identify = (tenant: string) => ({
    ...visit({ event_type: '$identify', user_properties: { $set: { a: 1 } } }),
    tenant,
  });
  const source = { ...routed('$record.tenant'), enrich: [{ identify: {} }, { drop: ['tenant'] }] };
  const held: [string, number][] = [];
  const merging = mergeIdentifies((event) => {
    const { insert_id: id } = JSON.parse(bytesOfText(event).toString()) as { insert_id: string };
    held.push([id.slice(0, 3), event.project ?? 0]);
  }, 10_000);
  for (const [i, made] of (await transform(source, ...['acme', '17', 'acme', '17'].map(identify))).entries()) {
    for (const event of made.kind === 'events' ? made.events : []) merging.add(event, i);
  }
  merging.releaseAll();
  expect(held.map(([, project]) => project)).toEqual([1, 0]);
});
