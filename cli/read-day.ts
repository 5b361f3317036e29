/** Reads the day that a person names. */
import { type Day, dayAt } from '../shared/date-of-dump.ts';
import { UsageError } from './usage.ts';

const DAY_MS = 86_400_000;

/** `2026-11-20`, `today` or `yesterday` (UTC). Throws a UsageError. */
export function readDay(text: string, now: number): Day {
  const daysAgo = ['today', 'yesterday'].indexOf(text);
  if (daysAgo >= 0) return dayAt(now - daysAgo * DAY_MS);
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms) && dayAt(ms) === text) return text;
  throw new UsageError(`--date: found "${text}", expected a day such as 2026-11-20, or today or yesterday`);
}
