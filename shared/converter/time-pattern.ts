/** Times in a format of one's own, written in the pattern letters of Java (`M/d/yyyy H:mm:ss`). */
import { inZone, OFFSET, utcOf } from './instant.ts';
import type { Mistake } from './operator.ts';

/** ms since epoch, or undefined where the text does not follow the pattern. Without a zone it is UTC. */
export type TimeParser = (text: string) => number | undefined;

const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const DAYS = 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday'.split(' ');
const ZONE_NAME = '[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*';

/** The letters that stand for numbers; of three and more, M and L stand for a name. */
const NUMBERS = {
  y: 'year',
  u: 'year',
  Y: 'year',
  M: 'month',
  L: 'month',
  d: 'day',
  D: 'dayOfYear',
  H: 'hour',
  k: 'hour24',
  h: 'hour12',
  K: 'halfDayHour',
  m: 'minute',
  s: 'second',
  S: 'fraction',
} as const;
type NumberLetter = keyof typeof NUMBERS;
type Part = (typeof NUMBERS)[NumberLetter] | 'monthName' | 'halfDay' | 'zone';

/** Literal text, or so many of one pattern letter. */
type Letters = { readonly letter: string; readonly count: number };
type Token = { readonly literal: string } | Letters;

/** Compiles a pattern; every letter it cannot read is a mistake, never a guess. */
export function compileTimePattern(pattern: string): TimeParser | Mistake {
  const tokens = tokenize(pattern);
  if ('mistake' in tokens) return tokens;
  const parts: Part[] = [];
  let source = '';
  for (const [i, token] of tokens.entries()) {
    if ('literal' in token) {
      source += RegExp.escape(token.literal);
      continue;
    }
    const read = readerOf(token, isNumber(tokens[i - 1]) || isNumber(tokens[i + 1]));
    if ('mistake' in read) return read;
    if (read.part) parts.push(read.part);
    source += `(${read.part ? `?<${read.part}>` : '?:'}${read.source})`;
  }
  const mistake = mistakeIn(parts);
  return mistake ? { mistake } : parserOf(new RegExp(`^${source}$`, 'i'));
}

function tokenize(pattern: string): Token[] | Mistake {
  const tokens: Token[] = [];
  const shape = /''|'((?:[^']|'')*)'|([A-Za-z])\2*|./gsu;
  for (const [text, quoted, letter] of pattern.matchAll(shape)) {
    if (letter !== undefined) tokens.push({ letter, count: text.length });
    else if (text === "''") tokens.push({ literal: "'" });
    else if (quoted !== undefined) tokens.push({ literal: quoted.replaceAll("''", "'") });
    else if (text === "'") return { mistake: `the quote in ${JSON.stringify(pattern)} is not closed` };
    else if ('[]{}#'.includes(text))
      return { mistake: `"${text}" is not supported in a time format; quote it: '${text}'` };
    else tokens.push({ literal: text });
  }
  return tokens;
}

function numberPart({ letter, count }: Letters): Part | undefined {
  const isName = 'ML'.includes(letter) && count > 2;
  return !isName && Object.hasOwn(NUMBERS, letter) ? NUMBERS[letter as NumberLetter] : undefined;
}

function isNumber(token: Token | undefined): boolean {
  return token !== undefined && 'letter' in token && numberPart(token) !== undefined;
}

/** Numbers without anything between them (`isAdjacent`) have as many digits as the pattern has letters. */
function readerOf(letters: Letters, isAdjacent: boolean): { readonly source: string; readonly part?: Part } | Mistake {
  const { letter, count } = letters;
  const part = numberPart(letters);
  if (part) return { part, source: `\\d{${widthOf(part, count, isAdjacent)}}` };
  switch (letter) {
    case 'M':
    case 'L':
      return { part: 'monthName', source: namesOf([...MONTHS, 'Sept']) };
    case 'E':
      return { source: namesOf(DAYS) };
    case 'a':
      return { part: 'halfDay', source: 'AM|PM' };
    case 'X':
    case 'x':
      return { part: 'zone', source: OFFSET };
    case 'Z':
      return { part: 'zone', source: count < 3 ? OFFSET : `${OFFSET}|${ZONE_NAME}` };
    case 'z':
    case 'V':
      return { part: 'zone', source: `${OFFSET}|${ZONE_NAME}` };
    default:
      return { mistake: `the letter "${letter}" is not supported in a time format; quote text: '${letter}'` };
  }
}

