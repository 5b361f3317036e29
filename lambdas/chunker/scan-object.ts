/**
 * The hot path: goes through the text of a JSON object byte by byte, checks it as strictly as JSON.parse does, and notes
 * where the values of the names that it was told to watch begin and end. It makes no object and no string of it.
 *
 * It need not understand everything: whatever is unusual (a name with an escape, a name that stands twice, nesting
 * deeper than MAX_DEPTH, a value of an unexpected kind, a newline) makes it give up, and the record is parsed instead,
 * which gives the same result. So it may say no too often, but never yes to what JSON.parse refuses; that is what
 * test/lambdas/chunker/scan-differential.test.ts is for.
 *
 * What makes it fast, in µs of CPU for an event of 600 bytes (JSON.parse of its string: 3.0): a text
 * built like an earlier one is recognised (known-shapes.ts), 1.05 instead of 1.86; the bytes of strings, which are most of a
 * text, are looked at four at a time; tables instead of comparisons; numbers as state in typed arrays, so that nothing is
 * allocated; plain functions that are given what they need, as a closure's variables are read from memory; and constants that
 * no other file uses, as V8 looks up what is exported each time, and knows what is not.
 */
import { isUtf8 } from 'node:buffer';
import { hashOfBytes } from './hash-of-bytes.ts';
import {
  allSteps,
  beginAnew,
  beginNotes,
  FOLLOWS as AFTER,
  newShapes,
  noteBracket,
  noteValue,
  remember,
  ROW,
  type Shapes,
} from './known-shapes.ts';
import { CODES, compileWatch, placeOfName, type Watch, type WatchTable } from './watch-table.ts';

/** Looks at the texts of one source. */
export type Scanner = {
  readonly table: WatchTable;
  /** Of each slot, the code of what it expects. */
  readonly expected: readonly number[];
  readonly shapes: Shapes;
};

/** So many names may be watched. */
const MAX_SLOTS = 1_024;
/** Of the text that was scanned last, where the value of each slot begins (NONE where there is none) and ends. */
const STARTS = new Int32Array(MAX_SLOTS);
const ENDS = new Int32Array(MAX_SLOTS);

/** Levels below a watched object; they are bits of one number. */
const MAX_DEPTH = 30;
const MAX_OTHERS = 64;
/** Integers and decimals with so many characters at most are finite, and such integers exact. */
const MAX_DIGITS = 15;

/** `slots` has the place of each watched name in what was found, by its `slotName`. Undefined when too many are watched, or too deep. */
export function openScanner(
  watch: Watch,
  shapes = newShapes(),
): { readonly scanner: Scanner; readonly slots: ReadonlyMap<string, number> } | undefined {
  const compiled = compileWatch(watch);
  if (!compiled || compiled.slots.size > MAX_SLOTS) return undefined;
  const { table, slots, expected } = compiled;
  return { slots, scanner: { table, expected, shapes } };
}

/** Whether what is held from `start` to `end` (see `holdText`) is an object as it is expected. */
export function scanObject(start: number, end: number, { table, expected, shapes }: Scanner): boolean {
  STARTS.fill(NONE, 0, expected.length);
  if (endOfKnown(start, shapes) === end) return true;
  if (TEXT[start] !== OPEN_BRACE) return false;
  STARTS.fill(NONE, 0, expected.length);
  beginNotes();
  if (endOfObject(start + 1, table, true) !== end) return false;
  remember(TEXT, start, end, shapes, (value) => {
    const slot = STARTS.indexOf(value);
    return { slot: slot < expected.length ? slot : NONE, expected: expected[slot] ?? ANY };
  });
  return true;
}

/** Of a held text. A longer one is not held, and its records are parsed. */
const MAX_HELD = 1024 * 1024;

/** Behind the held text stands END, which ends every search, as it can stand nowhere in JSON; four bytes are read at a time. */
const TEXT = new Uint8Array(MAX_HELD + 8);
const WORDS = new DataView(TEXT.buffer);
const END = 0;

let held: Buffer | undefined;
/** A block that is no UTF-8 is not tried again for each of its records, whatever they are. */
let refused: Buffer | undefined;

/** The held text, and what was found in it: always the same arrays. Of objects it is not said where they end. */
export function found(): { readonly text: Uint8Array; readonly starts: Int32Array; readonly ends: Int32Array } {
  return { text: TEXT, starts: STARTS, ends: ENDS };
}

/**
 * Takes over the text, so that it can be looked at by place; false when it is too long or no UTF-8. It must never change, as
 * the same one is not taken over again. Of a block of records this takes 0.11 µs a record, of each by itself 0.16.
 */
