/** Makes events ready to be sent: checked, each with an insert_id that is the same whenever it is made again, and written. */
import { hash } from 'node:crypto';
import type { AmplitudeEvent, JsonObject } from '../../shared/amplitude-event.ts';
import type { RecordPosition, Source } from '../../shared/config.ts';
import { type Fault, findFault } from './check-event.ts';
import { chunkLimits } from '../../shared/chunk-limits.ts';
import type { Draft, Origin } from './enrich/step.ts';
import { withInsertId } from './event-text.ts';
import { stringifyExactly } from '../../shared/exact-json.ts';
import { isJsonObject } from './json.ts';
import { type KeptText, withAdded } from './kept-text.ts';
import { hashOf, NOBODY } from './lanes.ts';
import { Misfit } from './misfit.ts';
import type { ChooseProject } from './route.ts';
import { bytesOfText, NO_EDITS, sizeOfText, type SplicedText } from './spliced-text.ts';

/** An event ready to be sent. */
export type PreparedEvent = SplicedText & {
  /** Of its text. */
  readonly bytes: number;
  /** Hashes of its ids, see `hashOf`, or NOBODY. */
  readonly device: number;
  readonly user: number;
  readonly time: number | undefined;
  /** Which of its source's targets it goes to; left out for the first. */
  readonly project?: number;
  /** Of a `$identify` event that may be made one with others of its user (see merge-identifies.ts). */
  readonly identify?: JsonObject;
};

/** An event that Amplitude would refuse, made from a record that also made another. */
export type RefusedEvent = Fault & { readonly text: string };

/** How many events the route leaves out, if it leaves out any. */
type LeftOut = { readonly leftOut?: number };

export type MadeEvents =
  | ({
      readonly kind: 'events';
      readonly events: readonly PreparedEvent[];
      readonly refused: readonly RefusedEvent[];
    } & LeftOut)
  | ({ readonly kind: 'filtered' } & LeftOut)
  | ({ readonly kind: 'unusable' } & Fault);

/** The record already is an event: its text is sent as it stands. `id` is the insert_id if it has none. */
export function passThrough(
  bytes: Buffer,
  event: JsonObject,
  origin: Origin,
  { source, route }: Pick<FinishOptions, 'source' | 'route'>,
  id: () => string,
): MadeEvents {
  const routed = route ? route(event, origin) : 0;
  if (routed === 'filter') return { kind: 'filtered', leftOut: 1 };
  const { project, fault } = check(event, routed, source);
  if (fault) return { kind: 'unusable', ...fault };
  const hasOwnId = Object.hasOwn(event, 'insert_id');
  const text = withInsertId(onOneLine(bytes), event.insert_id ? undefined : id(), hasOwnId, Object.keys(event).length);
  return keepFitting([prepare(event, text, project)], [], source);
}

const NEWLINE = 0x0a;

/**
 * Chunks are cut at newlines, and in a JSON array a record may be on several lines. In JSON a newline is only white space, as a
 * string has it escaped. A copy: the record itself stays as it is, for its insert_id and for rejects.
 */
function onOneLine(text: Buffer): Buffer {
  let at = text.indexOf(NEWLINE);
  if (at === -1) return text;
  const line = Buffer.from(text);
  for (; at !== -1; at = line.indexOf(NEWLINE, at + 1)) line[at] = 0x20;
  return line;
}

/** What a map returned, as events on their way; what is none is refused. `id` is the record's. */
export function draftsOf(returned: unknown, id: string): readonly (Draft | RefusedEvent)[] {
  if (returned === null || returned === undefined) return [];
  if (!Array.isArray(returned)) return [draftOf(returned, id)];
  return [...(returned as unknown[])].map((result, i) => draftOf(result, i === 0 ? id : `${id}-${i}`));
}

