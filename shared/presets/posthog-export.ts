/** Events of PostHog's batch exports, as JSON lines or Parquet, become events (https://posthog.com/docs/cdp/batch-exports/s3). */
import * as z from 'zod';
import type { AmplitudeEvent, Json, JsonObject } from '../amplitude-event.ts';
import type { MapFunction } from '../config.ts';
import { furtherId, historyOptions, identifyOptions, ipUnlessPlaced, toEvent, toHistoryEvent } from './history.ts';
import { numberOf, objectOf, parsedObjectOf, pickFields, show, textOf, unlessEmpty } from './read-field.ts';
import { epochOf, timeOf } from './read-time.ts';

export const posthogExportSchema = z.strictObject({
  name: z.literal('posthog-export'),
  ...historyOptions,
  ...identifyOptions,
  /**
   * Who the user is. `known`: `distinct_id`, unless it is the device's own or PostHog says nobody was identified.
   * `distinct_id`: always that. `person_id`: PostHog's id of the person, the same for all of one's devices.
   */
  userId: z.enum(['known', 'distinct_id', 'person_id']).default('known'),
});
export type PosthogExportOptions = z.output<typeof posthogExportSchema>;

/** PostHog's book-keeping of who is who: Amplitude learns it from events that name both user and device. */
const IDENTITY_EVENTS: ReadonlySet<string> = new Set(['$create_alias', '$merge_dangerously']);

export function openPosthogExport(options: PosthogExportOptions): MapFunction {
  return (record) => {
    const name = textOf(record.event);
    if (name === undefined) throw new Error(`event is ${show(record.event)}; expected the event's name`);
    if (IDENTITY_EVENTS.has(name)) return null;
    const properties = parsedObjectOf(record.properties, 'properties') ?? {};
    const who = whoAndWhen(record, properties, options);
    if (name === '$groupidentify') return options.identify === 'filter' ? null : groupIdentify(who, properties);
    const operations = userOperations(record, properties);
    const isIdentify = name === '$identify' || name === '$set';
    const isWanted = options.identify === 'send' && (isIdentify || operations !== undefined);
    const identify = toEvent({
      event_type: '$identify',
      ...who,
      insert_id: isIdentify ? who.insert_id : furtherId(who.insert_id, 1),
      user_properties: operations ?? { $set: {} },
    });
    if (isIdentify) return isWanted ? identify : null;
    const event = toHistoryEvent({ event_type: name, ...who, ...toFields(record, properties) }, options);
    // First what is now so of the user, then the event, which Amplitude would stamp with it.
    return isWanted ? [identify, event] : event;
  };
}

function whoAndWhen(record: JsonObject, properties: JsonObject, { userId }: PosthogExportOptions) {
  const distinctId = textOf(record.distinct_id);
  const device = textOf(properties.$device_id);
  const isAnonymous =
    userId === 'known' && (distinctId === device || properties.$is_identified === false || isPersonless(properties));
  const user = userId === 'person_id' ? textOf(record.person_id) : distinctId;
  return {
    user_id: isAnonymous ? undefined : user,
    device_id: device ?? (isAnonymous ? distinctId : undefined),
    time: timeOfExport(record.timestamp),
    insert_id: textOf(record.uuid),
  };
}

/** Captured by a browser without a person. Servers also capture without one, but name whom they mean. */
function isPersonless(properties: JsonObject): boolean {
  return properties.$process_person_profile === false && properties.$lib === 'web';
}

/** ISO text in JSON lines; in Parquet it may come as a number: microseconds, or milliseconds, by its size. */
function timeOfExport(value: Json | undefined): number {
  if (typeof value !== 'number' && typeof value !== 'bigint') return timeOf(value, 'timestamp');
  return epochOf(value, 'timestamp', Math.abs(Number(value)) >= 1e14 ? 'µs' : 'ms');
}