/** How many digits, as a quantifier's inside. */
function widthOf(part: Part, count: number, isAdjacent: boolean): string {
  if (part === 'year') return count === 2 ? '2' : '4';
  if (isAdjacent) return `${count}`;
  if (part === 'fraction') return '1,9';
  return part === 'dayOfYear' ? '1,3' : '1,2';
}

/** In full or by its first three letters. */
function namesOf(names: readonly string[]): string {
  return names.flatMap((name) => [name, name.slice(0, 3)]).join('|');
}

/** What can be written in several ways. */
const OTHER_WAYS: Partial<Record<Part, Part>> = {
  monthName: 'month',
  hour24: 'hour',
  hour12: 'hour',
  halfDayHour: 'hour',
};

/** What makes a pattern one from which no moment follows. */
function mistakeIn(parts: readonly Part[]): string | undefined {
  const aspects = parts.map((part) => OTHER_WAYS[part] ?? part);
  const twice = aspects.find((aspect, i) => aspects.indexOf(aspect) !== i);
  if (twice) return `the time format has its ${twice} twice`;
  if (!parts.includes('year')) return 'the time format has no year (y)';
  if (parts.includes('dayOfYear') && ['month', 'monthName', 'day'].some((part) => parts.includes(part as Part))) {
    return '"D" is the day of the year and cannot stand beside "M" or "d", the day of the month';
  }
  const isHalf = parts.includes('hour12') || parts.includes('halfDayHour');
  if (isHalf && !parts.includes('halfDay')) return '"h" and "K" count half a day and need "a" (AM, PM); 0 to 23 is "H"';
  if (parts.includes('halfDay') && !isHalf) return '"a" (AM, PM) needs "h", the hour from 1 to 12';
  return undefined;
}

function parserOf(shape: RegExp): TimeParser {
  return (text) => {
    const found = shape.exec(text.trim())?.groups;
    if (!found) return undefined;
    const {
      year = '',
      month,
      monthName,
      day = '1',
      dayOfYear,
      minute = '0',
      second = '0',
      fraction = '',
      zone,
    } = found;
    const start = utcOf({
      year: year.length === 2 ? 2000 + Number(year) : Number(year),
      month: monthName ? monthOf(monthName) : Number(month ?? '1'),
      day: Number(day),
      hour: hourOf(found),
      minute: Number(minute),
      second: Number(second),
      fraction,
    });
    const wallMs = dayOfYear === undefined ? start : nthDay(start, Number(dayOfYear));
    return wallMs === undefined || zone === undefined ? wallMs : inZone(wallMs, zone);
  };
}

/** 0 to 23, or NaN where the hour is outside what its letter counts. */
function hourOf(found: Readonly<Record<string, string | undefined>>): number {
  const { hour, hour24, hour12, halfDayHour, halfDay } = found;
  const noon = halfDay?.toUpperCase() === 'PM' ? 12 : 0;
  if (hour12 !== undefined) return (inRange(Number(hour12), 1, 12) % 12) + noon;
  if (halfDayHour !== undefined) return inRange(Number(halfDayHour), 0, 11) + noon;
  return hour24 === undefined ? Number(hour ?? '0') : inRange(Number(hour24), 1, 24) % 24;
}

function inRange(value: number, min: number, max: number): number {
  return value >= min && value <= max ? value : Number.NaN;
}

function monthOf(name: string): number {
  const short = name.slice(0, 3).toLowerCase();
  return MONTHS.findIndex((month) => month.slice(0, 3).toLowerCase() === short) + 1;
}

/** Undefined where the year has no such day; `start` lies on its 1st of January. */
function nthDay(start: number | undefined, n: number): number | undefined {
  if (start === undefined) return undefined;
  const ms = start + (n - 1) * 86_400_000;
  return new Date(ms).getUTCFullYear() === new Date(start).getUTCFullYear() ? ms : undefined;
}
