/**
 * Snowplow's enriched events become events: rows of the enriched TSV by the names of SNOWPLOW_COLUMNS, or the JSON that
 * Snowplow's analytics SDKs make of them (https://docs.snowplow.io/docs/fundamentals/canonical-event/).
 */
import * as z from 'zod';
import type { AmplitudeEvent, Json, JsonObject } from '../amplitude-event.ts';
import type { MapFunction } from '../config.ts';
import { currencyOf, eventTypeOf, historyOptions, ipUnlessPlaced, platformOf, toHistoryEvent } from './history.ts';
import { numberOf, objectOf, objectsOf, pickFields, show, textOf } from './read-field.ts';
import { parseTime, timeOf } from './read-time.ts';
import { readSelfDescribing, type SelfDescribing } from './snowplow-self-describing.ts';
import { SNOWPLOW_COLUMNS } from './snowplow-columns.ts';

export const snowplowEnrichedSchema = z.strictObject({
  name: z.literal('snowplow-enriched'),
  ...historyOptions,
  /** Page pings say every few seconds that somebody is still there: many, and each counts as an event in Amplitude. */
  pagePings: z.enum(['send', 'filter']).default('filter'),
  /** What a structured event is called; `{se_category}`, `{se_action}`, `{se_label}`, `{se_property}` stand for its fields. */
  structEvent: z.string().min(1).default('{se_action}'),
  /** Which id is the device's: the first-party cookie, or the collector's cookie over all of its sites. */
  deviceId: z.enum(['domain_userid', 'network_userid']).default('domain_userid'),
  /** Whether entities attached to an event become its properties, under the analytics SDKs' names. */
  contexts: z.enum(['keep', 'drop']).default('keep'),
});
export type SnowplowEnrichedOptions = z.output<typeof snowplowEnrichedSchema>;

export function openSnowplowEnriched(options: SnowplowEnrichedOptions): MapFunction {
  return (record) => {
    if (record.event === 'page_ping' && options.pagePings === 'filter') return null;
    const described = readSelfDescribing(record);
    const { contexts } = described;
    const session = first(contexts, 'contexts_com_snowplowanalytics_snowplow_client_session_1');
    return toHistoryEvent(
      {
        event_type: nameOf(record, described, options),
        ...idsOf(record, session, options),
        time: timeOfRecord(record),
        insert_id: textOf(record.event_id),
        session_id: parseTime(textOf(session.firstEventTimestamp) ?? ''),
        ...deviceFields(record, contexts),
        ...revenueFields(record, described),
        event_properties: {
          ...columnProperties(record),
          ...described.event,
          ...(options.contexts === 'keep' && pickFields(contexts, (name) => !CONTEXTS_WITH_FIELDS.has(name))),
        },
      },
      options,
    );
  };
}

function nameOf(record: JsonObject, { eventName }: SelfDescribing, { structEvent }: SnowplowEnrichedOptions): string {
  if (record.event !== 'struct') return eventTypeOf(record.event_name || eventName || record.event, 'event_name');
  const name = structEvent.replaceAll(/\{(se_category|se_action|se_label|se_property)\}/g, (_, field: string) => {
    const value = textOf(record[field]);
    if (value === undefined) throw new Error(`${field} is ${show(record[field])}; expected text for "${structEvent}"`);
    return value;
  });
  return eventTypeOf(name, 'se_action');
}

/** What the tracker says, then the time corrected for the device's clock, then when the collector had it. */
function timeOfRecord(record: JsonObject): number {
  const field = ['true_tstamp', 'derived_tstamp', 'collector_tstamp'].find((name) => record[name]) ?? 'derived_tstamp';
  return timeOf(record[field], field);
}

function idsOf(record: JsonObject, session: JsonObject, { deviceId }: SnowplowEnrichedOptions) {
  const user_id = textOf(record.user_id);
  const network = textOf(record.network_userid);
  const tracked = textOf(record.domain_userid) ?? textOf(session.userId);
  // A server that tracks keeps no cookies: each of its events has another network_userid, which would be a device each.
  const fallback = user_id === undefined ? network : undefined;
  return { user_id, device_id: deviceId === 'network_userid' ? (network ?? tracked) : (tracked ?? fallback) };
}

const MOBILE = 'contexts_com_snowplowanalytics_snowplow_mobile_context_1';
const APPLICATION = 'contexts_com_snowplowanalytics_mobile_application_1';
const TRANSACTION = 'contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1';

