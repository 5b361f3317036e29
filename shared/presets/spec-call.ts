/**
 * The calls that Segment and RudderStack share (track, page, screen, identify, group, alias) become events
 * (https://segment.com/docs/connections/spec/, https://www.rudderstack.com/docs/event-spec/).
 */
import * as z from 'zod';
import type { AmplitudeEvent, JsonObject } from '../amplitude-event.ts';
import {
  eventTypeOf,
  furtherId,
  historyOptions,
  identifyOptions,
  platformOf,
  toEvent,
  toHistoryEvent,
} from './history.ts';
import { numberOf, objectOf, objectsOf, show, textOf, unlessEmpty } from './read-field.ts';
import { productRevenue, revenueFields } from './spec-revenue.ts';

/** `false` leaves these calls out; in a name `{name}` and `{category}` stand for the call's own. */
const viewName = z
  .union([z.string().min(1), z.literal(false)], { error: 'a name such as "Viewed {name}", or false' })
  .default('Viewed {name}');

export const specOptions = {
  ...historyOptions,
  ...identifyOptions,
  /** What a page call is called, and a screen call. */
  pageEvent: viewName,
  screenEvent: viewName,
  /** Amplitude's group type for the groups of group calls, which name none. */
  groupType: z.string().min(1).default('group'),
  /** Whether an order's revenue counts on `Order Completed` or on its `Product Purchased` events; never on both. */
  orderRevenue: z.enum(['order', 'product']).default('order'),
};
type SpecOptions = z.output<z.ZodObject<typeof specOptions>>;

/** What the two tools write in different places. */
export type SpecDialect = {
  readonly timeOf: (record: JsonObject) => number;
  /** Ms since epoch. */
  readonly sessionOf: (record: JsonObject) => number | undefined;
  readonly ipOf: (record: JsonObject) => string | undefined;
};

/** The events of one call; null for a call that Amplitude has no event for. */
export function mapCall(
  record: JsonObject,
  options: SpecOptions,
  dialect: SpecDialect,
): AmplitudeEvent | readonly AmplitudeEvent[] | null {
  switch (record.type) {
    case 'track':
      return track(record, options, dialect);
    case 'page':
      return view(record, options.pageEvent, 'Page', options, dialect);
    case 'screen':
      return view(record, options.screenEvent, 'Screen', options, dialect);
    case 'identify':
      return options.identify === 'filter' ? null : identify(record, dialect);
    case 'group':
      return options.identify === 'filter' ? null : group(record, options.groupType, dialect);
    case 'alias':
      return null;
    default:
      throw new Error(
        `type is ${show(record.type)}; expected "track", "page", "screen", "identify", "group" or "alias"`,
      );
  }
}

function track(record: JsonObject, options: SpecOptions, dialect: SpecDialect): AmplitudeEvent | AmplitudeEvent[] {
  const properties = objectOf(record.properties) ?? {};
  const eventType = eventTypeOf(record.event, 'event');
  const common = callFields(record, options, dialect);
  const isOrder = eventType.toLowerCase() === 'order completed';
  const products = isOrder ? objectsOf(properties.products) : [];
  const isPerProduct = options.orderRevenue === 'product' && products.length > 0;
  const revenue = isPerProduct ? {} : revenueFields(properties, isOrder);
  const main = toHistoryEvent({ ...common, event_type: eventType, event_properties: properties, ...revenue }, options);
  if (products.length === 0) return main;
  const purchases = products.map((product, i) =>
    toHistoryEvent(
      {
        ...common,
        event_type: 'Product Purchased',
        insert_id: furtherId(common.insert_id, i + 1),
        event_properties: { ...product, order_id: product.order_id ?? properties.order_id },
        ...(isPerProduct && productRevenue(product, properties)),
      },
      options,
    ),
  );
  return [main, ...purchases];
}

function view(
  record: JsonObject,
  template: string | false,
  kind: 'Page' | 'Screen',
  options: SpecOptions,
  dialect: SpecDialect,
): AmplitudeEvent | null {
  if (template === false) return null;
  const properties = objectOf(record.properties) ?? {};
  const category = textOf(record.category) ?? textOf(properties.category);
  const name = textOf(record.name) ?? textOf(properties.name) ?? category ?? kind;
  const event_type = template.replaceAll('{name}', () => name).replaceAll('{category}', () => category ?? name);
  const common = callFields(record, options, dialect);
  return toHistoryEvent(
    { ...common, event_type: eventTypeOf(event_type, 'name'), event_properties: properties },
    options,
  );
}

