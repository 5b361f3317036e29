/** Makes JSON of the values of a Parquet column: exact where JSON can be, and a fault where it cannot. */
import { isUtf8 } from 'node:buffer';
import { parseFloat16 } from 'hyparquet/src/convert.js';
import type { Json } from '../../../../shared/amplitude-event.ts';
import { parseExactly } from '../../../../shared/exact-json.ts';
import type { Leaf } from './schema.ts';

/** A value that has no place in JSON: its row is rejected. */
export class BadValue {
  readonly found: string;
  readonly expected: string;

  constructor(found: string, expected: string) {
    this.found = found;
    this.expected = expected;
  }
}

/** From a value as it is stored (number, bigint, boolean or bytes) to what a map sees. */
export type Convert = (stored: never) => Json | BadValue;

/** How the values of this column become JSON (https://parquet.apache.org/docs/file-format/types/logicaltypes/). */
export function converterOf({ element, kind }: Leaf): Convert {
  switch (element.type) {
    case 'INT32':
      return int32Converter(kind);
    case 'INT64':
      return int64Converter(kind);
    case 'INT96':
      return (value: bigint) => timeText((value >> 64n) * DAY_NANOS - JULIAN_EPOCH_NANOS + (value & MAX_UINT64), 9);
    case 'FLOAT':
      return (value: number) => finite(value, shortestFloat);
    case 'DOUBLE':
      return (value: number) => finite(value, (same) => same);
    case 'BYTE_ARRAY':
      return bytesConverter(kind);
    case 'FIXED_LEN_BYTE_ARRAY':
      return fixedBytesConverter(kind);
    default:
      return (value: boolean) => value;
  }
}

/** What a column's annotation says, whether it was written the old way or the new. */
export type Kind =
  | { readonly is: 'decimal'; readonly scale: number }
  | { readonly is: 'timestamp' | 'time'; readonly digits: 3 | 6 | 9 }
  | { readonly is: 'unsigned'; readonly bits: number }
  | { readonly is: 'text' | 'json' | 'bytes' | 'date' | 'uuid' | 'float16' | 'interval' | 'plain' };

function int32Converter(kind: Kind): Convert {
  if (kind.is === 'decimal') return (value: number) => decimal(BigInt(value), kind.scale);
  if (kind.is === 'date') return (days: number) => dateText(days);
  if (kind.is === 'time') return (value: number) => clockText(BigInt(value), kind.digits);
  if (kind.is === 'timestamp') return (value: number) => timeText(BigInt(value), kind.digits);
  if (kind.is === 'unsigned') return (value: number) => value >>> 0;
  return (value: number) => value;
}

function int64Converter(kind: Kind): Convert {
  if (kind.is === 'decimal') return (value: bigint) => decimal(value, kind.scale);
  if (kind.is === 'timestamp') return (value: bigint) => timeText(value, kind.digits);
  if (kind.is === 'time') return (value: bigint) => clockText(value, kind.digits);
  if (kind.is === 'unsigned') return (value: bigint) => integer(BigInt.asUintN(64, value));
  return integer;
}

function bytesConverter(kind: Kind): Convert {
  if (kind.is === 'decimal') return (value: Buffer) => decimal(bigEndian(value), kind.scale);
  if (kind.is === 'text') return text;
  if (kind.is === 'json') return json;
  if (kind.is === 'bytes') return base64;
  return (value: Buffer) => (isUtf8(value) ? value.toString('utf8') : base64(value));
}

function fixedBytesConverter(kind: Kind): Convert {
  if (kind.is === 'decimal') return (value: Buffer) => decimal(bigEndian(value), kind.scale);
  if (kind.is === 'uuid') return uuid;
  if (kind.is === 'float16') return (value: Buffer) => finite(parseFloat16(value) ?? 0, (same) => same);
  if (kind.is === 'interval') return interval;
  if (kind.is === 'text') return text;
  return base64;
}

