/** Which day a dump is of. */
import { expect, test } from 'vitest';
import { addDays, isOfDay } from '../../shared/date-of-dump.ts';

const LATER = Date.parse('2026-11-21T03:00:00Z');

test.each([
  ['2026-11-20.ndjson', true],
  ['incoming/20261120.gz', true],
  ['incoming/2026/11/20/part-0001.csv', true],
  ['clicks_2026_11_20T03.json', true],
  ['export-2026112013.ndjson', true],
  ['export-20261120134455.ndjson', true],
  ['year=2026/month=11/day=20/part.parquet', true],
  ['dt=2026-11-20/part-00001.parquet', true],
  ['2026-11-21.ndjson', false],
  ['incoming/2026-11-02.ndjson', false],
  ['120261120.ndjson', false],
  ['2026-11-201.ndjson', false],
])('%s is of 2026-11-20: %s', (key, expected) => {
  expect(isOfDay(key, LATER, '2026-11-20')).toBe(expected);
});

test('a name without a day is of the day on which it was begun', () => {
  expect(isOfDay('events.ndjson', LATER, '2026-11-21')).toBe(true);
  expect(isOfDay('events.ndjson', LATER, '2026-11-20')).toBe(false);
  expect(isOfDay('build-1763683200.ndjson', LATER, '2026-11-21')).toBe(true);
});

test.each([
  ['2026-02-28', 1, '2026-03-01'],
  ['2028-02-28', 1, '2028-02-29'],
  ['2027-01-01', -1, '2026-12-31'],
])('%s and %i days are %s', (day, days, expected) => {
  expect(addDays(day, days)).toBe(expected);
});