/** Entities whose content has fields of its own in Amplitude. */
const CONTEXTS_WITH_FIELDS: ReadonlySet<string> = new Set([
  'contexts_com_snowplowanalytics_snowplow_client_session_1',
  MOBILE,
  APPLICATION,
]);

function deviceFields(record: JsonObject, contexts: JsonObject): Omit<AmplitudeEvent, 'event_type'> {
  const mobile = first(contexts, MOBILE);
  const place = {
    country: textOf(record.geo_country),
    region: textOf(record.geo_region_name) ?? textOf(record.geo_region),
    city: textOf(record.geo_city),
    location_lat: numberOf(record.geo_latitude),
    location_lng: numberOf(record.geo_longitude),
  };
  return {
    platform: platformOf(mobile.osType) ?? PLATFORMS.get(textOf(record.platform) ?? '') ?? textOf(record.platform),
    app_version: textOf(first(contexts, APPLICATION).version),
    os_name: textOf(mobile.osType) ?? textOf(record.os_name),
    os_version: textOf(mobile.osVersion),
    device_manufacturer: textOf(mobile.deviceManufacturer),
    device_model: textOf(mobile.deviceModel),
    carrier: textOf(mobile.carrier),
    language: textOf(record.br_lang),
    user_agent: textOf(record.useragent),
    idfa: textOf(mobile.appleIdfa),
    idfv: textOf(mobile.appleIdfv),
    adid: textOf(mobile.androidIdfa),
    library: textOf(record.v_tracker),
    ...place,
    ip: ipUnlessPlaced(record.user_ipaddress, place),
  };
}

/** Snowplow's tracker protocol. */
const PLATFORMS: ReadonlyMap<string, string> = new Map([
  ['web', 'Web'],
  ['mob', 'Mobile'],
  ['srv', 'Server'],
  ['pc', 'Desktop'],
  ['tv', 'TV'],
]);

/** An order once: on the transaction, not on its items. */
function revenueFields(record: JsonObject, { event, eventName, contexts }: SelfDescribing) {
  if (record.event === 'transaction') {
    return { revenue: numberOf(record.tr_total), currency: currencyOf(record.tr_currency) };
  }
  const name = textOf(record.event_name) ?? eventName;
  if (name !== 'snowplow_ecommerce_action' || event.type !== 'transaction') return {};
  const transaction = first(contexts, TRANSACTION);
  return { revenue: numberOf(transaction.revenue), currency: currencyOf(transaction.currency) };
}

/** Columns about what happened and where; the rest has its own field, or is about Snowplow. */
const KEPT =
  /^(app_id|page_|refr_|mkt_|se_|tr_|ti_|pp_|br_(name|family|version)$|dvce_(type|ismobile)$|domain_session)/;
const KEPT_COLUMNS: readonly string[] = SNOWPLOW_COLUMNS.filter((name) => KEPT.test(name));

/** In TSV every value is text. */
const NUMBERS =
  /^(se_value|(tr|ti)_(total|tax|shipping|price)(_base)?|ti_quantity|pp_.*|page_urlport|refr_urlport|domain_sessionidx)$/;
const NUMBER_COLUMNS: ReadonlySet<string> = new Set(KEPT_COLUMNS.filter((name) => NUMBERS.test(name)));

const CAMPAIGN_NAMES: ReadonlyMap<string, string> = new Map([
  ['mkt_source', 'utm_source'],
  ['mkt_medium', 'utm_medium'],
  ['mkt_campaign', 'utm_campaign'],
  ['mkt_term', 'utm_term'],
  ['mkt_content', 'utm_content'],
]);

function columnProperties(record: JsonObject): JsonObject {
  const properties: [string, Json][] = [];
  for (const column of KEPT_COLUMNS) {
    const value = record[column];
    if (value === undefined || value === null || value === '') continue;
    properties.push([CAMPAIGN_NAMES.get(column) ?? column, columnValue(column, value)]);
  }
  return Object.fromEntries(properties);
}

function columnValue(column: string, value: Json): Json {
  if (typeof value !== 'string') return value;
  if (column === 'dvce_ismobile') return value === '1' || value === 'true';
  return NUMBER_COLUMNS.has(column) ? (numberOf(value) ?? value) : value;
}

/** The first entity of a kind; an event has at most one of those asked for. */
function first(contexts: JsonObject, name: string): JsonObject {
  return objectsOf(contexts[name])[0] ?? objectOf(contexts[name]) ?? {};
}
