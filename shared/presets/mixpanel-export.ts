/** Records of Mixpanel's raw export become events (https://docs.mixpanel.com/reference/raw-event-export). */
import * as z from 'zod';
import type { AmplitudeEvent, JsonObject } from '../amplitude-event.ts';
import type { MapFunction } from '../config.ts';
import { historyOptions, toHistoryEvent } from './history.ts';
import { numberOf, parsedObjectOf, pickFields, show, textOf } from './read-field.ts';
import { epochOf } from './read-time.ts';
import { isTimeZone } from '../zone-offset.ts';
import { openWallClock } from './wall-clock.ts';

export const mixpanelExportSchema = z.strictObject({
  name: z.literal('mixpanel-export'),
  ...historyOptions,
  /**
   * IANA name of the project's time zone, for projects made before 2023: their raw export counts `time` from 1970 on the
   * project's wall clock. Without it `time` is UTC, as in newer projects and in data pipelines.
   */
  projectTimezone: z.string().refine(isTimeZone, 'an IANA time zone such as "America/Los_Angeles"').optional(),
  /**
   * Who the user is. `known`: `$user_id`; without one `distinct_id`, unless it is the device's own.
   * `distinct_id`: always that, so that devices nobody logged in on count as users.
   */
  userId: z.enum(['known', 'distinct_id']).default('known'),
});
export type MixpanelExportOptions = z.output<typeof mixpanelExportSchema>;

/** Fields of their own in Amplitude, and what only Mixpanel has a use for; all other properties are kept by name. */
const LEFT_OUT: ReadonlySet<string> = new Set(
  [
    'time $insert_id distinct_id $user_id $device_id $distinct_id_before_identity token',
    '$os $os_version $app_version_string $brand $manufacturer $model $carrier',
    '$city $region mp_country_code $latitude $longitude',
    'mp_processing_time_ms $mp_api_timestamp_ms $mp_api_endpoint $import mp_lib $lib_version',
    'mp_sent_by_lib_version $had_persisted_distinct_id $is_reshuffled $mp_event_size',
  ].flatMap((names) => names.split(' ')),
);

/** Mixpanel's book-keeping of who is who: Amplitude learns it from events that name both user and device. */
const IDENTITY_EVENTS: ReadonlySet<string> = new Set(['$identify', '$create_alias', '$merge']);

export function openMixpanelExport(options: MixpanelExportOptions): MapFunction {
  const toUtc = options.projectTimezone === undefined ? undefined : openWallClock(options.projectTimezone);
  return (record) => {
    const name = textOf(record.event);
    if (name === undefined) throw new Error(`event is ${show(record.event)}; expected the event's name`);
    if (name === '$groupidentify') throw new Error('event is "$groupidentify", which Amplitude takes for a command');
    if (IDENTITY_EVENTS.has(name)) return null;
    const properties = parsedObjectOf(record.properties, 'properties') ?? {};
    const time = timeOfExport(properties);
    return toHistoryEvent(
      { event_type: name, ...toFields(properties, options), time: toUtc ? toUtc(time, receivedAt(properties)) : time },
      options,
    );
  };
}

/** Seconds, perhaps with a fraction; milliseconds if the export was asked for `time_in_ms`. */
function timeOfExport({ time }: JsonObject): number {
  const number = numberOf(time);
  // In seconds 1e11 is the year 5138, in milliseconds 1973.
  return epochOf(time, 'properties.time', number !== undefined && Math.abs(number) >= 1e11 ? 'ms' : 's');
}

/** When Mixpanel had the event, UTC, ms: tells which of the two hours it was when the clocks went back. */
function receivedAt(properties: JsonObject): number | undefined {
  return numberOf(properties.$mp_api_timestamp_ms) ?? numberOf(properties.mp_processing_time_ms);
}

function toFields(properties: JsonObject, { userId }: MixpanelExportOptions): Omit<AmplitudeEvent, 'event_type'> {
  const distinctId = textOf(properties.distinct_id);
  const deviceId = textOf(properties.$device_id) ?? deviceOfAnonymous(distinctId);
  return {
    user_id: userId === 'distinct_id' ? distinctId : (textOf(properties.$user_id) ?? userOf(distinctId, deviceId)),
    device_id: deviceId,
    insert_id: textOf(properties.$insert_id),
    app_version: textOf(properties.$app_version_string),
    os_name: textOf(properties.$os),
    os_version: textOf(properties.$os_version),
    device_brand: textOf(properties.$brand),
    device_manufacturer: textOf(properties.$manufacturer),
    device_model: textOf(properties.$model),
    carrier: textOf(properties.$carrier),
    country: textOf(properties.mp_country_code),
    region: textOf(properties.$region),
    city: textOf(properties.$city),
    location_lat: numberOf(properties.$latitude),
    location_lng: numberOf(properties.$longitude),
    library: textOf(properties.mp_lib),
    event_properties: pickFields(properties, (name) => !LEFT_OUT.has(name)),
  };
}

/** With "simplified ID merge" nobody in particular is `$device:` and the device's id. */
function deviceOfAnonymous(distinctId: string | undefined): string | undefined {
  return distinctId?.startsWith('$device:') ? distinctId.slice('$device:'.length) || undefined : undefined;
}

function userOf(distinctId: string | undefined, deviceId: string | undefined): string | undefined {
  return distinctId === deviceId || distinctId?.startsWith('$device:') ? undefined : distinctId;
}
