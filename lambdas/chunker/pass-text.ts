/** Makes an event of a record without parsing it: its text is scanned, and what is added to it is put into the text. */
import { EVENT_FIELDS, DEFAULT_MIN_ID_LENGTH, INVALID_IDS, type JsonObject } from '../../shared/amplitude-event.ts';
import { chunkLimits } from '../../shared/chunk-limits.ts';
import type { Source } from '../../shared/config.ts';
import type { HashOptions, LookupOptions } from '../../shared/enrich-step.ts';
import { stringifyExactly } from '../../shared/exact-json.ts';
import { namesTaken } from '../../shared/enrich-step.ts';
import { openKeyedHash } from './enrich/hash.ts';
import { fileOfLookup } from './enrich/lookup.ts';
import type { LookupTable } from './enrich/lookup-table.ts';
import type { StepPorts } from './enrich/open-step.ts';
import { type Building, put } from './json.ts';
import { type KeptPiece, keptPieces } from './kept-pieces.ts';
import { hashOf, NOBODY } from './lanes.ts';
import type { MadeEvents, PreparedEvent } from './make-events.ts';
import type { RawRecord } from './raw-record.ts';
import { FAR_FUTURE } from './read-time.ts';
import { found, holdText, isShortNumber, openScanner, type Scanner, scanObject } from './scan-object.ts';
import { type Edit, NO_EDITS, sizeOfText } from './spliced-text.ts';
import { isFit, type SplicePlan, splicePlan, type SpliceStep } from './splice-plan.ts';
import { type Expected, slotName } from './watch-table.ts';

const { text: TEXT, starts: STARTS, ends: ENDS } = found();
const NONE = -1;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SMALL_N = 0x6e;
const MINUS = 0x2d;
const ZERO = 0x30;

/** Undefined when the record must be parsed, whether there is anything wrong with it or not. `id` is the insert_id if it has none. */
export type PassText = (record: RawRecord, id: () => string) => MadeEvents | undefined;

/** Opens the passing through of a source; undefined when its records must be parsed. */
export async function openPassText(
  source: Source,
  ports: Pick<StepPorts, 'secret' | 'table'>,
): Promise<PassText | undefined> {
  const plan = splicePlan(source);
  if (!plan) return undefined;
  const opened = compileScan(plan);
  if (!opened) return undefined;
  const { slots, scanner } = opened;
  const splices = await Promise.all(plan.steps.map((step) => openSplice(step, slots, ports)));
  return passText(source, slots, scanner, splices);
}

/** The same of a source without steps. */
export function plainPassText(source: Source): PassText | undefined {
  const plan = splicePlan(source);
  if (!plan || plan.steps.length > 0) return undefined;
  const opened = compileScan(plan);
  if (!opened) return undefined;
  const { slots, scanner } = opened;
  return passText(source, slots, scanner, []);
}

/** What a step does to the text that was scanned: adds its edits, or says that the record must be parsed. */
type Splice = (edits: Edits) => boolean;

type Slots = { of(...names: readonly string[]): number };

function compileScan({ steps, added }: SplicePlan) {
  const watch = new Map<string, Watched>();
  for (const [field, expected] of EVENT_FIELDS) watch.set(field, { expected });
  for (const step of steps) {
    if (step.kind === 'lookup') watchPlace(watch, step.key, 'any');
    if (step.kind === 'hash') for (const field of step.fields) watchPlace(watch, field, 'string');
  }
  for (const place of added) watchPlace(watch, place, 'absent');
  const opened = openScanner(watch);
  if (!opened) return undefined;
  const of = (...names: readonly string[]) => opened.slots.get(slotName(names)) ?? NONE;
  return { slots: { of }, scanner: opened.scanner };
}

type Watched = { expected: Expected; within?: Map<string, Watched> };

