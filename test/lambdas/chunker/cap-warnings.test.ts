/** What Amplitude takes without a word and does not keep as it was sent: a row for every cap it documents. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { capWarnings } from '../../../lambdas/chunker/cap-warnings.ts';
import { findFault } from '../../../lambdas/chunker/check-event.ts';
import { countProjectNames, PROJECT_CAPS } from '../../../lambdas/chunker/project-caps.ts';
import type { JsonObject } from '../../../shared/amplitude-event.ts';
import { rawJSON } from '../../../shared/exact-json.ts';

const PRESETS = join(import.meta.dirname, '..', '..', 'fixtures', 'presets');

const event = { event_type: 'visit', user_id: 'user-1', time: 1_700_000_000_000 };
const text = (length: number) => 'x'.repeat(length);
const named = (count: number, value: unknown = 'a') =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`name${i}`, value])) as JsonObject;
const nested = (levels: number, inmost: unknown): JsonObject =>
  (levels === 1 ? { in: inmost } : { in: nested(levels - 1, inmost) }) as JsonObject;

const LONG = 'string is longer than 1,024 characters';
const LONG_LIST = 'list of a user property is longer than 10,000 characters';
const UNKNOWN = 'field that Amplitude does not know';

test.each<[string, JsonObject, effect: string, kind: string, field: string]>([
  ['a long event_type', { event_type: text(1025) }, 'cut', LONG, 'event_type'],
  ['a long user_id', { user_id: text(1025) }, 'cut', LONG, 'user_id'],
  ['a long device_id', { device_id: text(1025) }, 'cut', LONG, 'device_id'],
  ['a long insert_id', { insert_id: text(1025) }, 'cut', LONG, 'insert_id'],
  ['a long city', { city: text(1025) }, 'cut', LONG, 'city'],
  ['a long event property', { event_properties: { url: text(5000) } }, 'cut', LONG, 'event_properties.url'],
  ['a long user property', { user_properties: { bio: text(1025) } }, 'cut', LONG, 'user_properties.bio'],
  ['a long string in a list', { event_properties: { a: ['b', text(1025)] } }, 'cut', LONG, 'event_properties.a.1'],
  [
    'a long string 40 levels down',
    { event_properties: nested(39, [text(1025)]) },
    'cut',
    LONG,
    `event_properties${'.in'.repeat(39)}.0`,
  ],
  ['a name with a dot', { event_properties: { 'a.b': text(1025) } }, 'cut', LONG, 'event_properties."a.b"'],
  ['a long group', { groups: { team: text(1025) } }, 'cut', LONG, 'groups.team'],
  [
    'a long list of a user',
    { user_properties: { seen: [text(1000), ...Array<string>(9).fill(text(1001))] } },
    'cut',
    LONG_LIST,
    'user_properties.seen',
  ],
  [
    'a long list to append',
    { event_type: '$identify', user_properties: { $append: { seen: Array<string>(11).fill(text(1000)) } } },
    'cut',
    LONG_LIST,
    'user_properties.$append.seen',
  ],
  ['6 group types', { groups: named(6) }, 'dropped', 'event has more than 5 group types', 'groups'],
  [
    '11 groups',
    { groups: { team: Array<string>(6).fill('a'), org: Array<string>(5).fill('b') } },
    'dropped',
    'event has more than 10 groups',
    'groups',
  ],
  [
    'group properties of an ordinary event',
    { group_properties: { plan: 'pro' } },
    'dropped',
    'group properties outside of a $groupidentify event',
    'group_properties',
  ],
  [
    'operations in an ordinary event',
    { user_properties: { $set: { a: 1 }, b: 1 } },
    'dropped',
    'user property operation outside of an $identify event',
    'user_properties.$set',
  ],
  [
    'operations beside plain properties',
    { event_type: '$identify', user_properties: { $set: { a: 1 }, b: 1 } },
    'dropped',
    'user property operations beside plain properties',
    'user_properties',
  ],
  [
    'revenue that is not price × quantity',
    { price: 2, quantity: 3, revenue: 7 },
    'dropped',
    'revenue is not price × quantity',
    'revenue',
  ],
  ['a product without revenue', { productId: 'p' }, 'dropped', 'productId without price or revenue', 'productId'],
  [
    'a kind of revenue without revenue',
    { revenueType: 'gift', quantity: 1 },
    'dropped',
    'revenueType without price or revenue',
    'revenueType',
  ],
  ['a field that is none', { referrer: 'https://example.org' }, 'dropped', UNKNOWN, 'referrer'],
  [
    'the time of upload, which belongs to a request',
    { client_upload_time: 1 },
    'dropped',
    UNKNOWN,
    'client_upload_time',
  ],
  [
    'an event that Amplitude makes itself',
    { event_type: '[Amplitude] Revenue' },
    'check',
    'event_type is reserved',
    'event_type',
  ],
  ['no time', { time: null }, 'check', 'time is missing', 'time'],
  ['seconds', { time: 1_700_000_000 }, 'check', 'time looks like seconds', 'time'],
  ['the address of the upload', { ip: '$remote' }, 'check', 'ip is $remote', 'ip'],
  ['a currency by name', { currency: 'euro' }, 'check', 'currency is no code', 'currency'],
])('%s', (_what, fields, effect, kind, field) => {
  const whole = { ...event, ...fields };
  expect(findFault(whole)).toBeUndefined();
  expect(capWarnings(whole)).toMatchObject([{ effect, kind, field }]);
});

test.each<[string, JsonObject]>([
  ['an event as it should be', {}],
  [
    'strings of exactly 1,024 characters',
    { user_id: text(1024), event_properties: { a: text(1024), b: [text(1024)] } },
  ],
  ['a list of exactly 10,000 characters', { user_properties: { seen: Array<string>(10).fill(text(1000)) } }],
  ['a list of an event, however long', { event_properties: { seen: Array<string>(50).fill(text(1000)) } }],
  ['5 group types with 10 groups', { groups: named(5, ['a', 'b']) }],
  [
    'group properties where they belong',
    { event_type: '$groupidentify', groups: { org: 'a' }, group_properties: { $set: { plan: 'pro' } } },
  ],
  ['empty group properties', { group_properties: {} }],
  [
    'operations where they belong',
    { event_type: '$identify', user_properties: { $set: { a: 1 }, $unset: { b: '-' } } },
  ],
  ['plain properties of an $identify event', { event_type: '$identify', user_properties: { a: 1 } }],
  [
    'price × quantity within rounding',
    { price: 0.1, quantity: 3, revenue: 0.3, productId: 'p', revenueType: 't', currency: 'EUR' },
  ],
  ['revenue alone, and a refund', { revenue: -5, productId: 'p' }],
  ['fields that only SDKs send', { receipt: 'a', receiptSig: 'b', library: 'c', plan: { branch: 'd' } }],
  ['fields that are null', { referrer: null, currency: null, ip: null, groups: null, user_properties: null }],
  ['a number beyond 1e308', { event_properties: { a: rawJSON('1e400') as unknown as JsonObject } }],
  ['before 1973, a birthday', { time: -1 }],
])('nothing is said of %s', (_what, fields) => {
  expect(capWarnings({ ...event, ...fields })).toEqual([]);
});

test.each(globSync('*.expected', { cwd: PRESETS }))('nothing is said of the events that presets make: %s', (file) => {
  const outcomes = readFileSync(join(PRESETS, file), 'utf8').trim().split('\n');
  const events = outcomes.flatMap((line) => {
    const outcome = JSON.parse(line) as unknown;
    return Array.isArray(outcome) ? (outcome as JsonObject[]) : [];
  });
  expect(events.length).toBeGreaterThan(0);
  expect(events.flatMap((one) => capWarnings(one))).toEqual([]);
});

test('a field that Amplitude does not know may be of any depth', () => {
  const fields = JSON.parse(`{"mine":${'['.repeat(50_000)}${']'.repeat(50_000)}}`) as JsonObject;
  expect(capWarnings({ ...event, ...fields })).toMatchObject([{ field: 'mine' }]);
});

test('everything that is wrong with an event is said, and nothing of what stands in its properties', () => {
  const secret = 'secret'.repeat(300);
  const properties = { a: secret, b: { c: secret } };
  const found = capWarnings({ ...event, mine: secret, event_properties: properties, groups: named(11) });
  const fields = ['mine', 'event_properties.a', 'event_properties.b.c', 'groups', 'groups'];
  expect(found.map(({ field }) => field)).toEqual(fields);
  expect(JSON.stringify(found)).not.toContain('secret');
});

test.each([
  ['event types', (i: number) => ({ event_type: `type ${i}` }), 2_000],
  ['event properties', (i: number) => ({ event_properties: { [`p${i}`]: 1 } }), 2_000],
  ['user properties', (i: number) => ({ user_properties: { [`p${i}`]: 1 } }), 1_000],
  ['user properties', (i: number) => ({ event_type: '$identify', user_properties: { $set: { [`p${i}`]: 1 } } }), 1_000],
] as const)('a project has room for so many %s', (what, fields, most) => {
  const names = countProjectNames();
  for (let i = 0; i < most; i += 1) names.add({ ...event, ...fields(i) });
  expect(PROJECT_CAPS[what]).toBe(most);
  expect(names.exceeded()).toEqual([]);
  names.add({ ...event, ...fields(most - 1) });
  expect(names.exceeded()).toEqual([]);
  names.add({ ...event, ...fields(most), event_type: what === 'event types' ? 'one more' : '$identify' });
  expect(names.exceeded()).toEqual([what]);
});