const DAY_NANOS = 86_400_000_000_000n;
/** 1970-01-01 is day 2,440,588 of the Julian count that INT96 uses. */
const JULIAN_EPOCH_NANOS = 2_440_588n * DAY_NANOS;
const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;

function integer(value: bigint): Json {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** An integer, or a number where it prints back as what it stands for, otherwise the text of all its digits. */
function decimal(unscaled: bigint, scale: number): Json {
  if (scale <= 0) return integer(unscaled * 10n ** BigInt(-scale));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const fraction = digits.slice(-scale).replace(/0+$/, '');
  const whole = `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}`;
  if (fraction === '') return integer(BigInt(whole));
  const shown = `${whole}.${fraction}`;
  const number = Number(shown);
  return String(number) === shown ? number : shown;
}

function bigEndian(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`));
}

function finite(value: number, show: (value: number) => number): Json | BadValue {
  return Number.isFinite(value) ? show(value) : new BadValue(String(value), 'a number');
}

/** 9.99 stored in 32 bits is 9.989999771118164 in 64; the shortest number that is stored as the same 32 bits is meant. */
function shortestFloat(value: number): number {
  if (Number.isInteger(value)) return value;
  for (let digits = 6; digits < 9; digits += 1) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return Number(value.toPrecision(9));
}

/** A time since 1970 in 10^-digits seconds as ISO 8601 in UTC; digits beyond milliseconds where there are any. */
function timeText(time: bigint, digits: number): Json | BadValue {
  const perMs = 10n ** BigInt(digits - 3);
  const rest = ((time % perMs) + perMs) % perMs;
  const date = new Date(Number((time - rest) / perMs));
  if (Number.isNaN(date.getTime()))
    return new BadValue(`${time} (10^-${digits} s since 1970)`, 'a time that a date can hold');
  const iso = date.toISOString();
  return rest === 0n ? iso : `${iso.slice(0, -1)}${fractionText(rest, digits - 3)}Z`;
}

/** The time of a day, in 10^-digits seconds, as `13:05:00.123`. */
function clockText(time: bigint, digits: number): Json | BadValue {
  if (time < 0n || time >= 86_400n * 10n ** BigInt(digits)) return new BadValue(String(time), 'a time within a day');
  const shown = timeText(time, digits);
  return typeof shown === 'string' ? shown.slice(11, -1) : shown;
}

/** Microseconds, or nanoseconds where there are any. */
function fractionText(rest: bigint, digits: number): string {
  return String(rest).padStart(digits, '0').replace(/000$/, '');
}

function dateText(days: number): Json | BadValue {
  const date = new Date(days * 86_400_000);
  if (Number.isNaN(date.getTime())) return new BadValue(`${days} days since 1970`, 'a day that a date can hold');
  return date.toISOString().replace(/T.*/, '');
}

function text(value: Buffer): Json | BadValue {
  const shown = value.toString('utf8');
  if (shown.includes('\ufffd') && !isUtf8(value))
    return new BadValue(`bytes ${base64(value)} (base64)`, 'text in UTF-8');
  return shown;
}

function json(value: Buffer): Json | BadValue {
  const shown = value.toString('utf8');
  try {
    return parseExactly(shown) as Json; // what JSON text holds
  } catch {
    return new BadValue(shown, 'JSON');
  }
}

function base64(value: Buffer): string {
  return value.toString('base64');
}

function uuid(value: Buffer): Json | BadValue {
  if (value.length !== 16) return new BadValue(`${value.length} bytes`, 'a UUID of 16 bytes');
  return value.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Months, days and milliseconds as an ISO 8601 duration. */
function interval(value: Buffer): Json | BadValue {
  if (value.length !== 12) return new BadValue(`${value.length} bytes`, 'an interval of 12 bytes');
  return `P${value.readUInt32LE(0)}M${value.readUInt32LE(4)}DT${value.readUInt32LE(8) / 1_000}S`;
}
