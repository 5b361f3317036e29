/** Times in every form that a map may name. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readTime, type TimeForm } from '../../../lambdas/chunker/read-time.ts';
import { runs } from '../../runs.ts';

test.each<[unknown, TimeForm, string]>([
  [1_331_923_247, { unit: 's' }, '2012-03-16T18:40:47.000Z'],
  ['1331923247', { unit: 's' }, '2012-03-16T18:40:47.000Z'],
  [1_700_000_000.123, { unit: 's' }, '2023-11-14T22:13:20.123Z'],
  ['1700000000.1239', { unit: 's' }, '2023-11-14T22:13:20.123Z'],
  [-1.5, { unit: 's' }, '1969-12-31T23:59:58.500Z'],
  [1_700_000_000_123, { unit: 'ms' }, '2023-11-14T22:13:20.123Z'],
  ['1700000000123456', { unit: 'us' }, '2023-11-14T22:13:20.123Z'],
  [1_700_000_000_123_456_789n, { unit: 'ns' }, '2023-11-14T22:13:20.123Z'],
  ['-1', { unit: 'us' }, '1969-12-31T23:59:59.999Z'],
  ['2026-11-20T08:30:00Z', {}, '2026-11-20T08:30:00.000Z'],
  ['2026-11-20 08:30:00.123456 UTC', {}, '2026-11-20T08:30:00.123Z'],
  ['2026-11-20t08:30:00,5z', {}, '2026-11-20T08:30:00.500Z'],
  ['2026-11-20T08:30+05:30', {}, '2026-11-20T03:00:00.000Z'],
  ['2026-11-20T08:30:00-0800', {}, '2026-11-20T16:30:00.000Z'],
  ['2026-11-20T08:30:00+02', {}, '2026-11-20T06:30:00.000Z'],
  ['2026-11-20', { zone: 'UTC' }, '2026-11-20T00:00:00.000Z'],
  ['2026-11-20', { zone: 'Asia/Kathmandu' }, '2026-11-19T18:15:00.000Z'],
  ['2026-11-20 08:30:00', { zone: 'America/New_York' }, '2026-11-20T13:30:00.000Z'],
  ['2026-07-20 08:30:00', { zone: 'America/New_York' }, '2026-07-20T12:30:00.000Z'],
  ['2026-07-20 08:30:00Z', { zone: 'America/New_York' }, '2026-07-20T08:30:00.000Z'],
  // 2026-03-29 02:00 to 03:00 does not exist in Berlin; 2026-10-25 02:00 to 03:00 is there twice.
  ['2026-03-29 01:59:59', { zone: 'Europe/Berlin' }, '2026-03-29T00:59:59.000Z'],
  ['2026-03-29 02:30:00', { zone: 'Europe/Berlin' }, '2026-03-29T01:30:00.000Z'],
  ['2026-03-29 03:00:00', { zone: 'Europe/Berlin' }, '2026-03-29T01:00:00.000Z'],
  ['2026-10-25 01:59:59', { zone: 'Europe/Berlin' }, '2026-10-24T23:59:59.000Z'],
  ['2026-10-25 02:30:00', { zone: 'Europe/Berlin' }, '2026-10-25T00:30:00.000Z'],
  ['2026-10-25 03:00:00', { zone: 'Europe/Berlin' }, '2026-10-25T02:00:00.000Z'],
  // Half an hour, in the southern summer.
  ['2026-01-20 08:00:00', { zone: 'Australia/Lord_Howe' }, '2026-01-19T21:00:00.000Z'],
  ['2026-07-20 08:00:00', { zone: 'Australia/Lord_Howe' }, '2026-07-19T21:30:00.000Z'],
  ['2024-02-29', { zone: 'UTC' }, '2024-02-29T00:00:00.000Z'],
])('%s with %j is %s', (value, form, iso) => {
  expect(new Date(readTime(value, form) as number).toISOString()).toBe(iso);
});

test.each<[unknown, TimeForm, RegExp]>([
  ['soon', {}, /such as 2026/],
  [1_700_000_000, {}, /for numbers say the unit/],
  ['2026-02-30', { zone: 'UTC' }, /that exist/],
  ['2026-13-01', { zone: 'UTC' }, /that exist/],
  ['2026-11-20T24:00:00Z', {}, /that exist/],
  ['2026-11-20T08:60:00Z', {}, /that exist/],
  ['2026-11-20 08:30:00', {}, /says its zone/],
  ['20.11.2026', { zone: 'UTC' }, /such as 2026/],
  ['2026-11-20T08:30:00Z', { unit: 's' }, /number of seconds/],
  [true, { unit: 's' }, /number of seconds/],
  [1_700_000_000_123, { unit: 's' }, /smaller unit/],
  [Number.NaN, { unit: 'ms' }, /number of milliseconds/],
])('%s with %j is no time', (value, form, expected) => {
  expect(readTime(value, form)).toMatch(expected);
});

test('what clocks anywhere show at a moment is read as that moment, unless they show it twice', () => {
  const zones = [
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Tokyo',
    'America/St_Johns',
    'Africa/Casablanca',
  ];
  const moments = fc.integer({ min: Date.UTC(1990, 0) / 1_000, max: Date.UTC(2037, 0) / 1_000 });
  fc.assert(
    fc.property(fc.constantFrom(...zones), moments, (zone, seconds) => {
      const wall = new Date(seconds * 1_000).toLocaleString('sv', { timeZone: zone });
      const read = readTime(wall, { zone });
      expect(new Date(read as number).toLocaleString('sv', { timeZone: zone })).toBe(wall);
      expect(read).toBeLessThanOrEqual(seconds * 1_000);
    }),
    { numRuns: runs(1_000) },
  );
});