function identify(record: JsonObject, dialect: SpecDialect): AmplitudeEvent {
  return toEvent({
    event_type: '$identify',
    ...whoAndWhen(record, dialect),
    user_properties: { $set: traitsOf(record) },
  });
}

/** The user joins the group; then the group gets its properties. */
function group(record: JsonObject, groupType: string, dialect: SpecDialect): AmplitudeEvent[] {
  const groupId = textOf(record.groupId);
  if (groupId === undefined) throw new Error(`groupId is ${show(record.groupId)}; expected the group's id`);
  const common = whoAndWhen(record, dialect);
  const groups = { [groupType]: groupId };
  const traits = unlessEmpty(objectOf(record.traits) ?? {});
  const join = toEvent({ event_type: '$identify', ...common, groups, user_properties: { $set: groups } });
  if (!traits) return [join];
  const insert_id = furtherId(common.insert_id, 1);
  const group_properties = { $set: traits };
  return [join, toEvent({ event_type: '$groupidentify', ...common, insert_id, groups, group_properties })];
}

function whoAndWhen(record: JsonObject, dialect: SpecDialect) {
  const context = objectOf(record.context) ?? {};
  return {
    user_id: textOf(record.userId),
    device_id: textOf(objectOf(context.device)?.id) ?? textOf(record.anonymousId),
    time: dialect.timeOf(record),
    insert_id: textOf(record.messageId),
  };
}

/** Everything of an event but its name, its properties and its revenue. */
function callFields(record: JsonObject, { groupType }: SpecOptions, dialect: SpecDialect) {
  const context = objectOf(record.context) ?? {};
  const device = objectOf(context.device) ?? {};
  const os = objectOf(context.os) ?? {};
  const place = objectOf(context.location) ?? {};
  const platform = platformOf(device.type) ?? (isBrowser(context) ? 'Web' : undefined);
  const groupId = textOf(context.groupId);
  return {
    ...whoAndWhen(record, dialect),
    session_id: dialect.sessionOf(record),
    user_properties: { ...objectOf(context.traits), ...campaignFields(context) },
    groups: groupId === undefined ? undefined : { [groupType]: groupId },
    app_version: textOf(objectOf(context.app)?.version),
    platform,
    os_name: textOf(os.name),
    os_version: textOf(os.version),
    device_brand: textOf(device.brand),
    device_manufacturer: textOf(device.manufacturer),
    device_model: textOf(device.model),
    carrier: textOf(objectOf(context.network)?.carrier),
    country: textOf(place.country),
    region: textOf(place.region),
    city: textOf(place.city),
    location_lat: numberOf(place.latitude),
    location_lng: numberOf(place.longitude),
    language: textOf(context.locale),
    ip: dialect.ipOf(record),
    user_agent: textOf(context.userAgent),
    idfv: platform === 'iOS' ? textOf(device.id) : undefined,
    idfa: platform === 'iOS' ? textOf(device.advertisingId) : undefined,
    adid: platform === 'Android' ? textOf(device.advertisingId) : undefined,
  };
}

function traitsOf(record: JsonObject): JsonObject {
  return objectOf(record.traits) ?? objectOf(objectOf(record.context)?.traits) ?? {};
}

/** `analytics.js` is Segment's library in the browser, `RudderLabs JavaScript SDK` is RudderStack's. */
function isBrowser(context: JsonObject): boolean {
  return /^analytics\.js|javascript sdk$/i.test(textOf(objectOf(context.library)?.name) ?? '');
}

function campaignFields(context: JsonObject): JsonObject {
  const campaign = objectOf(context.campaign) ?? {};
  const fields = {
    utm_source: textOf(campaign.source),
    utm_medium: textOf(campaign.medium),
    utm_campaign: textOf(campaign.name),
    utm_term: textOf(campaign.term),
    utm_content: textOf(campaign.content),
    referrer: textOf(objectOf(context.page)?.referrer),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
