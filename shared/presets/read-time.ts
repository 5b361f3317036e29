/** Reads the times of other tools' records as milliseconds since epoch; a time that cannot be read is an Error, never a guess. */
import type { Json } from '../amplitude-event.ts';
import { numberOf, show, textOf } from './read-field.ts';

/** Date, `T` or a space, time to the second or finer, and perhaps a zone: `Z`, ` UTC`, `+02:00`, `+0200`, `+02`. */
const TIME =
  /^([1-9]\d{3})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: ?(?:(Z|UTC)|([+-])(\d\d):?(\d\d)?))?$/;

/** No date lies further from 1970 (ECMAScript: 8.64e15 ms); a day and more is left for time zones. */
const MAX_MS = 8.63e15;

/** Ms since epoch of a text such as `2020-02-15 01:00:00.123456` or `2020-02-15T01:00:00+01:00`; without a zone it is UTC. */
export function parseTime(text: string): number | undefined {
  const match = TIME.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', , sign, zoneHours = 0, zoneMinutes = 0] = match;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day));
  // Date.UTC makes 1 March of 30 February.
  if (Number(day) > 28 && new Date(midnight).getUTCDate() !== Number(day)) return undefined;
  if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1) return undefined;
  const ahead = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === '-' ? -1 : 1);
  const minutes = Number(hour) * 60 + Number(minute) - ahead;
  return midnight + (minutes * 60 + Number(second)) * 1000 + Number(fraction.padEnd(3, '0').slice(0, 3));
}

/** Ms since epoch of a field that holds a text; throws when it is missing or cannot be read. */
export function timeOf(value: Json | undefined, field: string): number {
  const ms = typeof value === 'string' ? parseTime(value) : undefined;
  if (ms === undefined) throw new Error(`${field} is ${show(value)}; expected a time such as 2026-11-20T08:30:00.000Z`);
  return ms;
}

/** Ms since epoch of a field that holds a number of `unit`s; fractions of a millisecond are cut off. */
export function epochOf(value: Json | undefined, field: string, unit: 's' | 'ms' | 'µs'): number {
  const number = numberOf(value);
  const perUnit = { s: 1000, ms: 1, µs: 0.001 }[unit];
  // Rounded before it is cut off, because 1602611311.123 × 1000 may be …122.9999 in floating point.
  const ms = number === undefined ? Number.NaN : Math.floor(Math.round(number * perUnit * 1000) / 1000);
  if (Math.abs(ms) <= MAX_MS) return ms;
  throw new Error(`${field} is ${show(value)}; expected a number of ${UNITS[unit]} since 1970`);
}

const UNITS = { s: 'seconds', ms: 'milliseconds', µs: 'microseconds' } as const;

/** A session's id as Amplitude wants it, the time it began in ms; undefined when the tool's own id is no time. */
export function sessionOf(value: Json | undefined): number | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  const number = numberOf(text);
  if (number === undefined) return parseTime(text);
  if (!Number.isInteger(number) || number <= 0 || number > MAX_MS) return undefined;
  // Seconds have ten digits until the year 2286, milliseconds thirteen.
  return number < 1e11 ? number * 1000 : number;
}
