/**
 * The hot path: goes through the text of a JSON object byte by byte, checks it as strictly as JSON.parse does, and notes
 * where the values of the names that it was told to watch begin and end. It makes no object and no string of it.
 *
 * It need not understand everything: whatever is unusual (a name with an escape, a name that stands twice, nesting
 * deeper than MAX_DEPTH, a value of an unexpected kind, a newline) makes it give up, and the record is parsed instead,
 * which gives the same result. So it may say no too often, but never yes to what JSON.parse refuses; that is what
 * test/lambdas/chunker/scan-differential.test.ts is for.
 *
 * What makes it fast, in CPU seconds per million events of 600 bytes (JSON.parse: 2.9 from a string, 4.1 from bytes):
 * tables instead of comparisons for the bytes of strings, which are most of a text; numbers as state in typed arrays, so
 * that nothing is allocated; plain functions that are given what they need, as a closure's variables are read from memory.
 */

/** What the value of a watched name must be; null is always fine, as it counts as left out. */
export type Expected = 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'any' | 'absent';

/** What is watched in an object: for each name what is expected, and what is watched within it (which makes it an object). */
export type Watch = ReadonlyMap<string, { readonly expected: Expected; readonly within?: Watch }>;

/** A watch as tables. Each watched name, however deep, has a number of its own: its slot. */
export type WatchTable = {
  /** For a hash of a name (see `hashOfName`) its place in the lists below, or NONE. */
  readonly places: Int16Array;
  readonly factor: number;
  /** The names one after the other, and where each begins and the last one ends. */
  readonly letters: Uint8Array;
  readonly begins: Int32Array;
  readonly expected: readonly number[];
  readonly slots: readonly number[];
  readonly within: readonly (WatchTable | undefined)[];
};

/** What is known of the text that was scanned last; `starts` is NONE where there is no such value. */
export type Scan = {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Hashes of the names of the outermost object that are not watched: one that comes twice makes the scan give up. */
  readonly others: Int32Array;
};

export const NONE = -1;

/** Levels below a watched object; they are bits of one number. */
const MAX_DEPTH = 30;
const MAX_OTHERS = 64;
/** A longer text is parsed. */
const MAX_TEXT = 256 * 1024;
/** Integers and decimals with so many characters at most are finite, and such integers exact. */
const MAX_DIGITS = 15;
const PLACES = 256;

/** The text that is scanned, copied here: an array that is always the same need not be handed on, and is a little quicker to read. */
const TEXT = new Uint8Array(MAX_TEXT + 1);
/** Stands behind the text: as it can stand nowhere in a text that is taken, nothing else ends a search. */
const END = 0;

