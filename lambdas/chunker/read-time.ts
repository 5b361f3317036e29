/** Reads a time in the forms that dumps have: numbers of some unit, ISO 8601 text with or without a zone. */
import { readOffset } from './zone-offset.ts';

export type TimeForm = { readonly unit?: 's' | 'ms' | 'us' | 'ns'; readonly zone?: string };

/** ms since epoch, whole; or in words what was expected. */
export function readTime(value: unknown, { unit, zone }: TimeForm): number | string {
  const ms = unit === undefined ? readIso(value, zone) : readNumber(value, unit);
  if (typeof ms === 'string') return ms;
  if (ms < FAR_FUTURE) return ms;
  return `a time before the year 2200; it would be one if it were in a smaller unit than ${unit ?? 'it says'}`;
}

/** ms since epoch; a number beyond it was written in another unit than milliseconds, or than the configuration says. */
export const FAR_FUTURE = Date.UTC(2200, 0);

const EXPECTED_NUMBER = { s: 'seconds', ms: 'milliseconds', us: 'microseconds', ns: 'nanoseconds' };
const PER_MS = { us: 1_000n, ns: 1_000_000n };

function readNumber(value: unknown, unit: keyof typeof EXPECTED_NUMBER): number | string {
  const expected = `a number of ${EXPECTED_NUMBER[unit]} since 1970`;
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
  if (typeof text !== 'string' || !/^\s*-?\d{1,30}(\.\d+)?\s*$|^-?\d(\.\d+)?e\+\d\d?$/.test(text)) return expected;
  if (unit === 'us' || unit === 'ns') {
    const whole = /e/.test(text) ? BigInt(Number(text)) : BigInt(text.trim().replace(/\..*/, ''));
    return floorDivide(whole, PER_MS[unit]);
  }
  const number = Number(text);
  // By way of whole microseconds: 1700000000.123 * 1000 is a little less than it should be.
  return unit === 's' ? Math.floor(Math.round(number * 1e6) / 1e3) : Math.floor(number);
}

function floorDivide(value: bigint, by: bigint): number {
  const rest = ((value % by) + by) % by;
  return Number((value - rest) / by);
}

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|UTC|[+-]\d\d(?::?\d\d)?)?)?$/i;
const EXPECTED_ISO = 'a time such as 2026-11-20T08:30:00Z (for numbers say the unit)';

function readIso(value: unknown, zone: string | undefined): number | string {
  const found = typeof value === 'string' ? ISO.exec(value.trim()) : undefined;
  if (!found) return EXPECTED_ISO;
  const [, year, month, day, hour = 0, minute = 0, second = 0, fraction = '', offset] = found;
  const [y, mon, d, h, min, s] = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const wall = Date.UTC(y, mon - 1, d, h, min, s, Number(fraction.padEnd(3, '0').slice(0, 3)));
  const date = new Date(wall);
  const isReal = date.getUTCMonth() === mon - 1 && date.getUTCDate() === d && h < 24 && min < 60 && s < 60;
  if (!isReal) return 'a day and a time that exist';
  if (offset !== undefined) return wall - offsetMs(offset);
  if (zone !== undefined) return fromZone(wall, zone);
  return 'a time that says its zone (Z or +02:00), or the zone in the configuration';
}

function offsetMs(offset: string): number {
  const found = /^([+-])(\d\d):?(\d\d)?$/.exec(offset);
  if (!found) return 0; // Z, UTC
  const [, sign, hours, minutes = 0] = found;
  return (sign === '-' ? -60_000 : 60_000) * (60 * Number(hours) + Number(minutes));
}

const DAY_MS = 86_400_000;

/**
 * The moment at which clocks in the zone show this. What they show twice, as summer time ends, is the first of the two;
 * what they never show, as it begins, is so much later as they are put forward (as ECMAScript's Temporal has it).
 */
function fromZone(wall: number, zone: string): number {
  const before = readOffset(wall - DAY_MS, zone);
  const after = readOffset(wall + DAY_MS, zone);
  for (const offset of [before, after]) if (readOffset(wall - offset, zone) === offset) return wall - offset;
  return wall - before;
}