/** What is expected already stays, but what is added must not be there in any case. */
function watchPlace(watch: Map<string, Watched>, [name = '', ...below]: readonly string[], expected: Expected): void {
  const known = watch.get(name) ?? { expected: below.length > 0 ? 'object' : expected };
  watch.set(name, known);
  if (below.length > 0) watchPlace((known.within ??= new Map()), below, expected);
  else if (expected === 'absent') known.expected = expected;
}

function passText(source: Source, slots: Slots, scanner: Scanner, splices: readonly Splice[]): PassText {
  const { caps, minIdLength = DEFAULT_MIN_ID_LENGTH } = source;
  const { chunkBytes } = chunkLimits(source);
  const [typeSlot, userSlot, deviceSlot] = [slots.of('event_type'), slots.of('user_id'), slots.of('device_id')];
  const [timeSlot, insertIdSlot] = [slots.of('time'), slots.of('insert_id')];
  const edits = newEdits();
  return (record, id) => {
    const { bytes, length, parsed } = record;
    if (parsed !== undefined || length > caps.recordBytes) return undefined;
    const start = hold(record);
    if (start === NONE || !scanObject(start, start + length, scanner) || !hasText(typeSlot)) return undefined;
    clear(edits, start);
    for (const splice of splices) if (!splice(edits)) return undefined;
    const user = idAt(userSlot, edits, minIdLength);
    const device = idAt(deviceSlot, edits, minIdLength);
    if (user === UNUSUAL || device === UNUSUAL || (user === NOBODY && device === NOBODY)) return undefined;
    const ms = timeAt(timeSlot);
    if (ms !== undefined && ms >= FAR_FUTURE) return undefined;
    const isOwnId = STARTS[insertIdSlot] !== NONE;
    if (isOwnId && !hasText(insertIdSlot)) return undefined;
    const ownId = isOwnId ? undefined : id();
    const added = takeEdits(edits);
    const size = sizeOfText(bytes, ownId, added);
    if (size > chunkBytes) return undefined;
    const event: PreparedEvent = { text: bytes, id: ownId, edits: added, bytes: size, device, user, time: ms };
    return { kind: 'events', events: [event], refused: NOTHING_REFUSED };
  };
}

const NOTHING_REFUSED: readonly never[] = [];

/** Holds the record with those that were read with it, or by itself. Gives where it begins, or NONE. */
function hold({ bytes, block, start = 0 }: RawRecord): number {
  if (block && holdText(block)) return start;
  return holdText(bytes) ? 0 : NONE;
}

/** Whether the value is a string that is not empty. */
function hasText(slot: number): boolean {
  const start = STARTS[slot] ?? NONE;
  return start !== NONE && TEXT[start] === QUOTE && (ENDS[slot] ?? 0) - start > 2;
}

/** Of an id, where the record has to be parsed to say what it is. */
const UNUSUAL = -2;

/** The id's hash, as lanes count by it; NOBODY when there is none or it is null, UNUSUAL when it cannot be taken as it stands. */
function idAt(slot: number, { hashed }: Edits, minLength: number): number {
  for (const one of hashed) if (one.slot === slot) return one.length >= minLength ? one.key : UNUSUAL;
  const quote = STARTS[slot] ?? NONE;
  if (quote === NONE || TEXT[quote] === SMALL_N) return NOBODY;
  const start = quote + 1;
  const end = (ENDS[slot] ?? 0) - 1;
  let bits = 0;
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at += 1) {
    const byte = TEXT[at] ?? 0;
    if (byte === BACKSLASH) return UNUSUAL;
    bits |= byte;
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  const length = end - start;
  if (bits >= 0x80 || mayBeNobody(length, TEXT[start] ?? 0)) return keyOf(textFrom(start, end), minLength);
  return length >= minLength ? hash >>> 0 : UNUSUAL;
}

function keyOf(id: string, minLength: number): number {
  return id.length >= minLength && !isNobody(id) ? hashOf(id) : UNUSUAL;
}

