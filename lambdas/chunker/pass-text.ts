/** Makes an event of a record without parsing it: its text is scanned, and what is added to it is put into the text. */
import { isUtf8 } from 'node:buffer';
import { EVENT_FIELDS, DEFAULT_MIN_ID_LENGTH, INVALID_IDS, type JsonObject } from '../../shared/amplitude-event.ts';
import { chunkLimits } from '../../shared/chunk-limits.ts';
import type { Source } from '../../shared/config.ts';
import type { HashOptions, LookupOptions } from '../../shared/enrich-step.ts';
import { stringifyExactly } from '../../shared/exact-json.ts';
import { namesTaken } from '../../shared/enrich-step.ts';
import { keptHashes } from './enrich/hash.ts';
import { fileOfLookup } from './enrich/lookup.ts';
import type { LookupTable } from './enrich/lookup-table.ts';
import type { StepPorts } from './enrich/open-step.ts';
import { type Building, put } from './json.ts';
import type { MadeEvents, PreparedEvent } from './make-events.ts';
import type { RawRecord } from './raw-record.ts';
import { FAR_FUTURE } from './read-time.ts';
import {
  compileWatch,
  type Expected,
  isShortNumber,
  newScan,
  NONE,
  type Scan,
  scanObject,
  slotName,
} from './scan-object.ts';
import { isFit, type SplicePlan, splicePlan, type SpliceStep } from './splice-plan.ts';

/** Undefined when the record must be parsed, whether there is anything wrong with it or not. `id` is the insert_id if it has none. */
export type PassText = (record: RawRecord, id: () => string) => MadeEvents | undefined;

/** Opens the passing through of a source; undefined when its records must be parsed. */
export async function openPassText(
  source: Source,
  ports: Pick<StepPorts, 'secret' | 'table'>,
): Promise<PassText | undefined> {
  const plan = splicePlan(source);
  if (!plan) return undefined;
  const { slots, scan } = compileScan(plan);
  const splices = await Promise.all(plan.steps.map((step) => openSplice(step, slots, ports)));
  return passText(source, slots, scan, splices);
}

/** The same of a source without steps. */
export function plainPassText(source: Source): PassText | undefined {
  const plan = splicePlan(source);
  if (!plan || plan.steps.length > 0) return undefined;
  const { slots, scan } = compileScan(plan);
  return passText(source, slots, scan, []);
}

/** What a step does to the text: adds its edits, or says that the record must be parsed. */
type Splice = (text: Buffer, scan: Scan, edits: Edits) => boolean;

type Slots = { of(...names: readonly string[]): number };

function compileScan({ steps, added }: SplicePlan) {
  const watch = new Map<string, Watched>();
  for (const [field, expected] of EVENT_FIELDS) watch.set(field, { expected });
  for (const step of steps) {
    if (step.kind === 'lookup') watchPlace(watch, step.key, 'any');
    if (step.kind === 'hash') for (const field of step.fields) watchPlace(watch, field, 'string');
  }
  for (const place of added) watchPlace(watch, place, 'absent');
  const { table, slots } = compileWatch(watch);
  const scan = newScan(slots.size);
  const of = (...names: readonly string[]) => slots.get(slotName(names)) ?? NONE;
  return { slots: { of }, scan: (text: Buffer) => (scanObject(text, table, scan) ? scan : undefined) };
}

type Watched = { expected: Expected; within?: Map<string, Watched> };

/** What is expected already stays, but what is added must not be there in any case. */
function watchPlace(watch: Map<string, Watched>, [name = '', ...below]: readonly string[], expected: Expected): void {
  const known = watch.get(name) ?? { expected: below.length > 0 ? 'object' : expected };
  watch.set(name, known);
  if (below.length > 0) watchPlace((known.within ??= new Map()), below, expected);
  else if (expected === 'absent') known.expected = expected;
}

function passText(
  source: Source,
  slots: Slots,
  scanText: (text: Buffer) => Scan | undefined,
  splices: readonly Splice[],
): PassText {
  const { caps, minIdLength = DEFAULT_MIN_ID_LENGTH } = source;
  const { chunkBytes } = chunkLimits(source);
  const [type, user, device] = [slots.of('event_type'), slots.of('user_id'), slots.of('device_id')];
  const [time, insertId] = [slots.of('time'), slots.of('insert_id')];
  const edits = newEdits();
  return ({ bytes, length, parsed }, id) => {
    if (parsed !== undefined || length > caps.recordBytes || !isUtf8(bytes)) return undefined;
    const scan = scanText(bytes);
    if (!scan || !hasText(bytes, scan, type)) return undefined;
    clear(edits);
    for (const splice of splices) if (!splice(bytes, scan, edits)) return undefined;
    const userId = idAt(bytes, scan, user, edits);
    const deviceId = idAt(bytes, scan, device, edits);
    if (!isFitId(userId, minIdLength) || !isFitId(deviceId, minIdLength)) return undefined;
    if (userId === undefined && deviceId === undefined) return undefined;
    const ms = timeAt(bytes, scan, time);
    if (ms !== undefined && ms >= FAR_FUTURE) return undefined;
    const isOwnId = scan.starts[insertId] !== NONE;
    if (isOwnId && !hasText(bytes, scan, insertId)) return undefined;
    const pieces = withEdits(bytes, edits, isOwnId ? undefined : id());
    const size = sizeOf(pieces);
    if (size > chunkBytes) return undefined;
    const event: PreparedEvent = { pieces, bytes: size, deviceId, userId, time: ms };
    return { kind: 'events', events: [event], refused: NOTHING_REFUSED };
  };
}

