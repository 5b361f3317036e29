/** From a date and time of day, as written somewhere, to milliseconds since epoch; zones included. */
import { isTimeZone, readOffset } from '../zone-offset.ts';

export type WallTime = {
  readonly year: number;
  /** 1 to 12. */
  readonly month?: number;
  readonly day?: number;
  readonly hour?: number;
  readonly minute?: number;
  readonly second?: number;
  /** Digits behind the second's decimal point; what is finer than a millisecond is cut off. */
  readonly fraction?: string;
};

/** As if it were UTC, ms since epoch. Undefined where there is no such day or time, or a year outside 1000 to 9999. */
export function utcOf(time: WallTime): number | undefined {
  const { year, month = 1, day = 1, hour = 0, minute = 0, second = 0, fraction = '' } = time;
  const isTime = hour <= 23 && minute <= 59 && second <= 59;
  const isDay = year >= 1000 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
  if (!isTime || !isDay) return undefined;
  const ms = fraction === '' ? 0 : Number(fraction.slice(0, 3).padEnd(3, '0'));
  return Date.UTC(year, month - 1, day, hour, minute, second, ms);
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** `Z`, `+02`, `+0200`, `+02:00`, `UTC`, `GMT+2`. */
export const OFFSET = '(?:UTC|GMT|UT)?[-+]\\d{1,2}(?::?\\d{2})?|UTC|GMT|UT|Z';

/** The offset that such a text says, ms east of UTC. */
export function offsetIn(text: string): number | undefined {
  const match = /^(?:UTC|GMT|UT|Z)?(?:([-+])(\d{1,2}):?(\d{2})?)?$/i.exec(text);
  if (!match || text === '') return undefined;
  const [, sign = '+', hours = '0', minutes = '0'] = match;
  if (Number(hours) > 18 || Number(minutes) > 59) return undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

const ISO = new RegExp(
  `^(\\d{4})-(\\d{2})-(\\d{2})(?:[Tt ](\\d{2}):(\\d{2})(?::(\\d{2})(?:[.,](\\d{1,9}))?)?\\s?(${OFFSET}|z)?)?$`,
);

/** ms since epoch; without a zone it is UTC. Undefined where the text is not an ISO 8601 date or date and time. */
export function isoTimeIn(text: string): number | undefined {
  const match = ISO.exec(text.trim());
  if (!match) return undefined;
  const utc = utcOf({
    year: Number(match[1]),
    month: Number(match[2]),
    day: Number(match[3]),
    hour: Number(match[4] ?? 0),
    minute: Number(match[5] ?? 0),
    second: Number(match[6] ?? 0),
    fraction: match[7] ?? '',
  });
  const zone = match[8] ?? 'Z';
  const offset = zone === 'Z' ? 0 : offsetIn(zone);
  return utc === undefined || offset === undefined ? undefined : utc - offset;
}

/** What logs and browsers write instead of an offset, hours east of UTC. */
const ABBREVIATIONS: Readonly<Record<string, number>> = {
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
};

/**
 * The same moment when the wall time was that of a zone: an offset, an American abbreviation, or a name such as
 * Europe/Berlin. Where clocks are set back the first of the two moments; in the hour that is left out, the one as late
 * after the change. Undefined where there is no such zone.
 */
export function inZone(wallMs: number, zone: string): number | undefined {
  const offset = offsetIn(zone);
  if (offset !== undefined) return wallMs - offset;
  const hours = Object.hasOwn(ABBREVIATIONS, zone.toUpperCase()) ? ABBREVIATIONS[zone.toUpperCase()] : undefined;
  if (hours !== undefined) return wallMs - hours * 3_600_000;
  if (!isTimeZone(zone)) return undefined;
  const before = readOffset(wallMs - 86_400_000, zone);
  const after = readOffset(wallMs + 86_400_000, zone);
  const isAfter = before !== after && readOffset(wallMs - before, zone) !== before;
  return wallMs - (isAfter && readOffset(wallMs - after, zone) === after ? after : before);
}
