/** Answers that are not Amplitude's, contradict themselves, or have another shape than they should. */
import { guessed, HTML, judged, KEY, named, notNow, type Row, TOO_LARGE } from './verdicts.ts';

export const UNAVAILABLE: readonly Row[] = [
  ['a firewall', 403, { code: 403, error: 'Forbidden' }, guessed('HTTP 403: Forbidden')],
  ['a firewall in HTML', 403, HTML, guessed('HTTP 403')],
  ...[500, 502, 503, 504].flatMap((status): Row[] => [
    ['in JSON', status, { code: status, error: 'Service unavailable' }, notNow(`HTTP ${status}: Service unavailable`)],
    ['in HTML', status, HTML, notNow(`HTTP ${status}`)],
    ['without a word', status, '', notNow(`HTTP ${status}`)],
  ]),
  ...[302, 404, 408, 418, 599].map((status): Row => ['unheard of', status, '', notNow(`HTTP ${status}`)]),
];

const UNCONFIRMED = notNow("HTTP 200 without Amplitude's confirmation");
export const DISAGREEING: readonly Row[] = [
  ['without a word', 200, '', UNCONFIRMED],
  ['a web page', 200, HTML, UNCONFIRMED],
  ['no code', 200, { events_ingested: 5 }, UNCONFIRMED],
  ['a code that is text', 200, { code: '200' }, UNCONFIRMED],
  ['nothing to read', 204, '', notNow("HTTP 204 without Amplitude's confirmation")],
  ['null', 200, null, UNCONFIRMED],
  ['an array', 200, [{ code: 200 }], UNCONFIRMED],
  ['429', 200, { code: 429, error: 'Rate limit exceeded' }, notNow('HTTP 200 with code 429: Rate limit exceeded')],
  ['429 with names', 200, { code: 429, throttled_events: [1] }, named({ throttled: { indexes: [1] } })],
  ['400', 200, { code: 400, error: 'Invalid event JSON' }, judged('HTTP 200 with code 400: Invalid event JSON')],
  [
    '400 with names',
    200,
    { code: 400, events_with_invalid_fields: { time: [1] } },
    named({ invalid: { 1: 'invalid value of time' } }),
  ],
  ['413', 200, { code: 413 }, TOO_LARGE],
  ['500', 200, { code: 500 }, notNow('HTTP 200 with code 500')],
  ['200', 429, { code: 200 }, notNow('HTTP 429 with code 200')],
  ['200', 500, { code: 200 }, notNow('HTTP 500 with code 200')],
  ['200', 400, { code: 200 }, notNow('HTTP 400 with code 200')],
  ['429', 400, { code: 429, error: 'Rate limit exceeded' }, notNow('HTTP 400 with code 429: Rate limit exceeded')],
  ['429 with names', 400, { code: 429, throttled_events: [1] }, named({ throttled: { indexes: [1] } })],
  ['503', 400, { code: 503 }, notNow('HTTP 400 with code 503')],
  ['429', 403, { code: 429 }, notNow('HTTP 403 with code 429')],
  ['400 with names', 500, { code: 400, events_with_invalid_fields: { time: [1] } }, notNow('HTTP 500 with code 400')],
];

/** A part of the wrong shape counts as absent; what is right beside it still counts. */
export const MISSHAPEN: readonly Row[] = [
  ['null', 400, null, guessed('HTTP 400')],
  ['an array', 400, [1, 2], guessed('HTTP 400')],
  ['a number', 400, 400, guessed('HTTP 400')],
  ['an error that is no text', 400, { code: 400, error: { a: 1 } }, judged('HTTP 400')],
  ['a map that is an array', 400, { code: 400, events_with_invalid_fields: [[1]] }, judged('HTTP 400')],
  ['a map that is null', 429, { code: 429, throttled_devices: null }, notNow('HTTP 429')],
  ['indexes that are negative', 400, { code: 400, events_with_invalid_fields: { time: [-1] } }, judged('HTTP 400')],
  ['indexes that are fractions', 400, { code: 400, events_with_invalid_fields: { time: [1.5] } }, judged('HTTP 400')],
  ['indexes that are text', 429, { code: 429, throttled_events: ['1'] }, notNow('HTTP 429')],
  ['indexes that are one number', 429, { code: 429, throttled_events: 1 }, notNow('HTTP 429')],
  [
    'one of two fields',
    400,
    { code: 400, events_with_invalid_fields: { time: 'all', ip: [2] } },
    named({ invalid: { 2: 'invalid value of ip' } }),
  ],
  [
    'one of two maps',
    429,
    { code: 429, throttled_events: [null], throttled_users: { u: 1 } },
    named({ throttled: { users: ['u'] } }),
  ],
  [
    'a device called like a property of every object',
    429,
    { code: 429, throttled_devices: { constructor: 1 } },
    named({ throttled: { devices: ['constructor'] } }),
  ],
  [
    'the key as the name of a field',
    400,
    { code: 400, events_with_invalid_fields: { [KEY]: [1], 'a "quoted" <name>': [2] } },
    named({ invalid: { 1: 'invalid value of a field', 2: 'invalid value of a field' } }),
  ],
  ['a long story', 429, { code: 429, error: 'no '.repeat(5_000) }, notNow('HTTP 429: unknown error')],
  [
    'an error that quotes an event',
    400,
    { code: 400, error: 'Cannot read "anna@example.com" as a time' },
    judged('HTTP 400: unknown error'),
  ],
  [
    'an error that begins with the key',
    429,
    { code: 429, error: `${KEY} is too fast` },
    notNow('HTTP 429: unknown error'),
  ],
  ['an error that is a word of an event', 503, { code: 503, error: 'Anna' }, notNow('HTTP 503: unknown error')],
];
