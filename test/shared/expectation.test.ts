/** When a daily file is due, on clocks that are put forward and back, and which dumps are it. */
import { describe, expect, test } from 'vitest';
import { dueAt, type Expectation, expectationSchema, isFileOf, lastDueDay } from '../../shared/expectation.ts';

function expected(by: string, zone: string, of: Expectation['of'] = 'day-before'): Expectation {
  return expectationSchema.parse({ every: 'day', by, zone, of });
}

function iso(moment: number): string {
  return new Date(moment).toISOString().replace(':00.000', '');
}

describe('the file of a day is due', () => {
  test.each([
    ['the next morning', '2026-11-20', expected('06:00', 'Europe/Berlin'), '2026-11-21T05:00Z'],
    ['an hour earlier in UTC in summer', '2026-07-20', expected('06:00', 'Europe/Berlin'), '2026-07-21T04:00Z'],
    ['on the day itself, if so said', '2026-11-20', expected('23:30', 'UTC', 'same-day'), '2026-11-20T23:30Z'],
    ['after midnight', '2026-11-20', expected('00:00', 'UTC'), '2026-11-21T00:00Z'],
    ['on the last day of February', '2026-02-27', expected('06:00', 'UTC'), '2026-02-28T06:00Z'],
    ['on a leap day', '2028-02-28', expected('06:00', 'UTC'), '2028-02-29T06:00Z'],
    ['after a leap day', '2028-02-29', expected('06:00', 'UTC'), '2028-03-01T06:00Z'],
    ['after the last day of the year', '2026-12-31', expected('06:00', 'Asia/Tokyo'), '2026-12-31T21:00Z'],
    ['on the day the clocks go forward', '2026-03-28', expected('06:00', 'Europe/Berlin'), '2026-03-29T04:00Z'],
    ['at a time that they leave out', '2026-03-28', expected('02:30', 'Europe/Berlin'), '2026-03-29T01:30Z'],
    ['on the day the clocks go back', '2026-10-24', expected('06:00', 'Europe/Berlin'), '2026-10-25T05:00Z'],
    ['at the second of a time shown twice', '2026-10-24', expected('02:30', 'Europe/Berlin'), '2026-10-25T01:30Z'],
    ['where midnight is left out', '2026-04-23', expected('00:00', 'Africa/Cairo'), '2026-04-23T22:00Z'],
    ['far in the east', '2026-11-20', expected('06:00', 'Pacific/Kiritimati'), '2026-11-20T16:00Z'],
    ['far in the west', '2026-11-20', expected('06:00', 'Pacific/Pago_Pago'), '2026-11-21T17:00Z'],
    ['on clocks of half hours', '2026-11-20', expected('06:00', 'Asia/Kolkata'), '2026-11-21T00:30Z'],
  ])('%s', (_, day, expectation, at) => {
    expect(iso(dueAt(expectation, day))).toBe(at);
  });
});

describe('the last file that is due', () => {
  const berlin = expected('06:00', 'Europe/Berlin');
  const late = expected('23:30', 'Europe/Berlin', 'same-day');
  test.each([
    ['before its time', berlin, '2026-11-21T04:59:59Z', '2026-11-19'],
    ['from its time on', berlin, '2026-11-21T05:00:00Z', '2026-11-20'],
    ['until the next one', berlin, '2026-11-22T04:59:59Z', '2026-11-20'],
    ['of the day itself, before its time', late, '2026-11-21T22:29:59Z', '2026-11-20'],
    ['of the day itself, from its time on', late, '2026-11-21T22:30:00Z', '2026-11-21'],
    ['after midnight there', late, '2026-11-21T23:10:00Z', '2026-11-21'],
    ['far in the east', expected('06:00', 'Pacific/Kiritimati'), '2026-11-20T16:00:00Z', '2026-11-20'],
    ['far in the west', expected('06:00', 'Pacific/Pago_Pago'), '2026-11-21T16:59:00Z', '2026-11-19'],
    ['on a day of 25 hours', berlin, '2026-10-25T05:00:00Z', '2026-10-24'],
  ])('%s', (_, expectation, now, day) => {
    expect(lastDueDay(expectation, Date.parse(now))).toBe(day);
  });
});

describe('a dump is the file of 2026-11-20', () => {
  const before = expected('06:00', 'Europe/Berlin');
  const same = expected('23:00', 'Europe/Berlin', 'same-day');
  test.each([
    ['by its name, whenever it came', before, 'web/2026-11-20.ndjson', '2026-11-25T03:00Z', true],
    ['not by another name', before, 'web/2026-11-21.ndjson', '2026-11-21T03:00Z', false],
    ['without one when it came the day after', before, 'web/events.ndjson', '2026-11-21T03:00Z', true],
    ['which there begins in the evening, in UTC', before, 'web/events.ndjson', '2026-11-20T23:00Z', true],
    ['and not on the day itself', before, 'web/events.ndjson', '2026-11-20T22:59Z', false],
    ['unless that is said', same, 'web/events.ndjson', '2026-11-20T22:59Z', true],
    ['by its name too', same, 'web/20261120.ndjson', '2026-11-20T22:59Z', true],
  ])('%s', (_, expectation, key, startedAt, is) => {
    expect(isFileOf(expectation, key, Date.parse(startedAt), '2026-11-20')).toBe(is);
  });
});

test.each([
  { every: 'day', by: '6:00', zone: 'UTC' },
  { every: 'day', by: '24:00', zone: 'UTC' },
  { every: 'day', by: '06:00', zone: 'Europe/Nowhere' },
  { every: 'week', by: '06:00', zone: 'UTC' },
  { every: 'day', by: '06:00' },
])('%j is refused', (input) => {
  expect(expectationSchema.safeParse(input).success).toBe(false);
});
