/** What the scan of a text looks for: names, what their values must be, and the tables by which it finds them. */

/** Where something is that is not there. */
export const NONE = -1;

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

/** Hashes of names have so many values. */
const PLACES = 256;

/** The tables of a watch, and how the slots are numbered: `slots` has each under its `slotName`. */
export function compileWatch(watch: Watch): {
  readonly table: WatchTable;
  readonly slots: ReadonlyMap<string, number>;
  /** The code of what each slot expects. */
  readonly expected: readonly number[];
} {
  const slots = new Map<string, number>();
  const table = tableFor(watch, [], slots);
  return { table, slots, expected: expectedOf(table, []) };
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
export function hashOfName(text: Uint8Array, start: number, end: number, factor: number): number {
  if (start === end) return 0;
  const first = text[start] ?? 0;
  const middle = text[(start + end) >> 1] ?? 0;
  const last = text[end - 1] ?? 0;
  const mixed = Math.imul(first + (middle << 8) + (last << 16) + ((end - start) << 20), factor);
  return (mixed ^ (mixed >>> 16) ^ (mixed >>> 8)) & (PLACES - 1);
}
