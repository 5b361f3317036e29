/**
 * The event that Amplitude's Batch and HTTP V2 APIs take, and what kind of value each field holds
 * (https://amplitude.com/docs/apis/analytics/batch-event-upload).
 */

export type Json =
  | string
  | number
  | boolean
  | null
  | bigint
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };
export type JsonObject = { readonly [key: string]: Json | undefined };

export type AmplitudeEvent = {
  readonly event_type: string;
  readonly user_id?: string | null | undefined;
  readonly device_id?: string | null | undefined;
  /** Milliseconds since epoch. Without it Amplitude takes the time of upload. */
  readonly time?: number | null | undefined;
  /** Made from the record's own bytes when it is left out. */
  readonly insert_id?: string | null | undefined;
  readonly event_properties?: JsonObject | null | undefined;
  readonly user_properties?: JsonObject | null | undefined;
  readonly groups?: JsonObject | null | undefined;
  readonly group_properties?: JsonObject | null | undefined;
  /** True: the event neither reads nor changes the user's current properties. Right for history. */
  readonly $skip_user_properties_sync?: boolean | null | undefined;
  readonly [field: string]: Json | undefined;
};

/** What Amplitude expects in a field; a field not listed here is passed on as it is. */
export type FieldKind = 'string' | 'integer' | 'number' | 'boolean' | 'object';

const FIELDS = {
  event_type: 'string',
  user_id: 'string',
  device_id: 'string',
  time: 'integer',
  insert_id: 'string',
  event_properties: 'object',
  user_properties: 'object',
  groups: 'object',
  group_properties: 'object',
  $skip_user_properties_sync: 'boolean',
  session_id: 'integer',
  event_id: 'integer',
  app_version: 'string',
  version_name: 'string',
  platform: 'string',
  os_name: 'string',
  os_version: 'string',
  device_brand: 'string',
  device_manufacturer: 'string',
  device_model: 'string',
  carrier: 'string',
  country: 'string',
  region: 'string',
  city: 'string',
  dma: 'string',
  language: 'string',
  location_lat: 'number',
  location_lng: 'number',
  ip: 'string',
  user_agent: 'string',
  price: 'number',
  quantity: 'integer',
  revenue: 'number',
  productId: 'string',
  revenueType: 'string',
  currency: 'string',
  idfa: 'string',
  idfv: 'string',
  adid: 'string',
  android_id: 'string',
  android_app_set_id: 'string',
  partner_id: 'string',
  library: 'string',
  plan: 'object',
  ingestion_metadata: 'object',
} as const satisfies Readonly<Record<string, FieldKind>>;

/** The fields that Amplitude knows. */
export type EventField = keyof typeof FIELDS;

export const EVENT_FIELDS: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>(Object.entries(FIELDS));

/** Ids (lower case) that stand for nobody: Amplitude answers 400 (HTTP V2 documentation, "invalid user ids"). */
export const INVALID_IDS: ReadonlySet<string> = new Set([
  'anonymous',
  'nil',
  'none',
  'null',
  'n/a',
  'na',
  'undefined',
  'unknown',
  '',
  '00000000-0000-0000-0000-000000000000',
  '{}',
  'lmy47d',
  '0',
  '-1',
]);

/** Shorter user and device ids are answered 400, unless the request's `options.min_id_length` says otherwise. */
export const DEFAULT_MIN_ID_LENGTH = 5;

/** Objects nested deeper are refused (HTTP V2 documentation: "object depth can't exceed 40 layers"). */
export const MAX_DEPTH = 40;

/** Longer strings are cut, not refused: ids, event names and values alike (HTTP V2 documentation, "string character limit"). */
export const MAX_STRING_LENGTH = 1_024;

/** Groups of one event beyond these are not tracked, and nobody is told (HTTP V2 documentation, `groups`). */
export const MAX_GROUP_TYPES = 5;
export const MAX_GROUP_VALUES = 10;

/** Reserved by the HTTP V2 documentation. Autocapture's names (`[Amplitude] Page Viewed`) are not: SDKs send them. */
export const RESERVED_EVENTS: ReadonlySet<string> = new Set([
  '[Amplitude] Start Session',
  '[Amplitude] End Session',
  '[Amplitude] Revenue',
  '[Amplitude] Revenue (Verified)',
  '[Amplitude] Revenue (Unverified)',
  '[Amplitude] Merged User',
]);
