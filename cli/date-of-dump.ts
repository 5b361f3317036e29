/** Which day a dump is of: the one in its name, or else the one on which it was begun. */
import { UsageError } from './usage.ts';

/** A day in UTC, as `2026-11-20`. */
export type Day = string;

const DAY_MS = 86_400_000;
/** What may follow: no further digit, or a time of day. */
const AFTER = String.raw`(?!\d)|(?=(?:\d\d){1,3}(?!\d))`;
const ANY_DAY = dayPattern(String.raw`(?:19|20)\d\d`, '(?:0[1-9]|1[0-2])', String.raw`(?:0[1-9]|[12]\d|3[01])`);

/** `2026-11-20`, `2026/11/20`, `20261120`, `2026_11_20T03`, `year=2026/month=11/day=20`. */
function dayPattern(year: string, month: string, day: string): RegExp {
  return new RegExp(String.raw`(?<!\d)${year}\D{0,7}${month}\D{0,5}${day}(?:${AFTER})`);
}

export function isOfDay(key: string, startedAt: number, day: Day): boolean {
  if (!ANY_DAY.test(key)) return new Date(startedAt).toISOString().startsWith(day);
  const [year = '', month = '', date = ''] = day.split('-');
  return dayPattern(year, month, date).test(key);
}

/** From here on a dump of that day may have been begun, ms since epoch: somewhere on earth it is a day earlier. */
export function earliestOf(day: Day): number {
  return Date.parse(day) - DAY_MS;
}

/** `2026-11-20`, `today` or `yesterday` (UTC). Throws a UsageError. */
export function readDay(text: string, now: number): Day {
  const daysAgo = ['today', 'yesterday'].indexOf(text);
  if (daysAgo >= 0) return new Date(now - daysAgo * DAY_MS).toISOString().slice(0, 10);
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)) return text;
  throw new UsageError(`--date: found "${text}", expected a day such as 2026-11-20, or today or yesterday`);
}
