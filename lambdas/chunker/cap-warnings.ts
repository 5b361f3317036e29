/** Says what Amplitude would silently cut from an event that it takes, leave out of it, or read otherwise than it was meant. */
import {
  EVENT_FIELDS,
  type JsonObject,
  MAX_GROUP_TYPES,
  MAX_GROUP_VALUES,
  MAX_STRING_LENGTH,
  RESERVED_EVENTS,
} from '../../shared/amplitude-event.ts';
import { IDENTIFY_OPERATIONS } from '../../shared/enrich-step.ts';
import { show } from './check-event.ts';
import { isJsonObject, isPlainObject, toText } from './json.ts';

export type CapWarning = {
  /** `cut`: only its beginning is kept · `dropped`: it is not kept · `check`: it is kept, but perhaps not as it was meant. */
  readonly effect: 'cut' | 'dropped' | 'check';
  /** The same text for all of its kind; what is counted. */
  readonly kind: string;
  /** Its path in the event. */
  readonly field: string;
  /** What was found and what Amplitude does with it; nothing of a property's value. */
  readonly detail: string;
  /** Characters, or how many there are, where there are more than Amplitude keeps. */
  readonly found?: number;
};

/** A list that a user property is set to (HTTP V2 documentation: arrays grow to so many characters by `$append`). */
const MAX_USER_LIST_LENGTH = 10_000;

/** Milliseconds since epoch that are more likely seconds: 1973 and before. */
const MIN_LIKELY_TIME = 100_000_000_000;
const MIN_LIKELY_SECONDS = 100_000_000;

/** Of SDKs, and taken though the APIs' documentation leaves them out (Amplitude-TypeScript, base-event.ts). */
const UNDOCUMENTED: ReadonlySet<string> = new Set(['receipt', 'receiptSig']);

const OPERATIONS: ReadonlySet<string> = new Set(IDENTIFY_OPERATIONS);

/**
 * Of an event that Amplitude takes (`findFault` finds nothing); in the order of its fields. `bytes` is the length of its
 * text: in a short one there is no long string.
 */
export function capWarnings(event: JsonObject, bytes: number = Number.POSITIVE_INFINITY): readonly CapWarning[] {
  const warnings: CapWarning[] = [];
  const mayBeLong = bytes > MAX_STRING_LENGTH;
  for (const [field, value] of Object.entries(event)) {
    if (value === null || value === undefined) continue;
    if (EVENT_FIELDS.has(field)) {
      if (mayBeLong) warnings.push(...longStrings(value, field));
    } else if (!UNDOCUMENTED.has(field)) warnings.push(unknownField(field));
  }
  return [
    ...warnings,
    ...longLists(event.user_properties),
    ...tooManyGroups(event.groups),
    ...unusedProperties(event),
    ...unusedRevenue(event),
    ...doubtful(event),
  ];
}

function unknownField(field: string): CapWarning {
  const detail = 'Amplitude documents no such field; in event_properties it is kept';
  return { effect: 'dropped', kind: 'field that Amplitude does not know', field, detail };
}

function longStrings(value: unknown, field: string): readonly CapWarning[] {
  if (typeof value === 'string') {
    if (value.length <= MAX_STRING_LENGTH) return [];
    const kind = `string is longer than ${n(MAX_STRING_LENGTH)} characters`;
    return [{ effect: 'cut', kind, field, ...cutTo(MAX_STRING_LENGTH, value.length) }];
  }
  if (Array.isArray(value)) return value.flatMap((inner, i) => longStrings(inner, `${field}.${i}`));
  if (!isPlainObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => longStrings(inner, pathTo(field, name)));
}

/** In operations too. */
function longLists(properties: unknown, field = 'user_properties'): readonly CapWarning[] {
  if (!isJsonObject(properties)) return [];
  return Object.entries(properties).flatMap(([name, value]): readonly CapWarning[] => {
    const path = pathTo(field, name);
    if (OPERATIONS.has(name)) return longLists(value, path);
    if (!Array.isArray(value)) return [];
    const length = value.reduce((sum: number, element) => sum + (toText(element)?.length ?? 0), 0);
    if (length <= MAX_USER_LIST_LENGTH) return [];
    const kind = `list of a user property is longer than ${n(MAX_USER_LIST_LENGTH)} characters`;
    return [{ effect: 'cut', kind, field: path, ...cutTo(MAX_USER_LIST_LENGTH, length) }];
  });
}

