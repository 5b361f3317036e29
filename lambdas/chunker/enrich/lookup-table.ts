/** A million rows in little memory: keys and values as bytes in large pages, found by an index of hashes. */
import type { Json } from '../../../shared/amplitude-event.ts';
import { parseExactly, stringifyExactly } from '../../../shared/exact-json.ts';

/** A row is within one page; a longer one is refused. */
const PAGE_BITS = 20;
export const PAGE_BYTES = 2 ** PAGE_BITS;
const FIRST_SLOTS = 1_024;
/** Of the slots at most so many are taken: beyond, the way to a free one becomes long. */
const FULLEST = 0.6;
const SLOT_BYTES = 8;

/** What the tables of a process take together, bytes; at most 4 GiB, as a place in a table is 32 bits. */
export type Memory = { readonly max: number; used: number };

export type Values = readonly (Json | undefined)[];

export type LookupTable = {
  readonly rows: number;
  /** Of memory. */
  readonly bytes: number;
  /** The values of the row with this key, in the order of the columns; undefined where a column has none. */
  find(key: string): Values | undefined;
};

export type TableBuilder = LookupTable & {
  /**
   * Adds a row, or takes the place of the row with this key. Null is no value.
   * `too-long`: it does not fit a page; `full`: no memory is left for it. Then nothing was changed.
   */
  put(key: string, values: Values): 'done' | 'too-long' | 'full';
  /** Gives the memory back; the table is of no use any more. */
  drop(): void;
};

/**
 * A row is the length of its key and whether it is wide; the key; for each column a head; the text of all columns. Text is
 * Latin-1, or UTF-16 in a wide row: both give back any text as it was, and one call reads that of all columns.
 */
export function startTable(columns: number, memory: Memory): TableBuilder {
  const pages: Buffer[] = [];
  /** Where in the last page the next row goes. */
  let end = PAGE_BYTES;
  let rows = 0;
  let bytes = 0;
  let index = emptyIndex(0);

  function claim(more: number): boolean {
    if (memory.used + more > memory.max) return false;
    memory.used += more;
    bytes += more;
    return true;
  }

  /** The page with this place, and where in it that is. */
  const pageAt = (place: number): Buffer => pages[place >>> PAGE_BITS] ?? NO_PAGE;
  const within = (place: number): number => place & (PAGE_BYTES - 1);

  /** The slot of the key, or the free one where it would go. */
  function slotOf(key: string, hash: number): number {
    const mask = index.length - 2;
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const taken = index[slot] ?? 0;
      if (taken === 0) return slot;
      if (index[slot + 1] === hash && hasKey(pageAt(taken - 1), within(taken - 1), key)) return slot;
    }
  }

  function growIndex(): boolean {
    const slots = Math.max(FIRST_SLOTS, index.length);
    if (!claim(slots * SLOT_BYTES - index.byteLength)) return false;
    index = reindexed(index, slots);
    return true;
  }

  function makeRoom(most: number): boolean {
    if (end + most <= PAGE_BYTES) return true;
    if (!claim(PAGE_BYTES)) return false;
    pages.push(Buffer.allocUnsafeSlow(PAGE_BYTES));
    end = 0;
    return true;
  }

  return {
    get rows() {
      return rows;
    },
    get bytes() {
      return bytes;
    },
    find(key) {
      if (rows === 0) return undefined;
      const taken = index[slotOf(key, hashOf(key))] ?? 0;
      return taken === 0 ? undefined : readValues(pageAt(taken - 1), within(taken - 1), columns);
    },
    put(key, values) {
      const row = rowOf(key, values);
      if (row.most > PAGE_BYTES) return 'too-long';
      if (rows * 2 >= index.length * FULLEST && !growIndex()) return 'full';
      if (!makeRoom(row.most)) return 'full';
      const hash = hashOf(key);
      const slot = slotOf(key, hash);
      if (index[slot] === 0) rows += 1;
      index[slot] = (pages.length - 1) * PAGE_BYTES + end + 1;
      index[slot + 1] = hash;
      end = writeRow(pages.at(-1) ?? NO_PAGE, end, row);
      return 'done';
    },
    drop() {
      memory.used -= bytes;
      pages.length = 0;
      [rows, bytes, end, index] = [0, 0, PAGE_BYTES, emptyIndex(0)];
    },
  };
}

const NO_PAGE = Buffer.alloc(0);

/** For each slot where its row is, and 1 (0: it is free), then the hash. A power of two of slots. */
function emptyIndex(slots: number): Uint32Array {
  return new Uint32Array(slots * 2);
}

function reindexed(index: Uint32Array, slots: number): Uint32Array {
  const larger = emptyIndex(slots);
  const mask = larger.length - 2;
  for (let i = 0; i < index.length; i += 2) {
    const taken = index[i] ?? 0;
    const hash = index[i + 1] ?? 0;
    if (taken === 0) continue;
    let slot = (hash << 1) & mask;
    while (larger[slot] !== 0) slot = (slot + 2) & mask;
    larger[slot] = taken;
    larger[slot + 1] = hash;
  }
  return larger;
}

