/** Rows of GA4's export to BigQuery, as JSON or Parquet, become events (https://developers.google.com/analytics/bigquery/event-schema). */
import { hash } from 'node:crypto';
import * as z from 'zod';
import type { AmplitudeEvent, Json, JsonObject } from '../amplitude-event.ts';
import type { MapFunction } from '../config.ts';
import { currencyOf, eventTypeOf, historyOptions, platformOf, toHistoryEvent } from './history.ts';
import { numberOf, objectOf, objectsOf, present, textOf, wholeOf } from './read-field.ts';
import { epochOf, sessionOf } from './read-time.ts';

export const ga4BigquerySchema = z.strictObject({ name: z.literal('ga4-bigquery'), ...historyOptions });
export type Ga4BigqueryOptions = z.output<typeof ga4BigquerySchema>;

export function openGa4Bigquery(options: Ga4BigqueryOptions): MapFunction {
  return (record) => {
    const event_type = eventTypeOf(record.event_name, 'event_name');
    const params = keyedValues(record.event_params);
    return toHistoryEvent(
      {
        event_type,
        user_id: textOf(record.user_id),
        device_id: textOf(record.user_pseudo_id),
        time: epochOf(record.event_timestamp, 'event_timestamp', 'µs'),
        insert_id: insertIdOf(record),
        session_id: sessionOf(params.ga_session_id),
        ...deviceFields(record),
        ...revenueFields(event_type, record, params),
        event_properties: { ...params, ...campaignFields(record), ...purchaseFields(record) },
        user_properties: { ...keyedValues(record.user_properties), ...firstTouchFields(record) },
      },
      options,
    );
  };
}

/** `[{key, value: {string_value, int_value, …}}]` as an object. */
function keyedValues(list: Json | undefined): JsonObject {
  return Object.fromEntries(
    objectsOf(list).flatMap(({ key, value }) => {
      const name = textOf(key);
      const found = valueOf(objectOf(value) ?? {});
      return name === undefined || found === undefined ? [] : [[name, found]];
    }),
  );
}

/** BigQuery's JSON writes 64-bit integers as text. */
function valueOf({
  string_value,
  int_value,
  float_value,
  double_value,
}: JsonObject): string | number | bigint | undefined {
  if (typeof string_value === 'string') return string_value;
  if (typeof int_value === 'string' && /^-?\d{16,}$/.test(int_value)) return BigInt(int_value);
  if (typeof int_value === 'bigint') return int_value;
  return numberOf(int_value) ?? numberOf(float_value) ?? numberOf(double_value);
}

/**
 * GA4 has no id of an event. These fields together are one, and stay the same when Google rewrites a day's table, which
 * it does for three days; parameters are sorted, because their order is not promised.
 */
function insertIdOf(record: JsonObject): string {
  const params = objectsOf(record.event_params).map(({ key, value }) => {
    const found = valueOf(objectOf(value) ?? {});
    return `${textOf(key) ?? ''}=${found ?? ''}`;
  });
  const fields = [
    record.user_pseudo_id,
    record.event_timestamp,
    record.event_name,
    record.event_bundle_sequence_id,
    record.batch_page_id,
    record.batch_ordering_id,
    record.batch_event_index,
  ].map((value) => textOf(value) ?? '');
  return hash('sha256', JSON.stringify([...fields, ...params.toSorted()]), 'base64url').slice(0, 22);
}

function deviceFields(record: JsonObject): Omit<AmplitudeEvent, 'event_type'> {
  const device = objectOf(record.device) ?? {};
  const geo = objectOf(record.geo) ?? {};
  const platform = platformOf(record.platform);
  return {
    platform,
    app_version: knownText(objectOf(record.app_info)?.version),
    os_name: knownText(device.operating_system),
    os_version: knownText(device.operating_system_version),
    device_brand: knownText(device.mobile_brand_name),
    device_model: knownText(device.mobile_model_name),
    language: knownText(device.language),
    idfv: platform === 'iOS' ? knownText(device.vendor_id) : undefined,
    idfa: platform === 'iOS' ? knownText(device.advertising_id) : undefined,
    adid: platform === 'Android' ? knownText(device.advertising_id) : undefined,
    country: knownText(geo.country),
    region: knownText(geo.region),
    city: knownText(geo.city),
    dma: knownText(geo.metro),
  };
}

/**
 * Revenue only where money moved: `event_value_in_usd` also stands on every event with a `value`, such as `add_to_cart`.
 * In the currency of the event where the row has it, otherwise in dollars. A refund is negative.
 */
function revenueFields(eventType: string, record: JsonObject, params: JsonObject) {
  if (!['purchase', 'in_app_purchase', 'ecommerce_purchase', 'refund'].includes(eventType)) return {};
  const isRefund = eventType === 'refund';
  const ecommerce = objectOf(record.ecommerce) ?? {};
  const local = numberOf(isRefund ? ecommerce.refund_value : ecommerce.purchase_revenue);
  const currency = currencyOf(params.currency);
  const usd =
    numberOf(isRefund ? ecommerce.refund_value_in_usd : ecommerce.purchase_revenue_in_usd) ??
    numberOf(record.event_value_in_usd);
  const isLocal = local !== undefined && (currency !== undefined || usd === undefined);
  const amount = isLocal ? local : usd;
  if (amount === undefined) return {};
  return {
    revenue: isRefund ? -Math.abs(amount) : amount,
    currency: isLocal ? currency : 'USD',
    productId: knownText(params.product_id),
    quantity: eventType === 'in_app_purchase' ? wholeOf(params.quantity) : undefined,
  };
}

/** The campaign that the event itself came with. */
function campaignFields(record: JsonObject): JsonObject {
  const source = objectOf(record.collected_traffic_source) ?? {};
  return present({
    utm_source: knownText(source.manual_source),
    utm_medium: knownText(source.manual_medium),
    utm_campaign: knownText(source.manual_campaign_name),
    utm_term: knownText(source.manual_term),
    utm_content: knownText(source.manual_content),
    gclid: knownText(source.gclid),
  });
}

function purchaseFields(record: JsonObject): JsonObject {
  const items = objectsOf(record.items).map(itemProperties);
  return present({
    transaction_id: knownText(objectOf(record.ecommerce)?.transaction_id),
    items: items.length === 0 ? undefined : items,
  });
}

/** Without what is not set, numbers as numbers, the item's own parameters among its fields. */
function itemProperties({ item_params, ...item }: JsonObject): JsonObject {
  const quantity = wholeOf(item.quantity) ?? item.quantity;
  const isSet = ([, value]: [string, Json | undefined]) => value !== '(not set)';
  return {
    ...Object.fromEntries(Object.entries(present({ ...item, quantity })).filter(isSet)),
    ...keyedValues(item_params),
  };
}

/** `traffic_source` is where the user first came from. */
function firstTouchFields(record: JsonObject): JsonObject {
  const source = objectOf(record.traffic_source) ?? {};
  return present({
    initial_utm_source: knownText(source.source),
    initial_utm_medium: knownText(source.medium),
    initial_utm_campaign: knownText(source.name),
  });
}

/** Google writes `(not set)` for what it does not know. */
function knownText(value: Json | undefined): string | undefined {
  const text = textOf(value);
  return text === '(not set)' ? undefined : text;
}