const CODES: Readonly<Record<Expected, number>> = {
  any: 0,
  string: 1,
  integer: 2,
  number: 3,
  boolean: 4,
  object: 5,
  absent: 6,
};

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** 1 for the bytes that stand for themselves in a string. That the others beyond 0x7f are UTF-8 is checked before. */
const PLAIN = tableOf((byte) => byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH);
/** A newline is none, so that no text with one is passed through: chunks are cut at them. */
const SPACE = tableOf((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
const DIGIT = tableOf((byte) => byte >= ZERO && byte <= 0x39);
const HEX = tableOf((byte) => /[0-9a-fA-F]/.test(String.fromCharCode(byte)));
const ESCAPED = tableOf((byte) => '"\\/bfnrt'.includes(String.fromCharCode(byte)));

function tableOf(holds: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (holds(byte) ? 1 : 0));
}

/** The tables of a watch, and how the slots are numbered: `slots` has each under its `slotName`. */
export function compileWatch(watch: Watch): {
  readonly table: WatchTable;
  readonly slots: ReadonlyMap<string, number>;
} {
  const slots = new Map<string, number>();
  return { table: tableFor(watch, [], slots), slots };
}

export function slotName(names: readonly string[]): string {
  return JSON.stringify(names);
}

function tableFor(watch: Watch, above: readonly string[], slots: Map<string, number>): WatchTable {
  const entries = [...watch];
  const names = entries.map(([name]) => Buffer.from(name));
  const own = entries.map(([name]) => {
    slots.set(slotName([...above, name]), slots.size);
    return slots.size - 1;
  });
  const { factor, places } = placesOf(names);
  return {
    places,
    factor,
    ...lettersOf(names),
    slots: own,
    expected: entries.map(([, { expected }]) => CODES[expected]),
    within: entries.map(([name, { within }]) => within && tableFor(within, [...above, name], slots)),
  };
}

/** A factor with which no two names have the same hash: then a name is compared with one other at most. */
function placesOf(names: readonly Buffer[]): Pick<WatchTable, 'factor' | 'places'> {
  for (let factor = 1; factor < 1_000_000; factor += 2) {
    const places = new Int16Array(PLACES).fill(NONE);
    const isFree = names.every((name, i) => {
      const hash = hashOfName(name, 0, name.length, factor);
      if (places[hash] !== NONE) return false;
      places[hash] = i;
      return true;
    });
    if (isFree) return { factor, places };
  }
  throw new Error(`there is no table for the names ${names.join(', ')}`);
}

function lettersOf(names: readonly Buffer[]): Pick<WatchTable, 'letters' | 'begins'> {
  const begins = new Int32Array(names.length + 1);
  for (const [i, name] of names.entries()) begins[i + 1] = (begins[i] ?? 0) + name.length;
  return { letters: new Uint8Array(Buffer.concat(names)), begins };
}

/** Of the length and three bytes. */
function hashOfName(text: Uint8Array, start: number, end: number, factor: number): number {
  if (start === end) return 0;
  const first = text[start] ?? 0;
  const middle = text[(start + end) >> 1] ?? 0;
  const last = text[end - 1] ?? 0;
  const mixed = Math.imul(first + (middle << 8) + (last << 16) + ((end - start) << 20), factor);
  return (mixed ^ (mixed >>> 16) ^ (mixed >>> 8)) & (PLACES - 1);
}

export function newScan(slots: number): Scan {
  return { starts: new Int32Array(slots), ends: new Int32Array(slots), others: new Int32Array(MAX_OTHERS) };
}

/** Whether the text, which must be UTF-8, is an object as it is expected; only then `scan` has the places of its values. */
export function scanObject(text: Buffer, table: WatchTable, scan: Scan): boolean {
  const { length } = text;
  if (length > MAX_TEXT || text[0] !== OPEN_BRACE) return false;
  TEXT.set(text);
  TEXT[length] = END;
  scan.starts.fill(NONE);
  return endOfObject(1, table, scan, true) === length;
}

/** `at` is after the brace; the answer is the place after the closing one, or NONE. So it is in all that follow. */
function endOfObject(from: number, table: WatchTable, scan: Scan, isOutermost: boolean): number {
  let others = 0;
  let at = afterSpace(from);
  if (TEXT[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    if (TEXT[at] !== QUOTE) return NONE;
    const name = at + 1;
    const end = endOfPlain(name);
    if (TEXT[end] !== QUOTE) return NONE;
    at = afterSpace(end + 1);
    if (TEXT[at] !== COLON) return NONE;
    at = afterSpace(at + 1);
    const place = placeOf(name, end, table);
    if (place === NONE) {
      if (isOutermost && !isNew(name, end, scan.others, others++)) return NONE;
      at = endOfValue(at);
    } else {
      at = endOfWatched(at, place, table, scan);
    }
    if (at === NONE) return NONE;
    at = afterSpace(at);
    if (TEXT[at] === CLOSE_BRACE) return at + 1;
    if (TEXT[at] !== COMMA) return NONE;
    at = afterSpace(at + 1);
  }
}

function placeOf(start: number, end: number, { places, factor, letters, begins }: WatchTable): number {
  const place = places[hashOfName(TEXT, start, end, factor)] ?? NONE;
  if (place === NONE) return NONE;
  let letter = begins[place] ?? 0;
  if ((begins[place + 1] ?? 0) - letter !== end - start) return NONE;
  for (let i = start; i < end; i += 1, letter += 1) if (letters[letter] !== TEXT[i]) return NONE;
  return place;
}

/** Whether the name, of which there are `count` others before, is not one of them: by its hash, so that it says no too often. */
function isNew(start: number, end: number, others: Int32Array, count: number): boolean {
  if (count === MAX_OTHERS) return false;
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i += 1) hash = Math.imul(hash ^ (TEXT[i] ?? 0), 0x01000193);
  for (let i = 0; i < count; i += 1) if (others[i] === hash) return false;
  others[count] = hash;
  return true;
}

function endOfWatched(at: number, place: number, table: WatchTable, scan: Scan): number {
  const slot = table.slots[place] ?? 0;
  if (scan.starts[slot] !== NONE) return NONE;
  const within = table.within[place];
  if (within && TEXT[at] !== OPEN_BRACE) return NONE;
  const end = within ? endOfObject(at + 1, within, scan, false) : endOfValue(at);
  if (end === NONE || !isAsExpected(at, end, table.expected[place] ?? 0)) return NONE;
  scan.starts[slot] = at;
  scan.ends[slot] = end;
  return end;
}

function isAsExpected(start: number, end: number, expected: number): boolean {
  const first = TEXT[start];
  if (first === 0x6e) return expected !== CODES.absent; // null
  switch (expected) {
    case CODES.any:
      return true;
    case CODES.string:
      return first === QUOTE;
    case CODES.integer:
      return isShortNumber(TEXT, start, end, false);
    case CODES.number:
      return isShortNumber(TEXT, start, end, true);
    case CODES.boolean:
      return first === 0x74 || first === 0x66;
    case CODES.object:
      return first === OPEN_BRACE;
    default:
      return false;
  }
}

/** Of what is a value already. */
export function isShortNumber(text: Uint8Array, start: number, end: number, isDecimal: boolean): boolean {
  if (end - start > MAX_DIGITS) return false;
  for (let i = text[start] === MINUS ? start + 1 : start; i < end; i += 1) {
    if (DIGIT[text[i] ?? 0] !== 1 && !(isDecimal && text[i] === DOT)) return false;
  }
  return true;
}

/** Any value, with everything in it. */
function endOfValue(from: number): number {
  let at = from;
  let depth = 0;
  /** A bit for each level, the innermost lowest: whether it is an object. */
  let objects = 0;
  for (;;) {
    const byte = TEXT[at];
    if (byte === QUOTE) {
      at = endOfString(at + 1);
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth === MAX_DEPTH) return NONE;
      at = afterSpace(at + 1);
      if (TEXT[at] === byte + 2) {
        at += 1; // closed at once: the closing bracket is two beyond the opening one
      } else {
        depth += 1;
        objects = (objects << 1) | (byte === OPEN_BRACE ? 1 : 0);
        if (byte === OPEN_BRACE) at = afterName(at);
        if (at === NONE) return NONE;
        continue;
      }
    } else {
      at = endOfWord(at);
    }
    if (at === NONE) return NONE;
    for (;;) {
      if (depth === 0) return at;
      at = afterSpace(at);
      const next = TEXT[at];
      if (next === COMMA) {
        at = afterSpace(at + 1);
        if ((objects & 1) === 1) at = afterName(at);
        if (at === NONE) return NONE;
        break;
      }
      if (next !== ((objects & 1) === 1 ? CLOSE_BRACE : CLOSE_BRACKET)) return NONE;
      at += 1;
      depth -= 1;
      objects >>= 1;
    }
  }
}