function draftOf(result: unknown, id: string): Draft | RefusedEvent {
  try {
    if (result instanceof Promise) {
      result.catch(() => undefined);
      return { reason: 'map returned a promise', detail: 'a map function must not be async', text: '' };
    }
    if (isJsonObject(result)) {
      // A copy, so that what is checked is what is written: a getter is asked once, and nothing is inherited.
      return { id, event: { ...result } };
    }
    const found = Array.isArray(result) ? 'array' : result === null ? 'null' : typeof result;
    return { reason: 'map returned no event', detail: `found ${found}`, text: String(result) };
  } catch (error) {
    return cannotBeWritten(error);
  }
}

export type FinishOptions = {
  readonly source: Source;
  /** Left out where all events go to one project. */
  readonly route?: ChooseProject | undefined;
  /** Whether `$identify` events may be made one with others. */
  readonly merges: boolean;
};

/**
 * Checks and writes what has been made of a record (`origin`, where paths of the route may lead), and finds its project.
 * `kept` is the record's text, if it may be sent again.
 */
export function finishEvents(
  items: readonly (Draft | RefusedEvent)[],
  origin: Origin,
  options: FinishOptions,
  kept?: KeptText,
): MadeEvents {
  const { source, route } = options;
  const events: PreparedEvent[] = [];
  const refused: RefusedEvent[] = [];
  let leftOut = 0;
  for (const item of items) {
    const routed = route && 'event' in item ? route(wholeOf(item, items), origin) : 0;
    if (routed === 'filter') {
      leftOut += 1;
      continue;
    }
    const made = 'reason' in item ? item : finishEvent(item, routed, options, kept);
    if ('reason' in made) refused.push(made);
    else events.push(made);
  }
  if (leftOut > 0 && events.length + refused.length === 0) return { kind: 'filtered', leftOut };
  const made = keepFitting(events, refused, source);
  return leftOut > 0 && made.kind === 'events' ? { ...made, leftOut } : made;
}

/** An event goes where the one goes that it was split off from. */
function wholeOf({ event, of }: Draft, items: readonly (Draft | RefusedEvent)[]): JsonObject {
  if (of === undefined) return event;
  const whole = items.find((item): item is Draft => 'id' in item && item.id === of);
  return whole?.event ?? event;
}

/** The event's project, and what is wrong with it; `routed` may say already that it has none. */
export function check(
  event: JsonObject,
  routed: number | Fault,
  { minIdLength }: Source,
): { readonly project: number; readonly fault: Fault | undefined } {
  if (typeof routed !== 'number') return { project: 0, fault: routed };
  return { project: routed, fault: findFault(event, minIdLength) };
}

function finishEvent(
  { event, id }: Draft,
  routed: number | Fault,
  { source, merges }: FinishOptions,
  kept: KeptText | undefined,
): PreparedEvent | RefusedEvent {
  try {
    const { project, fault } = check(event, routed, source);
    // One that may be held back for others of its user must not hold the block that its record's text is in.
    const isHeld = merges && event.event_type === '$identify';
    const again = kept && !fault && !isHeld ? withAdded(event, id, kept) : undefined;
    // With white space and escapes it may be longer than it would be written anew.
    if (again && sizeOfText(again.text, again.id, again.edits) <= chunkLimits(source).chunkBytes)
      return prepare(event, again, project);
    const text = writeWithId(event, id);
    if (fault) return { ...fault, text };
    const prepared = prepare(event, { text: Buffer.from(text), edits: NO_EDITS }, project);
    return isHeld ? { ...prepared, identify: event.insert_id ? event : { ...event, insert_id: id } } : prepared;
  } catch (error) {
    return cannotBeWritten(error);
  }
}

/** As JSON, with `id` as its `insert_id` if it has none; a copy with one would cost as much as half of the writing. */
function writeWithId(event: JsonObject, id: string): string {
  if (event.insert_id) return stringifyExactly(event);
  if ('insert_id' in event || 'toJSON' in event) return stringifyExactly({ ...event, insert_id: id });
  const text = stringifyExactly(event);
  return `${text.slice(0, -1)}${text === '{}' ? '' : ','}"insert_id":${JSON.stringify(id)}}`;
}

