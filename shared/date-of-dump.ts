/** Which day a dump is of: the one in its name, or else the one on which it was begun. */

/** A day, as `2026-11-20`. */
export type Day = string;

const DAY_MS = 86_400_000;
/** What may follow: no further digit, or a time of day. */
const AFTER = String.raw`(?!\d)|(?=(?:\d\d){1,3}(?!\d))`;
const ANY_DAY = dayPattern(String.raw`(?:19|20)\d\d`, '(?:0[1-9]|1[0-2])', String.raw`(?:0[1-9]|[12]\d|3[01])`);

/** `2026-11-20`, `2026/11/20`, `20261120`, `2026_11_20T03`, `year=2026/month=11/day=20`. */
function dayPattern(year: string, month: string, day: string): RegExp {
  return new RegExp(String.raw`(?<!\d)${year}\D{0,7}${month}\D{0,5}${day}(?:${AFTER})`);
}

/** `begun` is the day that counts where the name has none: that in UTC, unless it is said otherwise. */
export function isOfDay(key: string, startedAt: number, day: Day, begun: Day = dayAt(startedAt)): boolean {
  if (!ANY_DAY.test(key)) return begun === day;
  const [year = '', month = '', date = ''] = day.split('-');
  return dayPattern(year, month, date).test(key);
}

/** The day in UTC at a moment, or in a zone whose clocks are so much ahead of it; ms. */
export function dayAt(moment: number, offsetMs = 0): Day {
  return new Date(moment + offsetMs).toISOString().slice(0, 10);
}

export function addDays(day: Day, days: number): Day {
  return dayAt(Date.parse(day) + days * DAY_MS);
}

/** From here on a dump of that day may have been begun, ms since epoch: somewhere on earth it is a day earlier. */
export function earliestOf(day: Day): number {
  return Date.parse(day) - DAY_MS;
}