/** Where the value of the member that begins here begins. */
function afterName(at: number): number {
  if (TEXT[at] !== QUOTE) return NONE;
  const end = endOfString(at + 1);
  if (end === NONE) return NONE;
  const colon = afterSpace(end);
  return TEXT[colon] === COLON ? afterSpace(colon + 1) : NONE;
}

function afterSpace(from: number): number {
  let at = from;
  while (SPACE[TEXT[at] ?? 0] === 1) at += 1;
  return at;
}

/** The first byte that does not stand for itself in a string. */
function endOfPlain(from: number): number {
  let at = from;
  while (PLAIN[TEXT[at] ?? 0] === 1) at += 1;
  return at;
}

/** `from` is after the opening quote. */
function endOfString(from: number): number {
  let at = endOfPlain(from);
  while (TEXT[at] === BACKSLASH) {
    const byte = TEXT[at + 1] ?? 0;
    if (ESCAPED[byte] === 1) at += 2;
    else if (byte === 0x75 && isHex(at + 2)) at += 6;
    else return NONE;
    at = endOfPlain(at);
  }
  return TEXT[at] === QUOTE ? at + 1 : NONE;
}

function isHex(at: number): boolean {
  for (let i = at; i < at + 4; i += 1) if (HEX[TEXT[i] ?? 0] !== 1) return false;
  return true;
}

/** A number, true, false or null. */
function endOfWord(at: number): number {
  switch (TEXT[at]) {
    case 0x74:
      return TEXT[at + 1] === 0x72 && TEXT[at + 2] === 0x75 && TEXT[at + 3] === 0x65 ? at + 4 : NONE;
    case 0x66:
      return TEXT[at + 1] === 0x61 && TEXT[at + 2] === 0x6c && TEXT[at + 3] === 0x73 && TEXT[at + 4] === 0x65
        ? at + 5
        : NONE;
    case 0x6e:
      return TEXT[at + 1] === 0x75 && TEXT[at + 2] === 0x6c && TEXT[at + 3] === 0x6c ? at + 4 : NONE;
    default:
      return endOfNumber(at);
  }
}

function endOfNumber(from: number): number {
  const first = TEXT[from] === MINUS ? from + 1 : from;
  let at = TEXT[first] === ZERO ? first + 1 : afterDigits(first);
  if (at === NONE) return NONE;
  if (TEXT[at] === DOT) at = afterDigits(at + 1);
  if (at === NONE || ((TEXT[at] ?? 0) | 0x20) !== 0x65) return at;
  const sign = TEXT[at + 1];
  return afterDigits(sign === MINUS || sign === 0x2b ? at + 2 : at + 1);
}

/** At least one. */
function afterDigits(from: number): number {
  let at = from;
  while (DIGIT[TEXT[at] ?? 0] === 1) at += 1;
  return at === from ? NONE : at;
}
