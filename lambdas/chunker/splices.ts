/** What the steps of a source put into the text of a record that was scanned. */
import { EVENT_FIELDS, type JsonObject } from '../../shared/amplitude-event.ts';
import { type HashOptions, type LookupOptions, namesTaken } from '../../shared/enrich-step.ts';
import { stringifyExactly } from '../../shared/exact-json.ts';
import { openKeyedHash } from './enrich/hash.ts';
import { fileOfLookup } from './enrich/lookup.ts';
import type { LookupTable } from './enrich/lookup-table.ts';
import type { StepPorts } from './enrich/open-step.ts';
import { isNobody } from './ids-in-text.ts';
import { type Building, put } from './json.ts';
import { type KeptPiece, keptPieces } from './kept-pieces.ts';
import { hashOf } from './lanes.ts';
import { found, isShortNumber } from './scan-object.ts';
import { type Edit, NO_EDITS } from './spliced-text.ts';
import { isFit, type SpliceStep } from './splice-plan.ts';

const { text: TEXT, starts: STARTS, ends: ENDS } = found();
const NONE = -1;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SMALL_N = 0x6e;
const MINUS = 0x2d;

/** What a step does to the text that was scanned: adds its edits, or says that the record must be parsed. */
export type Splice = (edits: Edits) => boolean;

/** The slot of a watched name, given with the names above it; NONE when nobody watches it. */
export type Slots = { of(...names: readonly string[]): number };

/** What is put into a text. One is used for all records of a source, as one after the other is made. */
export type Edits = {
  /** Where the text begins that is held. */
  start: number;
  /** Places of the text by itself, in the order of steps. */
  places: Edit[];
  /** Slots of objects that the record does not have. */
  readonly made: number[];
  /** Ids that were hashed, by their slots: how lanes count them, and their length. */
  readonly hashed: { readonly slot: number; readonly key: number; readonly length: number }[];
};

export function newEdits(): Edits {
  return { start: 0, places: [], made: [], hashed: [] };
}

export function clear(edits: Edits, start: number): void {
  edits.start = start;
  if (edits.places.length > 0) edits.places = [];
  if (edits.made.length > 0) edits.made.length = 0;
  if (edits.hashed.length > 0) edits.hashed.length = 0;
}

/** In the place of what is held from `start` to `end`. */
function edit(edits: Edits, start: number, end: number, { bytes, start: from, end: to }: Readonly<KeptPiece>): void {
  edits.places.push({ start: start - edits.start, end: end - edits.start, piece: bytes, from, to });
}

/** Behind the text's own brace. */
function addMembers({ places }: Edits, piece: Buffer, from = 0, to = piece.length): void {
  places.push({ start: 1, end: 1, piece, from, to });
}

/** In the order of their places. */
export function takeEdits(edits: Edits): readonly Edit[] {
  const { places } = edits;
  if (places.length === 0) return NO_EDITS;
  if (places.length > 1) places.sort((a, b) => a.start - b.start);
  edits.places = [];
  return places;
}

export async function openSplice(
  step: SpliceStep,
  slots: Slots,
  ports: Pick<StepPorts, 'secret' | 'table'>,
): Promise<Splice> {
  switch (step.kind) {
    case 'set':
      return openSet(step.fields, slots);
    case 'lookup':
      return openJoin(step.options, step.key, slots, await ports.table(fileOfLookup(step.options)));
    case 'hash': {
      const key = await ports.secret(step.options.secret);
      const hashes = step.fields.map((names) => openHash(step.options, key, names, slots.of(...names)));
      return (edits) => hashes.every((hash) => hash(edits));
    }
  }
}

/** Fields as text: members of the event itself, and of objects in it, each with a comma behind it. */
type Laid = {
  readonly members: Buffer;
  readonly within: readonly { readonly target: Target; readonly members: Buffer }[];
};

/** An object of an event that members go into, and what begins it where the event has none. */
type Target = { readonly slot: number; readonly opening: Buffer };

const CLOSING = Buffer.from('},');

function targetOf(field: string, slots: Slots): Target {
  return { slot: slots.of(field), opening: Buffer.from(`${JSON.stringify(field)}:{`) };
}

function layText(fields: JsonObject, slots: Slots): Laid {
  const isObject = ([field]: readonly [string, unknown]) => EVENT_FIELDS.get(field) === 'object';
  const entries = Object.entries(fields);
  return {
    members: membersOf(Object.fromEntries(entries.filter((entry) => !isObject(entry)))),
    within: entries.filter(isObject).map(([field, value]) => {
      return { target: targetOf(field, slots), members: membersOf(value as JsonObject) };
    }),
  };
}

