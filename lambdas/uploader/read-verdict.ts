/** What Amplitude's answer means for the events that were sent: a pure function of status and body. */
import * as z from 'zod/mini';
import { EVENT_FIELDS } from '../../shared/amplitude-event.ts';

/** What came back, or why nothing did. */
export type Answer =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly retryAfterMs?: number }
  | { readonly kind: 'no-answer'; readonly reason: string };

/** Events by their index in the request, and by the device or user Amplitude named. */
export type Named = {
  readonly indexes: ReadonlySet<number>;
  readonly devices: ReadonlySet<string>;
  readonly users: ReadonlySet<string>;
};

/**
 * - `delivered`: Amplitude has every event
 * - `named`: nothing was taken, and these events are why; the others can be sent again at once
 * - `too-large`: send it in halves
 * - `unexplained`: something in it is refused, and nobody is named
 * - `not-now`: try the same again later
 * - `refused`: nothing of this project is taken until a person mends it
 */
export type Verdict =
  | { readonly kind: 'delivered' }
  | {
      readonly kind: 'named';
      /** Never to be taken, by index; the reason is Amplitude's. */
      readonly invalid: ReadonlyMap<number, string>;
      readonly silenced: Named;
      readonly throttled: Named;
      readonly overQuota: Named;
    }
  | { readonly kind: 'too-large' }
  /** `isJudged`: by Amplitude itself; otherwise perhaps by a firewall or a proxy before it. */
  | { readonly kind: 'unexplained'; readonly isJudged: boolean; readonly reason: string }
  | { readonly kind: 'not-now'; readonly reason: string; readonly retryAfterMs?: number }
  | { readonly kind: 'refused'; readonly reason: string };

const indexes = z._default(z.catch(z.array(z.int().check(z.minimum(0))), []), []);
const byField = z._default(z.catch(z.record(z.string(), indexes), {}), {});
const byId = z._default(z.catch(z.record(z.string(), z.unknown()), {}), {});

/** Every part is optional and read leniently: a part of the wrong shape counts as absent. */
const bodySchema = z.object({
  code: z.catch(z.optional(z.int()), undefined),
  error: z._default(z.catch(z.string(), ''), ''),
  missing_field: z.catch(z.optional(z.nullable(z.string())), undefined),
  events_with_invalid_fields: byField,
  events_with_missing_fields: byField,
  events_with_invalid_id_lengths: byField,
  silenced_events: indexes,
  silenced_devices: z._default(z.catch(z.array(z.string()), []), []),
  throttled_events: indexes,
  throttled_devices: byId,
  throttled_users: byId,
  exceeded_daily_quota_devices: byId,
  exceeded_daily_quota_users: byId,
});
type Body = z.output<typeof bodySchema>;

/** Amplitude's documents show the HTTP status and the body's code agreeing; where they do not, the worse one counts. */
export function readVerdict(answer: Answer): Verdict {
  if (answer.kind === 'no-answer') return { kind: 'not-now', reason: answer.reason };
  const json = parseJson(answer.body);
  const isFine = answer.status >= 200 && answer.status < 300;
  // Nothing else of it matters then, and nearly every answer is this one: 4 % of an upload's CPU were the schema's.
  if (isFine && isConfirmation(json)) return { kind: 'delivered' };
  const body = bodySchema.safeParse(json).data;
  const code = isFine ? (body?.code ?? 0) : answer.status;
  return readFailure(code, body, answer);
}

function readFailure(
  code: number,
  body: Body | undefined,
  { status, retryAfterMs }: Answer & { kind: 'answer' },
): Verdict {
  const isAgreed = (body?.code ?? code) === code;
  const reason = describeAnswer(status, body);
  if (code === 413) return { kind: 'too-large' };
  if (code === 401 || (code === 400 && body && isAboutProject(body))) return { kind: 'refused', reason };
  const named = body && (code === 400 || code === 429) ? readNamed(body) : undefined;
  if (named) return named;
  if (isAgreed && (code === 400 || code === 403)) {
    return { kind: 'unexplained', isJudged: code === 400 && body?.code === code, reason };
  }
  return { kind: 'not-now', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

function describeAnswer(status: number, body: Body | undefined): string {
  const code = body?.code;
  const http = code === undefined || code === status ? `HTTP ${status}` : `HTTP ${status} with code ${code}`;
  const error = knownError(body?.error ?? '');
  if (error !== '') return `${http}: ${error}`;
  return status < 300 && code === undefined ? `${http} without Amplitude's confirmation` : http;
}

/** What Amplitude's documents say of errors, and what has been seen of them. */
const KNOWN_ERRORS = [
  'Invalid API key',
  'Invalid request path',
  'Missing request body',
  'Invalid JSON request body',
  'Invalid event JSON',
  'Invalid field values on some events',
  'Invalid id length for user_id or device_id',
  'Request missing required field',
  'Events silenced for device_id',
  'Payload too large',
  'Rate limit exceeded',
  'Too many requests for some devices and users',
  'Unauthorized',
  'Forbidden',
  'Service unavailable',
];

/**
 * An answer may repeat the key ("Invalid API key: <key>") or what stood in an event, and neither may reach a log or the
 * ledger: only what is known is passed on.
 */
function knownError(error: string): string {
  if (error === '') return '';
  return KNOWN_ERRORS.find((known) => error.startsWith(known)) ?? 'unknown error';
}

/** Amplitude has not even looked at the events. */
function isAboutProject({ error, missing_field }: Body): boolean {
  return (
    error.startsWith('Invalid API key') ||
    missing_field === 'api_key' ||
    missing_field === 'events' ||
    error === 'Invalid request path' ||
    error === 'Missing request body'
  );
}

function readNamed(body: Body): Verdict | undefined {
  const invalid = new Map<number, string>();
  const maps = [
    ['invalid value of', body.events_with_invalid_fields],
    ['missing field', body.events_with_missing_fields],
    ['invalid length of', body.events_with_invalid_id_lengths],
  ] as const;
  for (const [what, fields] of maps) {
    for (const [field, places] of Object.entries(fields)) {
      const reason = `Amplitude: ${what} ${fieldName(field)}`;
      for (const index of places) invalid.set(index, reason);
    }
  }
  const silenced = toNamed(body.silenced_events, body.silenced_devices, []);
  const throttled = toNamed(
    body.throttled_events,
    Object.keys(body.throttled_devices),
    Object.keys(body.throttled_users),
  );
  const quota = [body.exceeded_daily_quota_devices, body.exceeded_daily_quota_users] as const;
  const overQuota = toNamed([], Object.keys(quota[0]), Object.keys(quota[1]));
  const isAnybody = invalid.size > 0 || [silenced, throttled, overQuota].some(namesAnybody);
  return isAnybody ? { kind: 'named', invalid, silenced, throttled, overQuota } : undefined;
}

/** As long as it is one that Amplitude knows. */
function fieldName(field: string): string {
  return EVENT_FIELDS.has(field) ? field : 'a field';
}

function toNamed(places: readonly number[], devices: readonly string[], users: readonly string[]): Named {
  return { indexes: new Set(places), devices: new Set(devices), users: new Set(users) };
}

export function namesAnybody({ indexes: places, devices, users }: Named): boolean {
  return places.size + devices.size + users.size > 0;
}

function isConfirmation(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'code' in json && json.code === 200;
}

/** Undefined when it is none. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
