/** What the scan of a text looks for: names, what their values must be, and the tables by which it finds them. */
import { hashOfBytes } from './hash-of-bytes.ts';

/** Where something is that is not there. */
export const NONE = -1;

/** What the value of a watched name must be; null is always fine, as it counts as left out. */
export type Expected = 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'any' | 'absent';

/** What is watched in an object: for each name what is expected, and what is watched within it (which makes it an object). */
export type Watch = ReadonlyMap<string, { readonly expected: Expected; readonly within?: Watch }>;

/** A watch as tables. Each watched name, however deep, has a number of its own: its slot. */
export type WatchTable = {
  /** For the place of a name (see `placeOfName`) where it is in the lists below, or NONE. */
  readonly places: Int16Array;
  readonly factor: number;
  /** The names one after the other, and where each begins and the last one ends. */
  readonly letters: Uint8Array;
  readonly begins: Int32Array;
  readonly expected: readonly number[];
  readonly slots: readonly number[];
  readonly within: readonly (WatchTable | undefined)[];
};

/** `Expected` as the tables have it. */
export const CODES: Readonly<Record<Expected, number>> = {
  any: 0,
  string: 1,
  integer: 2,
  number: 3,
  boolean: 4,
  object: 5,
  absent: 6,
};

/** A table has at least so many places, and at most so many. */
const FEWEST_PLACES = 256;
const MOST_PLACES = 65_536;
/** So many factors are tried for each size. */
const FACTORS = 64;
/** Of names that lead to a value: with the levels that are scanned below them, no event is nested too deeply for Amplitude. */
const MAX_NAMES = 10;

/**
 * The tables of a watch, and how the slots are numbered: `slots` has each under its `slotName`. Undefined where there are no
 * such tables: so many names are not worth it, or they lead too deep.
 */
export function compileWatch(watch: Watch):
  | {
      readonly table: WatchTable;
      readonly slots: ReadonlyMap<string, number>;
      /** The code of what each slot expects. */
      readonly expected: readonly number[];
    }
  | undefined {
  const slots = new Map<string, number>();
  const table = tableFor(watch, [], slots);
  return table && { table, slots, expected: expectedOf(table, []) };
}

function expectedOf({ slots, expected, within }: WatchTable, all: number[]): readonly number[] {
  for (const [i, slot] of slots.entries()) {
    all[slot] = expected[i] ?? CODES.any;
    const inner = within[i];
    if (inner) expectedOf(inner, all);
  }
  return all;
}

export function slotName(names: readonly string[]): string {
  return JSON.stringify(names);
}

function tableFor(watch: Watch, above: readonly string[], slots: Map<string, number>): WatchTable | undefined {
  if (above.length === MAX_NAMES) return undefined;
  const entries = [...watch];
  const names = entries.map(([name]) => Buffer.from(name));
  const own = entries.map(([name]) => {
    slots.set(slotName([...above, name]), slots.size);
    return slots.size - 1;
  });
  const found = placesOf(names);
  if (!found) return undefined;
  const below: (WatchTable | undefined)[] = [];
  for (const [name, { within }] of entries) {
    const table = within && tableFor(within, [...above, name], slots);
    if (within && !table) return undefined;
    below.push(table);
  }
  return {
    ...found,
    ...lettersOf(names),
    slots: own,
    expected: entries.map(([, { expected }]) => CODES[expected]),
    within: below,
  };
}

/** A size and a factor with which no two names have the same place: then a name is compared with one other at most. */
function placesOf(names: readonly Buffer[]): Pick<WatchTable, 'factor' | 'places'> | undefined {
  for (let size = FEWEST_PLACES; size <= MOST_PLACES; size *= 2) {
    for (let factor = 1; factor < 2 * FACTORS; factor += 2) {
      const places = new Int16Array(size).fill(NONE);
      const isFree = names.every((name, i) => {
        const place = placeOfName(name, 0, name.length, factor, size);
        if (places[place] !== NONE) return false;
        places[place] = i;
        return true;
      });
      if (isFree) return { factor, places };
    }
  }
  return undefined;
}

function lettersOf(names: readonly Buffer[]): Pick<WatchTable, 'letters' | 'begins'> {
  const begins = new Int32Array(names.length + 1);
  for (const [i, name] of names.entries()) begins[i + 1] = (begins[i] ?? 0) + name.length;
  return { letters: new Uint8Array(Buffer.concat(names)), begins };
}

/** By its hash, of which each factor takes other bits; `size` is a power of two. */
export function placeOfName(text: Uint8Array, start: number, end: number, factor: number, size: number): number {
  const hash = hashOfBytes(text, start, end);
  const mixed = Math.imul(hash ^ (hash >>> 15), factor);
  return (mixed ^ (mixed >>> 16)) & (size - 1);
}