const NOTHING_REFUSED: readonly never[] = [];

/** Whether the value is a string that is not empty. */
function hasText(text: Buffer, { starts, ends }: Scan, slot: number): boolean {
  const start = starts[slot] ?? NONE;
  return start !== NONE && text[start] === QUOTE && (ends[slot] ?? 0) - start > 2;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SMALL_N = 0x6e;
const MINUS = 0x2d;
const ZERO = 0x30;

/** What a value is that was watched as a string: undefined when there is none or null, false when it has escapes. */
function stringAt(text: Buffer, { starts, ends }: Scan, slot: number): string | undefined | false {
  const start = starts[slot] ?? NONE;
  if (start === NONE || text[start] === SMALL_N) return undefined;
  const end = (ends[slot] ?? 0) - 1;
  let bits = 0;
  for (let i = start + 1; i < end; i += 1) {
    const byte = text[i] ?? 0;
    if (byte === BACKSLASH) return false;
    bits |= byte;
  }
  return text.toString(bits < 0x80 ? 'latin1' : 'utf8', start + 1, end);
}

function idAt(text: Buffer, scan: Scan, slot: number, { hashed }: Edits): string | undefined | false {
  return hashed.get(slot) ?? stringAt(text, scan, slot);
}

function isFitId(id: string | undefined | false, minLength: number): id is string | undefined {
  return id === undefined || (id !== false && id.length >= minLength && !isNobody(id));
}

/** By their length and first character most ids are seen to be none of them. */
function isNobody(id: string): boolean {
  return NOBODY_STARTS.has(id.length * 128 + (id.charCodeAt(0) | 0x20)) && INVALID_IDS.has(id.toLowerCase());
}

const NOBODY_STARTS: ReadonlySet<number> = new Set(
  [...INVALID_IDS].map((id) => id.length * 128 + (id.charCodeAt(0) | 0x20)),
);

/** Of a short integer. */
function timeAt(text: Buffer, { starts, ends }: Scan, slot: number): number | undefined {
  const start = starts[slot] ?? NONE;
  if (start === NONE || text[start] === SMALL_N) return undefined;
  const end = ends[slot] ?? 0;
  let value = 0;
  for (let i = text[start] === MINUS ? start + 1 : start; i < end; i += 1) value = 10 * value + (text[i] ?? 0) - ZERO;
  return text[start] === MINUS ? -value : value;
}

/** What is put into a text. */
type Edits = {
  /** In place of the bytes from `start` to `end`, which may be none; in the order of steps. */
  readonly places: { readonly start: number; readonly end: number; readonly piece: Buffer }[];
  /** Members of the event itself, each with a comma behind it. */
  readonly members: Buffer[];
  /** Slots of objects that the record does not have. */
  readonly made: number[];
  /** Ids that were hashed, by their slots. */
  readonly hashed: Map<number, string>;
};

function newEdits(): Edits {
  return { places: [], members: [], made: [], hashed: new Map() };
}

/** One is used for all records of a source, as one after the other is made. */
function clear({ places, members, made, hashed }: Edits): void {
  if (places.length > 0) places.length = 0;
  if (members.length > 0) members.length = 0;
  if (made.length > 0) made.length = 0;
  if (hashed.size > 0) hashed.clear();
}

/** The pieces of the text with everything put in, and with an `insert_id` in front where one is given. */
function withEdits(text: Buffer, { places, members }: Edits, id: string | undefined): Buffer[] {
  if (id === undefined && places.length === 0 && members.length === 0) return [text];
  const pieces = [id === undefined ? BRACE : Buffer.from(`{"insert_id":"${id}",`, 'latin1'), ...members];
  let done = 1;
  if (places.length > 1) places.sort((a, b) => a.start - b.start);
  for (const { start, end, piece } of places) {
    if (start > done) pieces.push(text.subarray(done, start));
    pieces.push(piece);
    done = end;
  }
  pieces.push(text.subarray(done));
  return pieces;
}

const BRACE = Buffer.from('{');

function sizeOf(pieces: readonly Buffer[]): number {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  return size;
}

async function openSplice(step: SpliceStep, slots: Slots, ports: Pick<StepPorts, 'secret' | 'table'>): Promise<Splice> {
  switch (step.kind) {
    case 'set': {
      const laid = layText(step.fields, slots);
      return (text, scan, edits) => lay(laid, text, scan, edits);
    }
    case 'lookup':
      return openJoin(step.options, slots.of(...step.key), slots, await ports.table(fileOfLookup(step.options)));
    case 'hash': {
      const key = await ports.secret(step.options.secret);
      const hashes = step.fields.map((names) => openHash(step.options, key, names, slots.of(...names)));
      return (text, scan, edits) => hashes.every((hash) => hash(text, scan, edits));
    }
  }
}

/** Fields as text: members of the event, and of its objects, each with a comma behind it. */
type Laid = {
  readonly members: Buffer;
  readonly within: readonly { readonly slot: number; readonly members: Buffer; readonly whole: Buffer }[];
};

function layText(fields: JsonObject, slots: Slots): Laid {
  const isObject = ([field]: readonly [string, unknown]) => EVENT_FIELDS.get(field) === 'object';
  const [objects, others] = [
    Object.entries(fields).filter(isObject),
    Object.entries(fields).filter((one) => !isObject(one)),
  ];
  return {
    members: membersOf(Object.fromEntries(others)),
    within: objects.map(([field, value]) => ({
      slot: slots.of(field),
      members: membersOf(value as JsonObject),
      whole: membersOf({ [field]: value }),
    })),
  };
}

function membersOf(object: JsonObject): Buffer {
  const text = stringifyExactly(object).slice(1, -1);
  return Buffer.from(text === '' ? '' : `${text},`);
}

/** False where a text cannot take them as they are: an object that is empty or null, or is made by another step too. */
function lay({ members, within }: Laid, text: Buffer, { starts }: Scan, edits: Edits): boolean {
  if (members.length > 0) edits.members.push(members);
  for (const object of within) {
    const start = starts[object.slot] ?? NONE;
    if (start === NONE) {
      if (edits.made.includes(object.slot)) return false;
      edits.made.push(object.slot);
      edits.members.push(object.whole);
    } else {
      if (text[start] === SMALL_N || text[start + 1] !== QUOTE) return false;
      if (object.members.length > 0) edits.places.push({ start: start + 1, end: start + 1, piece: object.members });
    }
  }
  return true;
}

/** As in lookup.ts: most events of a dump have one of a few keys, and a longer key is not kept. */
const MAX_KEPT = 20_000;
const MAX_KEPT_KEY = 200;

function openJoin(options: LookupOptions, key: number, slots: Slots, table: LookupTable): Splice {
  const { into = 'event_properties', missing = 'leave' } = options;
  const names = namesTaken(options).map(([, name]) => name);
  /** False for a row that does not fit an event. */
  const kept = new Map<string, Laid | false | undefined>();

  function find(text: string): Laid | false | undefined {
    const known = kept.get(text);
    if (known !== undefined || kept.has(text)) return known;
    const laid = layRow(text);
    if (kept.size >= MAX_KEPT) kept.clear();
    if (text.length <= MAX_KEPT_KEY) kept.set(text, laid);
    return laid;
  }

  function layRow(text: string): Laid | false | undefined {
    const values = table.find(text);
    if (!values) return undefined;
    const row: Building = {};
    for (const [i, name] of names.entries()) if (values[i] !== undefined) put(row, name, values[i]);
    const fields = (into === 'event' ? row : { [into]: row }) as JsonObject; // the table gives what JSON gave
    return isFit(fields) && layText(fields, slots);
  }

  return (text, scan, edits) => {
    const found = keyAt(text, scan, key);
    const laid = found === undefined || found === '' ? undefined : found !== false && find(found);
    if (laid === false) return false;
    return laid ? lay(laid, text, scan, edits) : missing === 'leave';
  };
}

/** A string, or a short integer as text; false for anything else that is there. */
function keyAt(text: Buffer, scan: Scan, slot: number): string | undefined | false {
  const start = scan.starts[slot] ?? NONE;
  const end = scan.ends[slot] ?? 0;
  if (start === NONE || text[start] === SMALL_N) return undefined;
  if (text[start] === QUOTE) return stringAt(text, scan, slot);
  const isPlain = text[start] !== MINUS && isShortNumber(text, start, end, false);
  return isPlain && text.toString('latin1', start, end);
}

function openHash(options: HashOptions, key: string, names: readonly string[], slot: number): Splice {
  const isId = names.length === 1 && (names[0] === 'user_id' || names[0] === 'device_id');
  const hashOf = keptHashes(key, options);
  return (text, scan, edits) => {
    const value = stringAt(text, scan, slot);
    // An id that stands for nobody is not hashed, and not taken either.
    if (value === false) return false;
    if (value === undefined || value === '') return true;
    if (isId && isNobody(value)) return false;
    const hash = hashOf(value);
    const piece = Buffer.from(JSON.stringify(hash));
    edits.places.push({ start: scan.starts[slot] ?? 0, end: scan.ends[slot] ?? 0, piece });
    if (isId) edits.hashed.set(slot, hash);
    return true;
  };
}
