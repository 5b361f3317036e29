/** Sends the text of a record as it stands where a function only added to it: then nothing of it is written anew. */
import { EVENT_FIELDS, type JsonObject, MAX_DEPTH } from '../../shared/amplitude-event.ts';
import { stringifyExactly } from '../../shared/exact-json.ts';
import { isJsonObject } from './json.ts';
import { type Edit, NO_EDITS, type SplicedText } from './spliced-text.ts';

/** A record's text, and what was in the record before a function could change it. */
export type KeptText = {
  readonly text: Buffer;
  /** Of its members. */
  readonly names: readonly string[];
  readonly values: readonly unknown[];
  /** What is in those that are objects or lists, and in these: names and values, and an END after the last of each. */
  readonly inner: readonly unknown[];
  /** Where in `inner` that of each member begins. */
  readonly starts: readonly number[];
  /** How many names there are, at all levels. */
  readonly named: number;
};

/**
 * `value` is what JSON.parse made of the text. Undefined for what is no object, where a number may be inexact, and for what is
 * nested too deeply for an event. An event of 600 bytes that gained a field takes 4 µs by this and `withAdded`; JSON.stringify,
 * the encoding of its string as UTF-8 and the look at its numbers take 6.
 */
export function keepText(
  text: Buffer,
  value: unknown,
): { readonly value: JsonObject; readonly kept: KeptText } | undefined {
  if (!isJsonObject(value)) return undefined;
  const names: string[] = [];
  const values: unknown[] = [];
  const inner: unknown[] = [];
  const starts: number[] = [];
  let named = 0;
  for (const name in value) {
    const its = value[name];
    names.push(name);
    values.push(its);
    starts.push(inner.length);
    const within = namesIn(its, inner, MAX_DEPTH);
    if (within === NONE) return undefined;
    named += 1 + within;
  }
  return { value, kept: { text, names, values, inner, starts, named } };
}

const NONE = -1;
const END = Symbol('end');

/** Notes what is in the value; NONE where that cannot be. */
function namesIn(value: unknown, inner: unknown[], levels: number): number {
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? 0 : NONE;
  if (typeof value !== 'object' || value === null) return 0;
  if (levels === 0) return NONE;
  let named = 0;
  if (Array.isArray(value)) {
    for (const each of value as readonly unknown[]) {
      inner.push(each);
      const within = namesIn(each, inner, levels - 1);
      if (within === NONE) return NONE;
      named += within;
    }
  } else {
    for (const name in value) {
      const each = (value as Readonly<Record<string, unknown>>)[name];
      inner.push(name, each);
      const within = namesIn(each, inner, levels - 1);
      if (within === NONE) return NONE;
      named += 1 + within;
    }
  }
  inner.push(END);
  return named;
}

/**
 * The text of an event that begins with all that was in its record, unchanged: the record's, with what was added put behind
 * it. Undefined when it is not that, or the text has a name twice, of which the record has only the last one.
 */
export function withAdded(event: JsonObject, id: string, kept: KeptText): SplicedText | undefined {
  const { text, names, values, inner, starts, named } = kept;
  let found = 0;
  let added = '';
  for (const name in event) {
    const value = event[name];
    if (found < names.length) {
      if (names[found] !== name || values[found] !== value) return undefined;
      if (endOfSame(value, inner, starts[found] ?? 0) === NONE) return undefined;
      if (typeof value === 'number' && EVENT_FIELDS.get(name) === 'integer' && !isPlain(name, value, text))
        return undefined;
      found += 1;
    } else if (name === 'toJSON') return undefined;
    else if (name !== 'insert_id' || value) added += memberText(name, value);
  }
  if (found < names.length || found === 0 || namesInText(text) !== named || text.includes(NEWLINE)) return undefined;
  if (event.insert_id) return { text, edits: behind(text, added) };
  if (names.includes('insert_id')) return undefined;
  if (PLAIN.test(id)) return { text, id, edits: behind(text, added) };
  return { text, edits: behind(text, `${added},"insert_id":${JSON.stringify(id)}`) };
}

/** Whether the whole number is written as one: nobody knows what Amplitude makes of 1.7e12 or 1700000000000.0 as a time. */
function isPlain(name: string, value: number, text: Buffer): boolean {
  const member = `"${name}":${value}`;
  const at = text.indexOf(member);
  const next = text[at + member.length];
  return at !== -1 && (next === COMMA || next === CLOSE_BRACE);
}

/** Most ids are made from a record's bytes or place. */
const PLAIN = /^[\w-]+$/;

/** With a comma before it; nothing for what JSON has no text for. */
function memberText(name: string, value: unknown): string {
  const text = stringifyExactly({ [name]: value }).slice(1, -1);
  return text === '' ? '' : `,${text}`;
}

function behind(text: Buffer, added: string): readonly Edit[] {
  if (added === '') return NO_EDITS;
  const place = text.length - 1;
  const piece = added === last.added ? last.piece : Buffer.from(added);
  last = { added, piece };
  return [{ start: place, end: place, piece, from: 0, to: piece.length }];
}

/** Many events of a dump have the same added. */
let last = { added: '', piece: Buffer.alloc(0) };

/** Where what was noted of the value ends, if that is still all that is in it; otherwise NONE. */
function endOfSame(value: unknown, inner: readonly unknown[], start: number): number {
  if (typeof value !== 'object' || value === null) return start;
  if (typeof (value as { readonly toJSON?: unknown }).toJSON === 'function') return NONE;
  let at = start;
  if (Array.isArray(value)) {
    for (const each of value as readonly unknown[]) {
      if (inner[at] !== each) return NONE;
      at = endOfSame(each, inner, at + 1);
      if (at === NONE) return NONE;
    }
  } else {
    for (const name in value) {
      const each = (value as Readonly<Record<string, unknown>>)[name];
      if (inner[at] !== name || inner[at + 1] !== each) return NONE;
      at = endOfSame(each, inner, at + 2);
      if (at === NONE) return NONE;
    }
  }
  return inner[at] === END ? at + 1 : NONE;
}

const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;
/** Chunks are cut at them. */
const NEWLINE = 0x0a;

/**
 * How many names there are in the text of an object, or more: a quote with a colon behind it also begins the string ":".
 * NONE where white space follows a quote, so that there could be names beside these.
 */
function namesInText(text: Buffer): number {
  let named = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== QUOTE) continue;
    const next = text[at + 1] ?? 0;
    if (next === COLON) named += 1;
    else if (next <= SPACE) return NONE;
  }
  return named;
}