function isNobody(id: string): boolean {
  return mayBeNobody(id.length, id.charCodeAt(0)) && INVALID_IDS.has(id.toLowerCase());
}

/** By their length and first character most ids are seen to be none of them. */
function mayBeNobody(length: number, first: number): boolean {
  return NOBODY_STARTS[length * 128 + (first | 0x20)] === 1;
}

const NOBODY_STARTS = new Uint8Array(128 * 64);
for (const id of INVALID_IDS) NOBODY_STARTS[id.length * 128 + (id.charCodeAt(0) | 0x20)] = 1;

function textFrom(start: number, end: number): string {
  return Buffer.from(TEXT.buffer, start, end - start).toString();
}

/** Of a short integer. */
function timeAt(slot: number): number | undefined {
  const start = STARTS[slot] ?? NONE;
  if (start === NONE || TEXT[start] === SMALL_N) return undefined;
  const end = ENDS[slot] ?? 0;
  let value = 0;
  for (let at = TEXT[start] === MINUS ? start + 1 : start; at < end; at += 1)
    value = 10 * value + (TEXT[at] ?? 0) - ZERO;
  return TEXT[start] === MINUS ? -value : value;
}

/** What is put into a text. One is used for all records of a source, as one after the other is made. */
type Edits = {
  /** Where the text begins that is held. */
  start: number;
  /** Places of the text by itself, in the order of steps. */
  places: Edit[];
  /** Slots of objects that the record does not have. */
  readonly made: number[];
  /** Ids that were hashed, by their slots: how lanes count them, and their length. */
  readonly hashed: { readonly slot: number; readonly key: number; readonly length: number }[];
};

function newEdits(): Edits {
  return { start: 0, places: [], made: [], hashed: [] };
}

function clear(edits: Edits, start: number): void {
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

function takeEdits(edits: Edits): readonly Edit[] {
  const { places } = edits;
  if (places.length === 0) return NO_EDITS;
  if (places.length > 1) places.sort((a, b) => a.start - b.start);
  edits.places = [];
  return places;
}

async function openSplice(step: SpliceStep, slots: Slots, ports: Pick<StepPorts, 'secret' | 'table'>): Promise<Splice> {
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
function addWithin(
  { slot, opening }: Target,
  { bytes, start: from, end: to }: Readonly<KeptPiece>,
  edits: Edits,
): boolean {
  const start = STARTS[slot] ?? NONE;
  if (start === NONE) {
    if (edits.made.includes(slot)) return false;
    edits.made.push(slot);
    addMembers(edits, opening);
    addMembers(edits, bytes, from, Math.max(from, to - 1)); // without the last comma
    addMembers(edits, CLOSING);
    return true;
  }
  if (TEXT[start] === SMALL_N || TEXT[start + 1] !== QUOTE) return false;
  if (to > from)
    edits.places.push({ start: start + 1 - edits.start, end: start + 1 - edits.start, piece: bytes, from, to });
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
    const found = isText ? find(start + 1, end - 1) : find(start, end);
    if (found.number !== FOUND) return found.number === MISSING && missing === 'leave';
    if (target) return addWithin(target, found, edits);
    if (found.end > found.start) addMembers(edits, found.bytes, found.start, found.end);
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
    if (isId && isNobody(text)) return { piece: NOTHING, number: 0 };
    const hash = keyedHash(text);
    return { piece: Buffer.from(JSON.stringify(hash)), number: hashOf(hash) };
  });
  return (edits) => {
    const start = STARTS[slot] ?? NONE;
    const end = ENDS[slot] ?? 0;
    if (start === NONE || TEXT[start] === SMALL_N || end - start === 2) return true;
    if (hasEscape(start, end)) return false;
    const hashed = hashOfText(start + 1, end - 1);
    if (hashed.end === hashed.start) return false;
    edit(edits, start, end, hashed);
    if (isId) edits.hashed.push({ slot, key: hashed.number >>> 0, length });
    return true;
  };
}