/** FNV-1a over the text's units, then mixed (MurmurHash3) so that its low bits say as much as its high ones. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The kinds of values: two bits of a head. The rest of it is the constant itself, or the length of the text. */
const CONSTANT = 0;
const TEXT = 1;
const NUMBER = 2;
const JSON_TEXT = 3;
const KIND_BITS = 2;
const CONSTANTS: readonly (Json | undefined)[] = [undefined, true, false];

/** `most`: bytes that it takes at most. */
type Row = { readonly key: string; readonly heads: readonly number[]; readonly text: string; readonly most: number };

function rowOf(key: string, values: Values): Row {
  const heads: number[] = [];
  let text = '';
  for (const value of values) {
    const [kind, its] = written(value);
    heads.push(typeof its === 'number' ? its << KIND_BITS : (its.length << KIND_BITS) | kind);
    if (typeof its === 'string') text += its;
  }
  return { key, heads, text, most: MAX_NUMBER_BYTES * (1 + heads.length) + 2 * (key.length + text.length) };
}

function written(value: Json | undefined): readonly [kind: number, written: string | number] {
  if (typeof value === 'string') return [TEXT, value];
  if (typeof value === 'number') return [NUMBER, String(value)];
  if (value === null || typeof value !== 'object') {
    const constant = CONSTANTS.indexOf(value ?? undefined);
    if (constant !== -1) return [CONSTANT, constant];
  }
  return [JSON_TEXT, stringifyExactly(value)];
}

/** Gives where it ends. */
function writeRow(page: Buffer, at: number, { key, heads, text }: Row): number {
  const isWide = BEYOND_LATIN1.test(key) || BEYOND_LATIN1.test(text);
  const encoding = isWide ? 'utf16le' : 'latin1';
  let to = writeNumber(page, at, (key.length << 1) | Number(isWide));
  to += page.write(key, to, encoding);
  for (const head of heads) to = writeNumber(page, to, head);
  return to + page.write(text, to, encoding);
}

const BEYOND_LATIN1 = /[^\0-\xff]/;

function hasKey(page: Buffer, at: number, key: string): boolean {
  const head = readNumber(page, at);
  if (head >>> 1 !== key.length) return false;
  const from = at + numberBytes(head);
  if ((head & 1) === 0) {
    for (let i = 0; i < key.length; i += 1) if (page[from + i] !== key.charCodeAt(i)) return false;
    return true;
  }
  for (let i = 0; i < key.length; i += 1) {
    const unit = (page[from + 2 * i] ?? 0) | ((page[from + 2 * i + 1] ?? 0) << 8);
    if (unit !== key.charCodeAt(i)) return false;
  }
  return true;
}

/** Of the row that is being read: one row is read at a time, and a list for each would be as slow as the rest of it. */
let heads = new Uint32Array(64);

function readValues(page: Buffer, at: number, columns: number): (Json | undefined)[] {
  if (heads.length < columns) heads = new Uint32Array(columns);
  const key = readNumber(page, at);
  const unitBytes = 1 + (key & 1);
  let from = at + numberBytes(key) + (key >>> 1) * unitBytes;
  let length = 0;
  for (let i = 0; i < columns; i += 1) {
    const head = readNumber(page, from);
    heads[i] = head;
    from += numberBytes(head);
    if ((head & 3) !== CONSTANT) length += head >>> KIND_BITS;
  }
  const text = page.toString(unitBytes === 1 ? 'latin1' : 'utf16le', from, from + length * unitBytes);
  const values: (Json | undefined)[] = [];
  let start = 0;
  for (let i = 0; i < columns; i += 1) {
    const head = heads[i] ?? 0;
    const kind = head & 3;
    const end = start + (kind === CONSTANT ? 0 : head >>> KIND_BITS);
    values.push(kind === CONSTANT ? CONSTANTS[head >>> KIND_BITS] : readValue(kind, text.slice(start, end)));
    start = end;
  }
  return values;
}

function readValue(kind: number, text: string): Json {
  return kind === TEXT ? text : kind === NUMBER ? Number(text) : parseExactly(text);
}

/** 32 bits, seven in a byte. */
const MAX_NUMBER_BYTES = 5;

/** Seven bits in a byte, the lowest first; the highest bit says that another follows. Gives where it ends. */
function writeNumber(page: Buffer, at: number, number: number): number {
  let rest = number >>> 0;
  let to = at;
  for (; rest > 0x7f; rest >>>= 7) page[to++] = (rest & 0x7f) | 0x80;
  page[to++] = rest;
  return to;
}

function readNumber(page: Buffer, at: number): number {
  let byte = page[at] ?? 0;
  let number = byte & 0x7f;
  for (let shift = 7, from = at + 1; byte > 0x7f; shift += 7, from += 1) {
    byte = page[from] ?? 0;
    number |= (byte & 0x7f) << shift;
  }
  return number >>> 0;
}

function numberBytes(number: number): number {
  return number < 2 ** 7 ? 1 : number < 2 ** 14 ? 2 : number < 2 ** 21 ? 3 : number < 2 ** 28 ? 4 : MAX_NUMBER_BYTES;
}
