/** Which events Amplitude will take. */
import { describe, expect, test } from 'vitest';
import { findFault } from '../../../lambdas/chunker/check-event.ts';

const user = { event_type: 'visit', user_id: 'user-1' };
const nested = (levels: number): object => (levels === 1 ? {} : { in: nested(levels - 1) });

describe('accepted', () => {
  test.each<[string, Record<string, unknown>]>([
    ['a user', user],
    ['a device', { event_type: 'visit', device_id: 'device-1' }],
    ['both', { ...user, device_id: 'device-1' }],
    [
      'null counts as left out',
      { ...user, device_id: null, time: null, event_properties: null, $skip_user_properties_sync: null },
    ],
    ['an id of exactly 5 characters', { event_type: 'visit', user_id: '12345' }],
    ['an id that only resembles one that stands for nobody', { event_type: 'visit', user_id: 'anonymous1' }],
    [
      'a field that Amplitude does not know, of any kind',
      { ...user, my_field: [1, { a: 2 }], receipt: 5, __proto__x: null },
    ],
    ['a time before 1970', { ...user, time: -1 }],
    ['no session', { ...user, session_id: -1 }],
    ['an integer beyond 2^53', { ...user, session_id: 12345678901234567890n, quantity: 2 ** 60 }],
    ['a time just before the year 2200', { ...user, time: Date.UTC(2200, 0) - 1 }],
    ['numbers', { ...user, price: 9.99, revenue: -5, quantity: 0, location_lat: 48.1, location_lng: -11 }],
    ['an empty insert_id', { ...user, insert_id: '' }],
    ['objects', { ...user, event_properties: { a: [1] }, user_properties: {}, groups: { team: ['a', 'b'] }, plan: {} }],
    ['40 levels', { ...user, event_properties: nested(40) }],
    ['any depth where Amplitude names none', { ...user, my_field: nested(50) }],
  ])('%s', (_what, event) => {
    expect(findFault(event)).toBeUndefined();
  });
});

describe('refused', () => {
  const strings = [
    'event_type',
    'user_id',
    'device_id',
    'insert_id',
    'app_version',
    'version_name',
    'platform',
    'ip',
    'idfa',
    'currency',
    'productId',
    'user_agent',
    'country',
    'language',
    'library',
  ];
  const objects = ['event_properties', 'user_properties', 'groups', 'group_properties', 'plan', 'ingestion_metadata'];

  test.each<[string, Record<string, unknown>, string]>([
    ['no event_type', { user_id: 'user-1' }, 'event_type is missing'],
    ['event_type null', { ...user, event_type: null }, 'event_type is missing'],
    ['an empty event_type', { ...user, event_type: '' }, 'event_type is missing'],
    ['nobody', { event_type: 'visit' }, 'user_id and device_id are both missing'],
    [
      'nobody but null',
      { event_type: 'visit', user_id: null, device_id: null },
      'user_id and device_id are both missing',
    ],
    ['a short user_id', { event_type: 'visit', user_id: '1234' }, 'user_id is too short'],
    ['a short device_id beside a good user_id', { ...user, device_id: '1234' }, 'device_id is too short'],
    [
      'an empty user_id beside a good device_id',
      { event_type: 'visit', user_id: '', device_id: 'device-1' },
      'user_id stands for nobody',
    ],
    ['a time as text', { ...user, time: '2026-03-01T00:00:00Z' }, 'time is not a whole number'],
    ['a time with a fraction', { ...user, time: 1.5 }, 'time is not a whole number'],
    ['an infinite time (1e400)', { ...user, time: Number.POSITIVE_INFINITY }, 'time is not a whole number'],
    ['a time in microseconds', { ...user, time: 1_795_168_800_000_000 }, 'time is no date'],
    ['a time beyond 2^53', { ...user, time: 12345678901234567890n }, 'time is no date'],
    ['a time beyond all', { ...user, time: 1e300 }, 'time is no date'],
    ['a session as text', { ...user, session_id: '-1' }, 'session_id is not a whole number'],
    ['a price as text', { ...user, price: '9.99' }, 'price is not a number'],
    ['a latitude that is no number', { ...user, location_lat: Number.NaN }, 'location_lat is not a number'],
    [
      'a flag as text',
      { ...user, $skip_user_properties_sync: 'true' },
      '$skip_user_properties_sync is not true or false',
    ],
    ['41 levels', { ...user, event_properties: nested(41) }, 'event_properties is nested too deeply'],
    ['41 levels through lists', { ...user, groups: { a: [[nested(38)]] } }, 'groups is nested too deeply'],
    ...strings.map((field): [string, Record<string, unknown>, string] => [
      `${field} as a number`,
      { ...user, [field]: 12_345 },
      `${field} is not a string`,
    ]),
    ...objects.map((field): [string, Record<string, unknown>, string] => [
      `${field} as a list`,
      { ...user, [field]: [] },
      `${field} is not an object`,
    ]),
  ])('%s', (_what, event, reason) => {
    expect(findFault(event)).toMatchObject({ reason });
  });

  test.each([
    'anonymous',
    'nil',
    'none',
    'null',
    'n/a',
    'na',
    'undefined',
    'unknown',
    '',
    '00000000-0000-0000-0000-000000000000',
    '{}',
    'lmy47d',
    '0',
    '-1',
    'NULL',
    'Unknown',
    'LMY47D',
  ])('the id "%s", of a user and of a device', (id) => {
    expect(findFault({ ...user, user_id: id }, 1)).toMatchObject({ reason: 'user_id stands for nobody' });
    expect(findFault({ ...user, device_id: id }, 1)).toMatchObject({ reason: 'device_id stands for nobody' });
  });
});

test('how short an id may be can be set', () => {
  expect(findFault({ event_type: 'visit', user_id: '7' }, 1)).toBeUndefined();
  expect(findFault({ event_type: 'visit', user_id: '1234567' }, 8)).toEqual({
    reason: 'user_id is too short',
    detail: 'found "1234567", expected at least 8 characters',
  });
});

test.each<[unknown, string]>([
  ['x'.repeat(1_000_000), `found "${'x'.repeat(56)}…`],
  [123n, 'found 123'],
  [Number.POSITIVE_INFINITY, 'found Infinity'],
  [[1, 2], 'found an array'],
  [{ a: 1n }, 'found a value of type object'],
])('what was found is said briefly', (found, detail) => {
  expect(findFault({ ...user, $skip_user_properties_sync: found })).toMatchObject({ detail });
});

test.each<[Record<string, unknown>, string]>([
  [{ event: 'visit', uid: 'user-1', at: null }, 'found only "event", "uid", expected a name'],
  [{}, 'found no field, expected a name'],
  [{ event_type: 'visit', uid: 7 }, 'found only "event_type", "uid", expected at least one of them'],
  [
    Object.fromEntries(Array.from('abcdefghijkl', (name) => [name, 1])),
    'found only "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", 2 more, expected a name',
  ],
])('of what is missing it says what is there instead', (event, detail) => {
  expect(findFault(event)).toMatchObject({ detail });
});

test('nothing is so deep or so circular that it cannot be checked', () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
  for (const value of [circle, { deep }]) {
    expect(findFault({ ...user, event_properties: value })).toMatchObject({
      reason: 'event_properties is nested too deeply',
    });
    expect(findFault({ ...user, event_type: value })).toMatchObject({ reason: 'event_type is not a string' });
    expect(findFault({ ...user, my_field: value })).toBeUndefined();
  }
});