function membersOf(object: JsonObject): Buffer {
  const text = stringifyExactly(object).slice(1, -1);
  return Buffer.from(text === '' ? '' : `${text},`);
}

/** False where the text cannot take them as they are: an object that is empty or null, or is made by another step too. */
function addWithin({ slot, opening }: Target, piece: Readonly<KeptPiece>, edits: Edits): boolean {
  const start = STARTS[slot] ?? NONE;
  if (start === NONE) {
    if (edits.made.includes(slot)) return false;
    edits.made.push(slot);
    addMembers(edits, opening);
    addMembers(edits, piece.bytes, piece.start, Math.max(piece.start, piece.end - 1)); // without the last comma
    addMembers(edits, CLOSING);
    return true;
  }
  if (TEXT[start] === SMALL_N || TEXT[start + 1] !== QUOTE) return false;
  if (piece.end > piece.start) edit(edits, start + 1, start + 1, piece);
  return true;
}

function openSet(fields: JsonObject, slots: Slots): Splice {
  const { members, within } = layText(fields, slots);
  const pieces = within.map(({ target, members: piece }) => {
    return { target, piece: { bytes: piece, start: 0, end: piece.length, number: 0 } };
  });
  return (edits) => {
    if (members.length > 0) addMembers(edits, members);
    return pieces.every(({ target, piece }) => addWithin(target, piece, edits));
  };
}

/** What a row of a table says of its key, as the number of its piece. */
const [MISSING, UNFIT, FOUND] = [0, 1, 2];
const NOTHING = Buffer.alloc(0);

function openJoin(options: LookupOptions, key: readonly string[], slots: Slots, table: LookupTable): Splice {
  const { into = 'event_properties', missing = 'leave' } = options;
  const names = namesTaken(options).map(([, name]) => name);
  const slot = slots.of(...key);
  const target = into === 'event' ? undefined : targetOf(into, slots);
  const find = keptPieces((text) => {
    const values = table.find(text);
    if (!values) return { piece: NOTHING, number: MISSING };
    const row: Building = {};
    for (const [i, name] of names.entries()) if (values[i] !== undefined) put(row, name, values[i]);
    const fields = (into === 'event' ? row : { [into]: row }) as JsonObject; // the table gives what JSON gave
    return isFit(fields) ? { piece: membersOf(row as JsonObject), number: FOUND } : { piece: NOTHING, number: UNFIT };
  });
  return (edits) => {
    const start = STARTS[slot] ?? NONE;
    if (start === NONE || TEXT[start] === SMALL_N) return missing === 'leave';
    const end = ENDS[slot] ?? 0;
    const isText = TEXT[start] === QUOTE;
    // A short integer is the text that it is written as.
    if (isText ? hasEscape(start, end) : TEXT[start] === MINUS || !isShortNumber(start, end, false)) return false;
    if (isText && end - start === 2) return missing === 'leave';
    const piece = isText ? find(start + 1, end - 1) : find(start, end);
    if (piece.number !== FOUND) return piece.number === MISSING && missing === 'leave';
    if (target) return addWithin(target, piece, edits);
    if (piece.end > piece.start) addMembers(edits, piece.bytes, piece.start, piece.end);
    return true;
  };
}

function hasEscape(start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (TEXT[at] === BACKSLASH) return true;
  return false;
}

function openHash(options: HashOptions, key: string, names: readonly string[], slot: number): Splice {
  const isId = names.length === 1 && (names[0] === 'user_id' || names[0] === 'device_id');
  const keyedHash = openKeyedHash(key, options);
  const { length } = keyedHash('any');
  /** No piece where an id stands for nobody: that is not hashed, and not taken either. The number is the hash's own key. */
  const hashOfText = keptPieces((text) => {
    const hash = keyedHash(text);
    if (isId && (isNobody(text) || isNobody(hash))) return { piece: NOTHING, number: 0 };
    return { piece: Buffer.from(JSON.stringify(hash)), number: hashOf(hash) };
  });
  return (edits) => {
    const start = STARTS[slot] ?? NONE;
    if (start === NONE || TEXT[start] === SMALL_N) return true;
    // A lookup before it may take something else at the same place.
    if (TEXT[start] !== QUOTE) return false;
    const end = ENDS[slot] ?? 0;
    if (end - start === 2) return true;
    if (hasEscape(start, end)) return false;
    const hashed = hashOfText(start + 1, end - 1);
    if (hashed.end === hashed.start) return false;
    edit(edits, start, end, hashed);
    if (isId) edits.hashed.push({ slot, key: hashed.number >>> 0, length });
    return true;
  };
}
