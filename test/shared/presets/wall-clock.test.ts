/** Which instant it was when a clock on the wall showed a time. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { openWallClock } from '../../../shared/presets/wall-clock.ts';
import { isTimeZone } from '../../../shared/zone-offset.ts';
import { runs } from '../../runs.ts';

const wall = (text: string) => Date.parse(`${text}Z`);

test.each([
  ['America/Los_Angeles', '2022-07-01T12:00', '2022-07-01T19:00Z'],
  ['America/Los_Angeles', '2022-01-01T12:00', '2022-01-01T20:00Z'],
  ['Europe/Berlin', '2026-03-29T01:59:59.999', '2026-03-29T00:59:59.999Z'],
  ['Europe/Berlin', '2026-03-29T03:00', '2026-03-29T01:00Z'],
  ['Asia/Kolkata', '2026-01-01T05:30', '2026-01-01T00:00Z'],
  ['Australia/Lord_Howe', '2026-10-04T02:30', '2026-10-03T15:30Z'],
  ['Asia/Kathmandu', '2026-01-01T05:45', '2026-01-01T00:00Z'],
  ['UTC', '2026-01-01T00:00', '2026-01-01T00:00Z'],
])('in %s the clock showed %s at %s', (zone, shown, utc) => {
  expect(new Date(openWallClock(zone)(wall(shown))).toISOString()).toBe(new Date(utc).toISOString());
});

test.each([
  ['nothing is known', undefined, '2022-11-06T08:30Z'],
  ['it was known before the second', '2022-11-06T08:30:02Z', '2022-11-06T08:30Z'],
  ['it was known after the second', '2022-11-06T09:30:02Z', '2022-11-06T09:30Z'],
])('an hour that the clock showed twice: %s', (_what, knownBy, utc) => {
  const toUtc = openWallClock('America/Los_Angeles');
  const known = knownBy === undefined ? undefined : Date.parse(knownBy);
  expect(toUtc(wall('2022-11-06T01:30'), known)).toBe(Date.parse(utc));
});

test('an hour that the clock left out is read by the offset before the change', () => {
  expect(openWallClock('America/Los_Angeles')(wall('2022-03-13T02:30'))).toBe(Date.parse('2022-03-13T10:30Z'));
});

test('every instant is found again from what the clock showed, when it was known at once', () => {
  const zones = [
    'America/Los_Angeles',
    'Europe/Berlin',
    'Australia/Lord_Howe',
    'America/St_Johns',
    'Africa/Casablanca',
  ];
  const clocks = new Map(zones.map((zone) => [zone, openWallClock(zone)]));
  const days = fc.integer({ min: Date.UTC(2005, 0) / 1000, max: Date.UTC(2027, 0) / 1000 });
  fc.assert(
    fc.property(fc.constantFrom(...zones), days, (zone, second) => {
      expect(clocks.get(zone)?.(shownAt(zone, second * 1000), second * 1000)).toBe(second * 1000);
    }),
    { numRuns: runs(3_000) },
  );
});

test('a time zone is known by its IANA name', () => {
  expect(['Europe/Berlin', 'UTC', 'Mars/Olympus', ''].map(isTimeZone)).toEqual([true, true, false, false]);
});

/** What the zone's clock showed, as if it were UTC, ms. */
function shownAt(timeZone: string, utcMs: number): number {
  const text = new Date(utcMs).toLocaleString('sv-SE', { timeZone });
  return Date.parse(`${text.replace(' ', 'T')}Z`);
}
