/** Makes an event of a record without parsing it: its text is scanned, and what is added to it is put into the text. */
import { DEFAULT_MIN_ID_LENGTH, EVENT_FIELDS } from '../../shared/amplitude-event.ts';
import { chunkLimits } from '../../shared/chunk-limits.ts';
import type { Source } from '../../shared/config.ts';
import type { StepPorts } from './enrich/open-step.ts';
import { idAt, UNUSUAL } from './ids-in-text.ts';
import { NOBODY } from './lanes.ts';
import type { MadeEvents, PreparedEvent } from './make-events.ts';
import type { RawRecord } from './raw-record.ts';
import { FAR_FUTURE } from './read-time.ts';
import { found, holdBlock, holdText, openScanner, type Scanner, scanObject } from './scan-object.ts';
import { sizeOfText } from './spliced-text.ts';
import { type SplicePlan, splicePlan } from './splice-plan.ts';
import { clear, type Edits, newEdits, openSplice, type Slots, type Splice, takeEdits } from './splices.ts';
import { type Expected, slotName } from './watch-table.ts';

const { text: TEXT, starts: STARTS, ends: ENDS } = found();
const NONE = -1;
const QUOTE = 0x22;
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
    const user = idOf(userSlot, edits, minIdLength);
    const device = idOf(deviceSlot, edits, minIdLength);
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
  if (block && holdBlock(block)) return start;
  return holdText(bytes) ? 0 : NONE;
}

/** Whether the value is a string that is not empty. */
function hasText(slot: number): boolean {
  const start = STARTS[slot] ?? NONE;
  return start !== NONE && TEXT[start] === QUOTE && (ENDS[slot] ?? 0) - start > 2;
}

/** As `idAt`, or that of the hash which was put in its place. */
function idOf(slot: number, { hashed }: Edits, minLength: number): number {
  for (const one of hashed) if (one.slot === slot) return one.length >= minLength ? one.key : UNUSUAL;
  return idAt(slot, minLength);
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