function tooManyGroups(groups: unknown): readonly CapWarning[] {
  if (!isJsonObject(groups)) return [];
  const types = Object.keys(groups).length;
  const values = Object.values(groups).flat().length;
  return [
    ...beyond('group types', types, MAX_GROUP_TYPES, 'groups'),
    ...beyond('groups', values, MAX_GROUP_VALUES, 'groups'),
  ];
}

function beyond(what: string, found: number, most: number, field: string): readonly CapWarning[] {
  if (found <= most) return [];
  const detail = `found ${n(found)}, of which Amplitude tracks ${most}`;
  return [{ effect: 'dropped', kind: `event has more than ${most} ${what}`, field, detail, found }];
}

/** Properties of users and groups that stand in the wrong kind of event. */
function unusedProperties({ event_type, user_properties, group_properties }: JsonObject): readonly CapWarning[] {
  const warnings: CapWarning[] = [];
  const groupNames = isJsonObject(group_properties) ? Object.keys(group_properties) : [];
  if (groupNames.length > 0 && event_type !== '$groupidentify') {
    const kind = 'group properties outside of a $groupidentify event';
    warnings.push({ effect: 'dropped', kind, field: 'group_properties', detail: 'Amplitude ignores them there' });
  }
  const names = isJsonObject(user_properties) ? Object.keys(user_properties) : [];
  const operations = names.filter((name) => OPERATIONS.has(name));
  const [first] = operations;
  if (first === undefined) return warnings;
  if (event_type !== '$identify') {
    const kind = 'user property operation outside of an $identify event';
    const detail = 'Amplitude takes operations in $identify events; the identify step splits them off';
    warnings.push({ effect: 'dropped', kind, field: `user_properties.${first}`, detail });
  } else if (operations.length < names.length) {
    const kind = 'user property operations beside plain properties';
    const detail = 'Amplitude takes either; put the plain ones into $set';
    warnings.push({ effect: 'dropped', kind, field: 'user_properties', detail });
  }
  return warnings;
}

function unusedRevenue({ price, quantity, revenue, productId, revenueType }: JsonObject): readonly CapWarning[] {
  if (typeof price === 'number' && typeof quantity === 'number' && typeof revenue === 'number') {
    const product = price * quantity;
    if (Math.abs(product - revenue) <= 1e-6 * Math.abs(product)) return [];
    const detail = `price × quantity is ${product}, and wins over it`;
    return [{ effect: 'dropped', kind: 'revenue is not price × quantity', field: 'revenue', detail }];
  }
  if (isGiven(price) || isGiven(revenue)) return [];
  return Object.entries({ productId, revenueType }).flatMap(([field, value]): readonly CapWarning[] => {
    if (!isGiven(value)) return [];
    const detail = 'Amplitude takes it with price and quantity, or with revenue';
    return [{ effect: 'dropped', kind: `${field} without price or revenue`, field, detail }];
  });
}

/** Kept as it is, and rarely what was meant. */
function doubtful({ event_type, time, ip, currency }: JsonObject): readonly CapWarning[] {
  const warnings: CapWarning[] = [];
  const add = (kind: string, field: string, detail: string) => warnings.push({ effect: 'check', kind, field, detail });
  if (typeof event_type === 'string' && RESERVED_EVENTS.has(event_type))
    add('event_type is reserved', 'event_type', 'Amplitude makes such events itself out of others');
  if (!isGiven(time)) add('time is missing', 'time', 'Amplitude takes the time of the upload');
  if (typeof time === 'number' && time >= MIN_LIKELY_SECONDS && time < MIN_LIKELY_TIME)
    add('time looks like seconds', 'time', `in milliseconds ${time} is ${new Date(time).toISOString()}`);
  if (ip === '$remote')
    add('ip is $remote', 'ip', 'Amplitude takes the address of the upload, which is not the user’s');
  if (typeof currency === 'string' && !/^[A-Z]{3}$/.test(currency))
    add('currency is no code', 'currency', `found ${show(currency)}, expected three capitals (ISO 4217)`);
  return warnings;
}

function isGiven(value: unknown): boolean {
  return value !== null && value !== undefined;
}

function cutTo(most: number, found: number): Pick<CapWarning, 'detail' | 'found'> {
  return { detail: `${n(found)} characters, of which Amplitude keeps ${n(most)}`, found };
}

/** As paths are written in a configuration: a name with a dot stands in double quotes. */
function pathTo(field: string, name: string): string {
  return `${field}.${/[."\s]/.test(name) ? JSON.stringify(name) : name}`;
}

function n(count: number): string {
  return count.toLocaleString('en-US');
}
