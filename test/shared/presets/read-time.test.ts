/** Which times of other tools can be read, and as what. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { epochOf, parseTime, sessionOf } from '../../../shared/presets/read-time.ts';

describe('a time as text', () => {
  test.each([
    ['2020-02-15 01:00:00.123456', '2020-02-15T01:00:00.123Z'],
    ['2020-02-15T01:00:00.999999', '2020-02-15T01:00:00.999Z'],
    ['2020-02-29 23:59:59', '2020-02-29T23:59:59.000Z'],
    ['2020-02-15T01:00:00Z', '2020-02-15T01:00:00.000Z'],
    ['2020-02-15 01:00:00.1 UTC', '2020-02-15T01:00:00.100Z'],
    ['2020-02-15T01:00:00+05:30', '2020-02-14T19:30:00.000Z'],
    ['2020-02-15T01:00:00.5-0800', '2020-02-15T09:00:00.500Z'],
    ['2020-02-15 01:00:00+00', '2020-02-15T01:00:00.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(new Date(parseTime(text) ?? Number.NaN).toISOString()).toBe(expected);
  });

  test.each([
    '',
    '2020-02-15',
    '2020-02-30 01:00:00',
    '2020-13-01 01:00:00',
    '2020-02-15 24:00:00',
    '15.02.2020 01:00:00',
    '1581728400',
    '2020-02-15T01:00',
    '2020-02-15T01:00:00 CET',
  ])('%o is none', (text) => {
    expect(parseTime(text)).toBeUndefined();
  });

  test('every time that JavaScript writes is read as it was', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1000-01-01T00:00:00Z'), max: new Date('9999-12-31T00:00:00Z'), noInvalidDate: true }),
        (date) => {
          expect(parseTime(date.toISOString())).toBe(date.getTime());
        },
      ),
    );
  });
});

test.each([
  [1_602_611_311, 's', 1_602_611_311_000],
  [1_602_611_311.123, 's', 1_602_611_311_123],
  ['1602611311', 's', 1_602_611_311_000],
  [1_602_611_311_123, 'ms', 1_602_611_311_123],
  ['1763625601123999', 'µs', 1_763_625_601_123],
  [1_763_625_601_123_456n, 'µs', 1_763_625_601_123],
  [-1.5, 's', -1_500],
] as const)('%o %s are %i ms', (value, unit, expected) => {
  expect(epochOf(value, 'time', unit)).toBe(expected);
});

test.each([undefined, null, '', 'soon', {}, [1], true, 1e300, '0x10'])('%o is no time', (value) => {
  expect(() => epochOf(value, 'time', 's')).toThrow(/^time is .+; expected a number of seconds since 1970$/);
});

test.each([
  [1_763_625_600, 1_763_625_600_000],
  ['1763625600000', 1_763_625_600_000],
  ['2026-11-20T08:00:00Z', Date.parse('2026-11-20T08:00:00Z')],
  [-1, undefined],
  ['0ad1-sid', undefined],
  [undefined, undefined],
])('the session %o began at %o', (id, expected) => {
  expect(sessionOf(id)).toBe(expected);
});