function cannotBeWritten(error: unknown): RefusedEvent {
  return { reason: 'event cannot be written as JSON', detail: describeThrown(error).message, text: '' };
}

/** Of anything that can be thrown, also what throws when it is looked at. */
export function describeThrown(error: unknown): {
  readonly name: string;
  readonly message: string;
  /** When it says itself why. */
  readonly fault?: Fault;
} {
  const name = 'something that is no Error';
  try {
    if (error instanceof Misfit) return { name: error.name, message: error.message, fault: error.fault };
    if (!(error instanceof Error)) return { name, message: String(error) };
    const kind = kindOf(error);
    return { name: kind, message: kind === OWN_ERROR ? `${error.name}: ${error.message}` : String(error.message) };
  } catch {
    return { name, message: 'it cannot be shown' };
  }
}

const OWN_ERROR = 'an error of its own';
const LANGUAGE_ERRORS = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  URIError,
  EvalError,
  AggregateError,
];

/** Of reasons, which are logged: any other name is the function's to choose, and could be an event's. */
export function kindOf(error: unknown): string {
  return LANGUAGE_ERRORS.find((kind) => (error as Error | undefined)?.constructor === kind)?.name ?? OWN_ERROR;
}

/** What one request can never hold is refused; a record none of whose events is left is unusable. */
function keepFitting(events: readonly PreparedEvent[], refused: readonly RefusedEvent[], source: Source): MadeEvents {
  const max = chunkLimits(source).chunkBytes;
  const [only] = events;
  // As nearly all are: of a record one event, which fits.
  if (only && only.bytes <= max && events.length === 1) return { kind: 'events', events, refused };
  const tooLarge = events
    .filter((event) => event.bytes > max)
    .map((event) => ({ ...tooLargeFault(event.bytes, max), text: bytesOfText(event).toString() }));
  const fitting = events.filter((event) => event.bytes <= max);
  const allRefused = [...refused, ...tooLarge];
  const [first] = allRefused;
  if (fitting.length === 0 && first) return unusable(first.reason, first.detail);
  return { kind: 'events', events: fitting, refused: allRefused };
}

export function tooLargeFault(bytes: number, max: number): Fault {
  return { reason: 'event is too large', detail: `${bytes} bytes, at most ${max} fit one upload` };
}

export function prepare(event: JsonObject | AmplitudeEvent, spliced: SplicedText, project = 0): PreparedEvent {
  const { device_id, user_id, time } = event;
  const { text, id, edits } = spliced;
  const prepared: PreparedEvent = {
    text,
    id,
    edits,
    bytes: sizeOfText(text, id, edits),
    device: typeof device_id === 'string' ? hashOf(device_id) : NOBODY,
    user: typeof user_id === 'string' ? hashOf(user_id) : NOBODY,
    time: typeof time === 'number' ? time : undefined,
  };
  return project > 0 ? { ...prepared, project } : prepared;
}

/** The insert_id of a record that has none: from its bytes, or from where it stands. */
export function recordId(bytes: Buffer, { insertId }: Source, { dump, position }: RecordPosition): string {
  return insertId === 'content' ? contentId(bytes) : contentId(Buffer.from(`${dump}\n${position}`));
}

/**
 * From the record's own bytes (without the line end): the same line in a file that is dropped again is the same event,
 * and two identical lines are one event. 96 bits: among a billion events of a week two different ones meet with a
 * probability of 10^-11.
 */
export function contentId(bytes: Buffer): string {
  return hash('sha256', bytes, 'base64url').slice(0, 16);
}

export function unusable(reason: string, detail: string): MadeEvents {
  return { kind: 'unusable', reason, detail };
}
