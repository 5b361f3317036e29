/** Checks the events of a request as Amplitude does and names the offending ones; pure. */
import { EVENT_FIELDS, type FieldKind, INVALID_IDS, MAX_DEPTH } from '../shared/amplitude-event.ts';
import type { SimulatorSwitches } from './simulator-switches.ts';

export type SimulatedEvent = { readonly [field: string]: unknown };

export type IssueKind =
  | 'events_with_missing_fields'
  | 'events_with_invalid_fields'
  | 'events_with_invalid_id_lengths'
  | 'not an object';

/** For each kind and field the indexes of the offending events, ascending. */
export type Issues = ReadonlyMap<IssueKind, ReadonlyMap<string, readonly number[]>>;

/** How many events of a request each id has. */
export type Usage = { readonly devices: ReadonlyMap<string, number>; readonly users: ReadonlyMap<string, number> };

/** The ids that count, by index; an id that is missing or was stripped is undefined. */
export type Ids = {
  readonly devices: readonly (string | undefined)[];
  readonly users: readonly (string | undefined)[];
};

export type CheckedEvents = {
  readonly issues: Issues;
  /** An element that is no object is empty here. */
  readonly events: readonly SimulatedEvent[];
  readonly ids: Ids;
  readonly usage: Usage;
};

export type CheckRules = {
  readonly switches: SimulatorSwitches;
  readonly minIdLength: number;
  readonly now: number;
  /** Events with a field that may be nested too deep. */
  readonly deep: ReadonlySet<number>;
};

const NOT_AN_OBJECT: SimulatedEvent = {};

type Note = (kind: IssueKind, field: string, index: number) => void;

export function checkEvents(elements: readonly unknown[], rules: CheckRules): CheckedEvents {
  const issues = new Map<IssueKind, Map<string, number[]>>();
  const events = elements.map((element) => (isEvent(element) ? element : NOT_AN_OBJECT));
  const devices: (string | undefined)[] = [];
  const users: (string | undefined)[] = [];
  const usage = { devices: new Map<string, number>(), users: new Map<string, number>() };
  const note: Note = (kind, field, index) => {
    const fields = issues.get(kind) ?? new Map<string, number[]>();
    const indexes = fields.get(field) ?? [];
    indexes.push(index);
    issues.set(kind, fields.set(field, indexes));
  };
  for (let i = 0; i < events.length; i++) {
    const event = events[i] ?? NOT_AN_OBJECT;
    if (event === NOT_AN_OBJECT) {
      note('not an object', 'events', i);
      continue;
    }
    checkFields(event, i, rules, note);
    const device = checkId('device_id', event, i, rules, note);
    const user = checkId('user_id', event, i, rules, note);
    if (device === undefined && user === undefined) {
      note('events_with_missing_fields', 'device_id', i);
      note('events_with_missing_fields', 'user_id', i);
    }
    devices[i] = device;
    users[i] = user;
    if (device !== undefined) usage.devices.set(device, (usage.devices.get(device) ?? 0) + 1);
    if (user !== undefined) usage.users.set(user, (usage.users.get(user) ?? 0) + 1);
  }
  return { issues, events, ids: { devices, users }, usage };
}

function isEvent(value: unknown): value is SimulatedEvent {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkFields(event: SimulatedEvent, index: number, rules: CheckRules, note: Note): void {
  for (const field in event) {
    const kind = EVENT_FIELDS.get(field);
    if (kind === undefined || field === 'user_id' || field === 'device_id') continue;
    const value = event[field];
    // Nothing says what null does; SDKs leave out what is null, so it is taken as left out.
    if (value !== null && !fits(value, kind)) note('events_with_invalid_fields', field, index);
  }
  const type = event['event_type'];
  if (type === undefined || type === null) note('events_with_missing_fields', 'event_type', index);
  if (type === '') note('events_with_invalid_fields', 'event_type', index);
  const { maxFutureSeconds } = rules.switches;
  if (maxFutureSeconds > 0 && Number(event['time']) > rules.now + maxFutureSeconds * 1_000) {
    note('events_with_invalid_fields', 'time', index);
  }
  if (rules.deep.has(index)) noteDeepFields(event, index, note);
}

function fits(value: unknown, kind: FieldKind): boolean {
  switch (kind) {
    case 'string':
      return typeof value === 'string';
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    case 'object':
      return isEvent(value);
  }
}

function noteDeepFields(event: SimulatedEvent, index: number, note: Note): void {
  for (const [field, value] of Object.entries(event)) {
    if (deeperThan(value, MAX_DEPTH)) note('events_with_invalid_fields', field, index);
  }
}

function deeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => deeperThan(inner, depth - 1));
}

/** The id as it counts; undefined when there is none, or none that does. */
function checkId(
  field: 'device_id' | 'user_id',
  event: SimulatedEvent,
  index: number,
  { switches, minIdLength }: CheckRules,
  note: Note,
): string | undefined {
  const id = event[field];
  if (id === undefined || id === null) return undefined;
  // Integers for ids have been seen answered as ids of the wrong length.
  const short = (typeof id === 'string' || typeof id === 'number') && String(id).length < minIdLength;
  if (short && switches.shortIds === 'strip') return undefined;
  if (typeof id === 'string' && INVALID_IDS.has(id.toLowerCase())) note(switches.invalidIdsIn, field, index);
  else if (short) note('events_with_invalid_id_lengths', field, index);
  else if (typeof id !== 'string') note('events_with_invalid_fields', field, index);
  return typeof id === 'string' ? id : JSON.stringify(id);
}
