/** What Amplitude's documents say it answers, and what others saw it answer. */
import { DELIVERED, guessed, HTML, judged, KEY, named, notNow, type Row, refused, TOO_LARGE } from './verdicts.ts';

const THROTTLED = 'Too many requests for some devices and users';

export const TAKEN: readonly Row[] = [
  ['200', 200, { code: 200, events_ingested: 50, payload_size_bytes: 50, server_upload_time: 1 }, DELIVERED],
  ['another 2xx that says 200', 202, { code: 200 }, DELIVERED],
];

export const INVALID: readonly Row[] = [
  [
    'fields of the wrong kind, each with all its events',
    400,
    { code: 400, error: 'Invalid field values on some events', events_with_invalid_fields: { time: [3, 4], ip: [4] } },
    named({ invalid: { 3: 'invalid value of time', 4: 'invalid value of ip' } }),
  ],
  [
    'missing fields',
    400,
    { code: 400, error: 'Request missing required field', events_with_missing_fields: { event_type: [0, 7] } },
    named({ invalid: { 0: 'missing field event_type', 7: 'missing field event_type' } }),
  ],
  [
    'ids of the wrong length',
    400,
    {
      code: 400,
      error: 'Invalid id length for user_id or device_id',
      events_with_invalid_id_lengths: { user_id: [10], device_id: [13] },
    },
    named({ invalid: { 10: 'invalid length of user_id', 13: 'invalid length of device_id' } }),
  ],
  [
    'only the first event of each field (HTTP V2)',
    400,
    { code: 400, error: 'Invalid field values on some events', events_with_invalid_fields: { time: [3] } },
    named({ invalid: { 3: 'invalid value of time' } }),
  ],
  [
    'all three at once',
    400,
    {
      code: 400,
      missing_field: null,
      events_with_invalid_fields: { time: [1] },
      events_with_missing_fields: { event_type: [2] },
      events_with_invalid_id_lengths: { user_id: [3] },
    },
    named({ invalid: { 1: 'invalid value of time', 2: 'missing field event_type', 3: 'invalid length of user_id' } }),
  ],
  [
    'events that are no events',
    400,
    { code: 400, error: 'Invalid event JSON' },
    judged('HTTP 400: Invalid event JSON'),
  ],
  [
    'JSON it cannot read',
    400,
    { code: 400, error: 'Invalid JSON request body' },
    judged('HTTP 400: Invalid JSON request body'),
  ],
  ['400 without a word', 400, '', guessed('HTTP 400')],
  ['400 of a proxy', 400, HTML, guessed('HTTP 400')],
];

export const SILENCED: readonly Row[] = [
  [
    'silenced devices',
    400,
    { code: 400, error: 'Events silenced for device_id', silenced_devices: ['a', 'b'], silenced_events: [5, 6] },
    named({ silenced: { indexes: [5, 6], devices: ['a', 'b'] } }),
  ],
  [
    'silenced and throttled ones together',
    400,
    {
      code: 400,
      error: 'Events silenced for device_id',
      eps_threshold: 100,
      exceeded_daily_quota_devices: {},
      silenced_devices: ['a'],
      silenced_events: [5],
      throttled_devices: { t1: 0, t2: 100 },
      throttled_events: [3, 4],
    },
    named({ silenced: { indexes: [5], devices: ['a'] }, throttled: { indexes: [3, 4], devices: ['t1', 't2'] } }),
  ],
];

export const THROTTLING: readonly Row[] = [
  ['events alone', 429, { code: 429, throttled_events: [3, 4] }, named({ throttled: { indexes: [3, 4] } })],
  ['devices alone', 429, { code: 429, throttled_devices: { d: 4_000 } }, named({ throttled: { devices: ['d'] } })],
  ['users alone', 429, { code: 429, throttled_users: { u: 4_000 } }, named({ throttled: { users: ['u'] } })],
  [
    'a device over its daily quota',
    429,
    { code: 429, exceeded_daily_quota_devices: { d: 500_900 } },
    named({ overQuota: { devices: ['d'] } }),
  ],
  [
    'a user over its daily quota',
    429,
    { code: 429, exceeded_daily_quota_users: { u: 500_200 } },
    named({ overQuota: { users: ['u'] } }),
  ],
  [
    'all of them together',
    429,
    {
      code: 429,
      error: THROTTLED,
      eps_threshold: 1_000,
      throttled_devices: { d1: 4_000 },
      throttled_users: { u1: 4_000 },
      exceeded_daily_quota_devices: { d2: 500_900 },
      exceeded_daily_quota_users: { u2: 500_200 },
      throttled_events: [3, 4, 7],
    },
    named({
      throttled: { indexes: [3, 4, 7], devices: ['d1'], users: ['u1'] },
      overQuota: { devices: ['d2'], users: ['u2'] },
    }),
  ],
  ['the whole project', 429, { code: 429, error: 'Rate limit exceeded' }, notNow('HTTP 429: Rate limit exceeded')],
  [
    'maps, but nobody in them',
    429,
    { code: 429, error: THROTTLED, throttled_devices: {}, throttled_users: {}, throttled_events: [] },
    notNow(`HTTP 429: ${THROTTLED}`),
  ],
  ['429 of a proxy', 429, HTML, notNow('HTTP 429')],
];

export const WHOLE_PROJECT: readonly Row[] = [
  [
    'a wrong key, which it repeats',
    400,
    { code: 400, error: `Invalid API key: ${KEY}` },
    refused('HTTP 400: Invalid API key'),
  ],
  ['a wrong key', 400, { code: 400, error: 'Invalid API key' }, refused('HTTP 400: Invalid API key')],
  [
    'no key',
    400,
    { code: 400, error: 'Request missing required field', missing_field: 'api_key' },
    refused('HTTP 400: Request missing required field'),
  ],
  [
    'no events',
    400,
    { code: 400, error: 'Request missing required field', missing_field: 'events' },
    refused('HTTP 400: Request missing required field'),
  ],
  ['no body', 400, { code: 400, error: 'Missing request body' }, refused('HTTP 400: Missing request body')],
  ['another path', 400, { code: 400, error: 'Invalid request path' }, refused('HTTP 400: Invalid request path')],
  ['401', 401, { code: 401, error: 'Unauthorized' }, refused('HTTP 401: Unauthorized')],
];

export const TOO_MUCH: readonly Row[] = [
  ['413', 413, { code: 413, error: 'Payload too large' }, TOO_LARGE],
  ['413 of a proxy', 413, HTML, TOO_LARGE],
];
