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

export const EVENT_FIELDS: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  ...[
    'event_type',
    'user_id',
    'device_id',
    'insert_id',
    'app_version',
    'version_name',
    'platform',
    'os_name',
    'os_version',
  ].map(kind('string')),
  ...[
    'device_brand',
    'device_manufacturer',
    'device_model',
    'carrier',
    'country',
    'region',
    'city',
    'dma',
    'language',
  ].map(kind('string')),
  ...['productId', 'revenueType', 'currency', 'ip', 'idfa', 'idfv', 'adid', 'android_id', 'android_app_set_id'].map(
    kind('string'),
  ),
  ...['user_agent', 'partner_id', 'library'].map(kind('string')),
  ...['time', 'session_id', 'event_id', 'quantity'].map(kind('integer')),
  ...['price', 'revenue', 'location_lat', 'location_lng'].map(kind('number')),
  ...['event_properties', 'user_properties', 'groups', 'group_properties', 'plan', 'ingestion_metadata'].map(
    kind('object'),
  ),
  ...['$skip_user_properties_sync'].map(kind('boolean')),
]);

function kind(value: FieldKind): (field: string) => [string, FieldKind] {
  return (field) => [field, value];
}

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
