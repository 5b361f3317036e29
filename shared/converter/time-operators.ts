/** Operators that read and write times; milliseconds since epoch on one side, text on the other. */
import type { Json } from '../amplitude-event.ts';
import { isoTimeIn } from './instant.ts';
import { type Given, type Mistake, nothing, type Operator, type Read } from './operator.ts';
import { compileTimePattern } from './time-pattern.ts';
import { asText, numberIn } from './values.ts';

export const TIME_OPERATORS: readonly Operator[] = [
  { names: ['iso_time_to_ms'], once: ['source'], build: readIsoTime },
  { names: ['ms_to_iso_time'], once: ['source'], build: readAsIsoTime },
  { names: ['iso_time_now'], once: [], build: (given) => readNow(given, isoTimeOf) },
  { names: ['ms_time_now'], once: [], build: (given) => readNow(given, (ms) => ms) },
  { names: ['int96_time_to_ms'], once: ['source'], build: readInt96Time },
  { names: ['parse_time_to_ms'], once: ['text', 'source'], build: readTimeInPattern },
];

/** 1 January 1970 as a Julian day. */
const EPOCH_JULIAN_DAY = 2_440_588;
/** The furthest moment that a JavaScript date can hold, ms. */
const MAX_MS = 8.64e15;

/** The time in the text that is found, or a failure: an event with a wrong or missing time would be dated wrongly. */
function readTimeBy(given: Given, expected: string, timeIn: (text: string) => number | undefined): Read {
  const [read = nothing] = given.sources;
  return (element, at) => {
    const found = read(element, at);
    if (found === undefined || found === null) return undefined;
    const text = asText(found);
    return (text === undefined ? undefined : timeIn(text)) ?? given.fail(found, expected);
  };
}

function readIsoTime(given: Given): Read {
  return readTimeBy(given, 'an ISO 8601 time such as 2026-11-20T08:00:00Z', isoTimeIn);
}

function readTimeInPattern(given: Given): Read | Mistake {
  const [pattern = ''] = given.texts;
  const timeIn = compileTimePattern(pattern);
  if (typeof timeIn === 'object') return timeIn;
  return readTimeBy(given, `a time as ${JSON.stringify(pattern)}`, timeIn);
}

/**
 * Parquet's old timestamps: 8 bytes of nanoseconds within the day and 4 of Julian day, little-endian. What reads Parquet
 * here gives them as ISO 8601 already.
 */
function readInt96Time(given: Given): Read {
  return readTimeBy(given, '12 bytes of an INT96 time in base64', (text) => {
    const bytes = Buffer.from(text, 'base64');
    if (bytes.length !== 12 || bytes.toString('base64') !== text.trim()) return isoTimeIn(text);
    const days = bytes.readUInt32LE(8) - EPOCH_JULIAN_DAY;
    return days * 86_400_000 + Number(bytes.readBigInt64LE(0) / 1_000_000n);
  });
}

function readAsIsoTime({ sources: [read = nothing], fail }: Given): Read {
  return (element, at) => {
    const found = read(element, at);
    if (found === undefined || found === null) return undefined;
    const ms = Number(numberIn(asText(found) ?? ''));
    return Math.abs(ms) <= MAX_MS ? isoTimeOf(ms) : fail(found, 'milliseconds since epoch');
  };
}

/** In UTC, to the second; with milliseconds where there are any. */
function isoTimeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/(\.000)?Z$/, '');
}

function readNow({ clock }: Given, shown: (ms: number) => Json): Read | Mistake {
  if (!clock) return { mistake: 'the time of the import is not known here; take a time from the record' };
  return (_element, at) => shown(clock(at));
}
