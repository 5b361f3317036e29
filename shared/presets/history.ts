/** What all presets share: how an event of history is made, and values that every tool writes in its own way. */
import * as z from 'zod';
import type { AmplitudeEvent, Json, JsonObject } from '../amplitude-event.ts';
import { present, show, textOf } from './read-field.ts';

export const historyOptions = {
  /**
   * True: `$skip_user_properties_sync` is set on every event, so that it keeps the user properties it came with and
   * neither reads nor overwrites what Amplitude knows of the user today.
   */
  skipUserPropertiesSync: z.boolean().default(true),
};

export const identifyOptions = {
  /**
   * What becomes of records that do nothing but set properties of a user or a group. They are never marked with
   * `$skip_user_properties_sync`, which would take their meaning away; `filter` where history must not touch today's users.
   */
  identify: z.enum(['send', 'filter']).default('send'),
};

type HistoryOptions = { readonly skipUserPropertiesSync: boolean };

/** The event without what is missing, null or an empty object. */
export function toEvent(fields: AmplitudeEvent): AmplitudeEvent {
  // Filled field by field, without lists of entries in between: this is done for every event.
  const event: { event_type: string; [field: string]: Json } = { event_type: fields.event_type };
  for (const field of Object.keys(fields)) {
    const value = fields[field];
    if (value !== undefined && value !== null && !isEmptyObject(value)) event[field] = value;
  }
  return event;
}

/** The same, marked as history. */
export function toHistoryEvent(fields: AmplitudeEvent, { skipUserPropertiesSync }: HistoryOptions): AmplitudeEvent {
  const event = toEvent(fields);
  return skipUserPropertiesSync ? Object.assign(event, { $skip_user_properties_sync: true }) : event;
}

function isEmptyObject(value: Json): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** The name of an ordinary event; throws when there is none, or when Amplitude would take it for a command. */
export function eventTypeOf(value: Json | undefined, field: string): string {
  const name = textOf(value);
  if (name === undefined) throw new Error(`${field} is ${show(value)}; expected the event's name`);
  if (name === '$identify' || name === '$groupidentify') {
    throw new Error(`${field} is ${show(name)}, which Amplitude takes for a command; expected another name`);
  }
  return name;
}

/** The insert_id of the n-th further event of a record; undefined when the record has no id, and one is made from its bytes. */
export function furtherId(id: string | undefined, n: number): string | undefined {
  return id === undefined ? undefined : `${id}-${n}`;
}

/** ISO 4217, as Amplitude wants it. */
export function currencyOf(value: Json | undefined): string | undefined {
  const code = textOf(value)?.toUpperCase();
  return code !== undefined && /^[A-Z]{3}$/.test(code) ? code : undefined;
}

/** `ip`, unless the place is known: Amplitude would look it up again, in today's tables. */
export function ipUnlessPlaced(ip: Json | undefined, place: JsonObject): string | undefined {
  return Object.keys(present(place)).length === 0 ? textOf(ip) : undefined;
}

/** A platform as Amplitude's own SDKs name it. */
export function platformOf(value: Json | undefined): string | undefined {
  const name = textOf(value);
  return name === undefined ? undefined : (PLATFORMS.get(name.toLowerCase()) ?? name);
}

const PLATFORMS: ReadonlyMap<string, string> = new Map([
  ['ios', 'iOS'],
  ['android', 'Android'],
  ['web', 'Web'],
]);
