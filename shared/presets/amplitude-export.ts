/**
 * Records of Amplitude's own exports (Export API, S3 export) become events again
 * (https://amplitude.com/docs/apis/analytics/export).
 */
import * as z from 'zod';
import { type AmplitudeEvent, type JsonObject, RESERVED_EVENTS } from '../amplitude-event.ts';
import type { MapFunction } from '../config.ts';
import { historyOptions, identifyOptions, ipUnlessPlaced, toEvent, toHistoryEvent } from './history.ts';
import { numberOf, parsedObjectOf, pickFields, show, textOf, unlessEmpty, wholeOf } from './read-field.ts';
import { sessionOf, timeOf } from './read-time.ts';

export const amplitudeExportSchema = z.strictObject({
  name: z.literal('amplitude-export'),
  ...historyOptions,
  ...identifyOptions,
  /**
   * Events that Amplitude makes itself out of others (sessions, revenue, merged users): sent again they would be made
   * twice. `rename` sends `[Amplitude] Start Session` as `Start Session (Amplitude)`.
   */
  reservedEvents: z.enum(['filter', 'rename', 'keep']).default('filter'),
});
export type AmplitudeExportOptions = z.output<typeof amplitudeExportSchema>;

/** Revenue of an event as SDKs record it among its properties; sent back where the API takes it. */
const REVENUE_PROPERTIES: ReadonlySet<string> = new Set([
  '$revenue',
  '$price',
  '$quantity',
  '$productId',
  '$revenueType',
]);

export function openAmplitudeExport(options: AmplitudeExportOptions): MapFunction {
  return (record) => {
    if (isNoEvent(record)) return null;
    const name = textOf(record.event_type);
    if (name === undefined) throw new Error(`event_type is ${show(record.event_type)}; expected the event's name`);
    const isCommand = name === '$identify' || name === '$groupidentify';
    if (isCommand) return options.identify === 'filter' ? null : toEvent(toFields(record, name));
    if (!RESERVED_EVENTS.has(name) || options.reservedEvents === 'keep')
      return toHistoryEvent(toFields(record, name), options);
    if (options.reservedEvents === 'filter') return null;
    return toHistoryEvent(toFields(record, `${name.replace('[Amplitude] ', '')} (Amplitude)`), options);
  };
}

/** Rows of the merged-id files that lie beside the events, and markers of a finished hour. */
function isNoEvent(record: JsonObject): boolean {
  return 'merged_amplitude_id' in record || Object.keys(record).length === 0;
}

function toFields(record: JsonObject, eventType: string): AmplitudeEvent {
  const properties = parsedObjectOf(record.event_properties, 'event_properties') ?? {};
  const place = {
    country: textOf(record.country),
    region: textOf(record.region),
    city: textOf(record.city),
    dma: textOf(record.dma),
    location_lat: numberOf(record.location_lat),
    location_lng: numberOf(record.location_lng),
  };
  return {
    event_type: eventType,
    user_id: textOf(record.user_id),
    device_id: textOf(record.device_id),
    time: timeOf(record.event_time, 'event_time'),
    insert_id: textOf(record.$insert_id) ?? textOf(record.uuid),
    event_id: wholeOf(record.event_id),
    session_id: sessionOf(record.session_id),
    event_properties: unlessEmpty(pickFields(properties, (name) => !REVENUE_PROPERTIES.has(name))),
    user_properties: parsedObjectOf(record.user_properties, 'user_properties'),
    groups: parsedObjectOf(record.groups, 'groups'),
    group_properties:
      eventType === '$groupidentify' ? parsedObjectOf(record.group_properties, 'group_properties') : undefined,
    revenue: numberOf(properties.$revenue),
    price: numberOf(properties.$price),
    quantity: wholeOf(properties.$quantity),
    productId: textOf(properties.$productId),
    revenueType: textOf(properties.$revenueType),
    app_version: textOf(record.version_name),
    platform: textOf(record.platform),
    os_name: textOf(record.os_name),
    os_version: textOf(record.os_version),
    device_brand: textOf(record.device_brand),
    device_manufacturer: textOf(record.device_manufacturer),
    device_model: textOf(record.device_model) ?? textOf(record.device_type) ?? textOf(record.device_family),
    carrier: textOf(record.device_carrier),
    language: textOf(record.language),
    ...place,
    ip: ipUnlessPlaced(record.ip_address, place),
    library: textOf(record.library),
    idfa: textOf(record.idfa),
    adid: textOf(record.adid),
    partner_id: textOf(record.partner_id),
    plan: parsedObjectOf(record.plan, 'plan'),
  };
}