export function holdText(text: Buffer): boolean {
  if (text === held) return true;
  if (text.length > MAX_HELD || !isUtf8(text)) return false;
  held = text;
  TEXT.set(text);
  TEXT.fill(END, text.length, text.length + 4);
  return true;
}

/** The same for a block of records, which is asked for with each of them. */
export function holdBlock(block: Buffer): boolean {
  if (block === refused) return false;
  const isHeld = holdText(block);
  if (!isHeld) refused = block;
  return isHeld;
}

const NONE = -1;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const SMALL_F = 0x66;
const SMALL_N = 0x6e;
const SMALL_T = 0x74;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** A newline is none, so that no text with one is passed through: chunks are cut at them. */
const SPACE = tableOf((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
const DIGIT = tableOf((byte) => byte >= ZERO && byte <= 0x39);
const HEX = tableOf((byte) => /[0-9a-fA-F]/.test(String.fromCharCode(byte)));
const ESCAPED = tableOf((byte) => '"\\/bfnrt'.includes(String.fromCharCode(byte)));

function tableOf(holds: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (holds(byte) ? 1 : 0));
}

/** Of what is expected. */
const {
  any: ANY,
  string: STRING,
  integer: INTEGER,
  number: NUMBER,
  boolean: BOOLEAN,
  object: OBJECT,
  absent: ABSENT,
} = CODES;

/** The steps of known texts, see known-shapes.ts. */
const { rows: STEPS, bytes: STEP_BYTES, forgotten: FORGOTTEN } = allSteps();
const STEP_WORDS = new DataView(STEP_BYTES.buffer);
const { BEGIN, LENGTH, FOLLOWS, SLOT, EXPECTED, CHILD, SIBLING } = ROW;
const { VALUE, NOTHING } = AFTER;
/** Of steps that may come next so many are tried. */
const MAX_TRIED = 24;

/** Hashes of the names of the outermost object that are not watched: one that comes twice makes the scan give up. */
const OTHERS = new Int32Array(MAX_OTHERS);

/** `at` is after the brace; the answer is the place after the closing one, or NONE. So it is in all that follow. */
function endOfObject(from: number, table: WatchTable, isOutermost: boolean): number {
  let others = 0;
  if (!isOutermost) noteBracket(from);
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
      if (isOutermost && !isNew(name, end, others++)) return NONE;
      at = endOfValue(at);
    } else {
      at = endOfWatched(at, place, table);
    }
    if (at === NONE) return NONE;
    at = afterSpace(at);
    if (TEXT[at] === CLOSE_BRACE) return at + 1;
    if (TEXT[at] !== COMMA) return NONE;
    at = afterSpace(at + 1);
  }
}

function placeOf(start: number, end: number, { places, factor, letters, begins }: WatchTable): number {
  const place = places[placeOfName(TEXT, start, end, factor, places.length)] ?? NONE;
  if (place === NONE) return NONE;
  let letter = begins[place] ?? 0;
  if ((begins[place + 1] ?? 0) - letter !== end - start) return NONE;
  for (let i = start; i < end; i += 1, letter += 1) if (letters[letter] !== TEXT[i]) return NONE;
  return place;
}

/** Whether the name, of which there are `count` others before, is not one of them: by its hash, so that it says no too often. */
function isNew(start: number, end: number, count: number): boolean {
  if (count === MAX_OTHERS) return false;
  const hash = hashOfBytes(TEXT, start, end);
  for (let i = 0; i < count; i += 1) if (OTHERS[i] === hash) return false;
  OTHERS[count] = hash;
  return true;
}

function endOfWatched(at: number, place: number, table: WatchTable): number {
  const slot = table.slots[place] ?? 0;
  if (STARTS[slot] !== NONE) return NONE;
  const within = table.within[place];
  if (within && TEXT[at] !== OPEN_BRACE) return NONE;
  const end = within ? endOfObject(at + 1, within, false) : endOfValue(at);
  if (end === NONE || !isAsExpected(at, end, table.expected[place] ?? 0)) return NONE;
  STARTS[slot] = at;
  ENDS[slot] = end;
  return end;
}

