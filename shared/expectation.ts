/** The daily file that a source expects: by when it is due, which dumps are it, and which day's is due last. */
import * as z from 'zod';
import { addDays, type Day, dayAt, isOfDay } from './date-of-dump.ts';
import { isTimeZone, readOffset } from './zone-offset.ts';

export const expectationSchema = z.strictObject({
  every: z.enum(['day']),
  /** Complete by this time of day. */
  by: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as 06:00'),
  /** On whose clocks: an IANA name. */
  zone: z.string().refine(isTimeZone, 'a time zone such as Europe/Berlin'),
  /** Whose file it is: a day's file is mostly written when the day is over. */
  of: z.enum(['day-before', 'same-day']).default('day-before'),
});

export type Expectation = z.output<typeof expectationSchema>;

const DAY_MS = 86_400_000;

/**
 * When the file of that day is due, ms since epoch. A time that the clocks leave out is read by the offset before the
 * change, and one that they show twice is the second: nobody is called too early.
 */
export function dueAt({ by, zone, of }: Expectation, day: Day): number {
  const wall = Date.parse(`${addDays(day, of === 'day-before' ? 1 : 0)}T${by}Z`);
  const before = readOffset(wall - DAY_MS, zone);
  const after = readOffset(wall + DAY_MS, zone);
  const possible = [before, after].filter((offset) => readOffset(wall - offset, zone) === offset);
  return wall - Math.min(...(possible.length > 0 ? possible : [before]));
}

/** The last day whose file is due by now. */
export function lastDueDay(expectation: Expectation, now: number): Day {
  let day = addDays(dayAt(now, readOffset(now, expectation.zone)), 1);
  while (dueAt(expectation, day) > now) day = addDays(day, -1);
  return day;
}

/** Whether a dump is the file of that day: by the day in its name, or else by the day on which it was begun, on those clocks. */
export function isFileOf({ zone, of }: Expectation, key: string, startedAt: number, day: Day): boolean {
  const begun = dayAt(startedAt, readOffset(startedAt, zone));
  return isOfDay(key, startedAt, day, of === 'day-before' ? addDays(begun, -1) : begun);
}

/** As a person reads it. */
export function describeDue({ by, zone }: Expectation): string {
  return `expected by ${by} ${zone}`;
}