function toFields(record: JsonObject, properties: JsonObject): Omit<AmplitudeEvent, 'event_type'> {
  const person = parsedObjectOf(record.person_properties, 'person_properties') ?? {};
  const place = {
    country: textOf(properties.$geoip_country_name),
    region: textOf(properties.$geoip_subdivision_1_name),
    city: textOf(properties.$geoip_city_name),
    location_lat: numberOf(properties.$geoip_latitude),
    location_lng: numberOf(properties.$geoip_longitude),
  };
  return {
    session_id: sessionOfUuid(properties.$session_id),
    event_properties: keptProperties(properties),
    user_properties: personProperties(person),
    groups: pickFields(objectOf(properties.$groups) ?? {}, (type) => type !== ''),
    app_version: textOf(properties.$app_version),
    os_name: textOf(properties.$os) ?? textOf(properties.$os_name),
    os_version: textOf(properties.$os_version),
    device_manufacturer: textOf(properties.$device_manufacturer),
    device_model: textOf(properties.$device_model),
    language: textOf(properties.$locale) ?? textOf(properties.$browser_language),
    user_agent: textOf(properties.$raw_user_agent) ?? textOf(properties.$user_agent),
    library: textOf(properties.$lib),
    ...place,
    ip: ipUnlessPlaced(properties.$ip, place),
  };
}

/** Written beside the `$` properties by PostHog's SDKs: the project's key, and the user again. */
const LEFT_OUT: ReadonlySet<string> = new Set(['token', 'distinct_id']);

/** Of PostHog's own properties those that say where the event happened; the rest is about PostHog or has its own field. */
const KEPT: ReadonlySet<string> = new Set(
  [
    '$current_url $host $pathname $referrer $referring_domain $screen_name $title',
    '$browser $browser_version $device_type $event_type $el_text',
  ].flatMap((names) => names.split(' ')),
);

function keptProperties(properties: JsonObject): JsonObject {
  return pickFields(properties, (name) => KEPT.has(name) || !(name.startsWith('$') || LEFT_OUT.has(name)));
}

/** The person's own properties, and how they first came: `$initial_referrer` becomes `initial_referrer`. */
function personProperties(person: JsonObject): JsonObject {
  const named = Object.entries(person).map(
    ([name, value]) => [name.startsWith('$initial_') ? name.slice(1) : name, value] as const,
  );
  return Object.fromEntries(named.filter(([name]) => !name.startsWith('$')));
}

/** What the event sets of the person, without PostHog's own properties, which come with every page view. */
function userOperations(record: JsonObject, properties: JsonObject): JsonObject | undefined {
  const isOwn = (name: string) => !name.startsWith('$');
  const set = parsedObjectOf(properties.$set ?? record.set, '$set') ?? {};
  const setOnce = parsedObjectOf(properties.$set_once ?? record.set_once, '$set_once') ?? {};
  const operations = {
    $set: unlessEmpty(pickFields(set, isOwn)),
    $setOnce: unlessEmpty(pickFields(setOnce, isOwn)),
  };
  return unlessEmpty(pickFields(operations, (name) => operations[name as keyof typeof operations] !== undefined));
}

function groupIdentify(who: ReturnType<typeof whoAndWhen>, properties: JsonObject): AmplitudeEvent {
  const type = textOf(properties.$group_type);
  const key = textOf(properties.$group_key);
  if (type === undefined) throw new Error(`$group_type is ${show(properties.$group_type)}; expected the group's type`);
  if (key === undefined) throw new Error(`$group_key is ${show(properties.$group_key)}; expected the group's id`);
  const group_properties = { $set: parsedObjectOf(properties.$group_set, '$group_set') ?? {} };
  return toEvent({ event_type: '$groupidentify', ...who, groups: { [type]: key }, group_properties });
}

/** PostHog's session id is a UUID of version 7, whose first 48 bits are the time it began, ms. */
function sessionOfUuid(value: Json | undefined): number | undefined {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7/i.exec(textOf(value) ?? '') ?? [];
  return high === undefined || low === undefined ? undefined : Number.parseInt(high + low, 16);
}