/** Any value, with everything in it. */
function endOfValue(from: number): number {
  let at = from;
  let depth = 0;
  /** A bit for each level, the innermost lowest: whether it is an object. */
  let objects = 0;
  for (;;) {
    const byte = TEXT[at];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth === MAX_DEPTH) return NONE;
      noteBracket(at + 1);
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
      const end = endOfScalar(at);
      noteValue(at, end);
      at = end;
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

/** Whether the value that is held from `start` to `end` is one of this code. */
function isAsExpected(start: number, end: number, expected: number): boolean {
  const first = TEXT[start];
  if (first === SMALL_N) return expected !== ABSENT; // null
  switch (expected) {
    case ANY:
      return true;
    case STRING:
      return first === QUOTE;
    case INTEGER:
      return isShortNumber(start, end, false);
    case NUMBER:
      return isShortNumber(start, end, true);
    case BOOLEAN:
      return first === SMALL_T || first === SMALL_F;
    case OBJECT:
      return first === OPEN_BRACE;
    default:
      return false;
  }
}

/** Of what is a value already. */
export function isShortNumber(start: number, end: number, isDecimal: boolean): boolean {
  if (end - start > MAX_DIGITS) return false;
  for (let i = TEXT[start] === MINUS ? start + 1 : start; i < end; i += 1) {
    if (DIGIT[TEXT[i] ?? 0] !== 1 && !(isDecimal && TEXT[i] === DOT)) return false;
  }
  return true;
}

/**
 * Where the text that begins at `from` ends, if it is a known one: then the places of the watched values are noted, of objects
 * only where they begin. Otherwise NONE, and what is noted means nothing.
 */
function endOfKnown(from: number, shapes: Shapes): number {
  if (shapes.forgotten !== FORGOTTEN[0]) beginAnew(shapes);
  let at = from;
  let step = shapes.first;
  for (let tried = 0; step !== NONE && tried < MAX_TRIED; tried += 1) {
    const next = afterStep(step, at);
    const follows = STEPS[step + FOLLOWS];
    // Where there is no value after all, it may be another step, which begins with this one.
    const end = next === NONE || follows !== VALUE ? next : endOfScalar(next);
    if (end === NONE) {
      step = STEPS[step + SIBLING] ?? NONE;
      continue;
    }
    const slot = STEPS[step + SLOT] ?? NONE;
    if (slot !== NONE) {
      if (follows === VALUE && !isAsExpected(next, end, STEPS[step + EXPECTED] ?? 0)) return NONE;
      STARTS[slot] = follows === VALUE ? next : next - 1;
      ENDS[slot] = end;
    } else if (follows === NOTHING) {
      return end;
    }
    at = end;
    step = STEPS[step + CHILD] ?? NONE;
    tried = 0;
  }
  return NONE;
}

/** The place after what the step has in the text, if that is what stands there. */
function afterStep(step: number, from: number): number {
  let at = from;
  let its = STEPS[step + BEGIN] ?? 0;
  const end = its + (STEPS[step + LENGTH] ?? 0);
  for (; its + 4 <= end; its += 4, at += 4) if (WORDS.getInt32(at) !== STEP_WORDS.getInt32(its)) return NONE;
  for (; its < end; its += 1, at += 1) if (TEXT[at] !== STEP_BYTES[its]) return NONE;
  return at;
}

function afterSpace(from: number): number {
  let at = from;
  while (SPACE[TEXT[at] ?? 0] === 1) at += 1;
  return at;
}

/**
 * The first byte that does not stand for itself in a string: a quote, a backslash or a control character. Four bytes are looked
 * at with one calculation: taking 1 from a byte borrows if it is 0, and taking 0x20 if it is less than that, which leaves its
 * highest bit set (https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord); the lowest of these is never wrong.
 */
function endOfPlain(from: number): number {
  for (let at = from; ; at += 4) {
    const word = WORDS.getInt32(at, true);
    const quotes = word ^ 0x22222222;
    const backslashes = word ^ 0x5c5c5c5c;
    const borrowed =
      ((quotes - 0x01010101) & ~quotes) | ((backslashes - 0x01010101) & ~backslashes) | ((word - 0x20202020) & ~word);
    const found = borrowed & 0x80808080;
    if (found !== 0) return at + ((31 - Math.clz32(found & -found)) >> 3);
  }
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

/** Of a string, a number, true, false or null. */
function endOfScalar(at: number): number {
  switch (TEXT[at]) {
    case QUOTE:
      return endOfString(at + 1);
    case SMALL_T:
      return TEXT[at + 1] === 0x72 && TEXT[at + 2] === 0x75 && TEXT[at + 3] === 0x65 ? at + 4 : NONE;
    case SMALL_F:
      return TEXT[at + 1] === 0x61 && TEXT[at + 2] === 0x6c && TEXT[at + 3] === 0x73 && TEXT[at + 4] === 0x65
        ? at + 5
        : NONE;
    case SMALL_N:
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
