/** Decides what Amplitude answers to a request that could be read; pure. The answers have the documented shapes. */
import type { CheckedEvents, Ids, IssueKind, Issues } from './simulator-checks.ts';
import type { OverLimit } from './simulator-limits.ts';
import { type Endpoint, maxEventsPerSecond, type SimulatorSwitches } from './simulator-switches.ts';

export type Answer = { readonly status: number; readonly body: object };

/** What is known when a request is judged. */
export type Evidence = {
  readonly endpoint: Endpoint;
  readonly switches: SimulatorSwitches;
  readonly checked: CheckedEvents;
  readonly silenced: ReadonlySet<string>;
  readonly throttled: OverLimit & { readonly project: boolean };
  readonly overQuota: OverLimit;
};

/** Why a request is not accepted. `events` are those that stand in the way of the others. */
export type Refusal = {
  readonly kind: 'invalid' | 'silenced' | 'throttled';
  readonly answer: Answer;
  readonly events: ReadonlySet<number>;
};

export const TOO_LARGE = plainAnswer(413, 'Payload too large');

export function plainAnswer(code: number, error: string): Answer {
  return { status: code, body: { code, error } };
}

/** A field of the request itself, not of an event. */
export function missingField(field: 'api_key' | 'events'): Answer {
  return { status: 400, body: { code: 400, error: 'Request missing required field', missing_field: field } };
}

export function accepted(events: number, bytes: number, now: number): Answer {
  return {
    status: 200,
    body: { code: 200, events_ingested: events, payload_size_bytes: bytes, server_upload_time: now },
  };
}

export function refusalOf(evidence: Evidence): Refusal | undefined {
  const throttled = throttledRefusal(evidence);
  if (evidence.switches.throttledBeforeInvalid && throttled !== undefined) return throttled;
  return invalidRefusal(evidence) ?? silencedRefusal(evidence) ?? throttled;
}

function invalidRefusal({ checked: { issues }, endpoint, switches }: Evidence): Refusal | undefined {
  if (issues.size === 0) return undefined;
  const events = new Set([...issues.values()].flatMap((fields) => [...fields.values()].flat()));
  if (issues.has('not an object')) return { kind: 'invalid', answer: plainAnswer(400, 'Invalid event JSON'), events };
  const firstOnly = endpoint === 'httpapi' && switches.httpFirstOnly;
  const maps = [...issues].map(([kind, fields]) => [kind, toMap(fields, firstOnly)]);
  const body = { code: 400, error: issueError(issues), ...Object.fromEntries(maps) };
  return { kind: 'invalid', answer: { status: 400, body }, events };
}

const ISSUE_ERRORS: readonly (readonly [IssueKind, string])[] = [
  ['events_with_missing_fields', 'Request missing required field'],
  ['events_with_invalid_fields', 'Invalid field values on some events'],
  ['events_with_invalid_id_lengths', 'Invalid id length for user_id or device_id'],
];

function issueError(issues: Issues): string {
  return ISSUE_ERRORS.find(([kind]) => issues.has(kind))?.[1] ?? 'Invalid event JSON';
}

function toMap(fields: ReadonlyMap<string, readonly number[]>, firstOnly: boolean): Record<string, readonly number[]> {
  return Object.fromEntries([...fields].map(([field, indexes]) => [field, firstOnly ? indexes.slice(0, 1) : indexes]));
}

function silencedRefusal(evidence: Evidence): Refusal | undefined {
  const { checked, silenced, throttled, overQuota } = evidence;
  const devices = [...silenced].filter((device) => checked.usage.devices.has(device));
  if (devices.length === 0) return undefined;
  const silencedEvents = eventsOf(checked.ids, { devices: new Map(devices.map((id) => [id, 0])), users: new Map() });
  const throttledEvents = eventsOf(checked.ids, throttled);
  const events = new Set([...silencedEvents, ...throttledEvents, ...eventsOf(checked.ids, overQuota)]);
  const body = {
    code: 400,
    error: 'Events silenced for device_id',
    eps_threshold: maxEventsPerSecond(evidence.endpoint, evidence.switches),
    exceeded_daily_quota_devices: Object.fromEntries(overQuota.devices),
    silenced_devices: devices,
    silenced_events: silencedEvents,
    throttled_devices: Object.fromEntries(throttled.devices),
    throttled_events: throttledEvents,
  };
  return { kind: 'silenced', answer: { status: 400, body }, events };
}

function throttledRefusal(evidence: Evidence): Refusal | undefined {
  const { checked, throttled, overQuota, endpoint, switches } = evidence;
  if (throttled.project)
    return { kind: 'throttled', answer: RATE_LIMIT_EXCEEDED, events: new Set(checked.ids.devices.keys()) };
  const byRate = eventsOf(checked.ids, throttled);
  const byQuota = eventsOf(checked.ids, overQuota);
  if (byRate.length + byQuota.length === 0) return undefined;
  const events = new Set([...byRate, ...byQuota].toSorted((a, b) => a - b));
  const body = {
    code: 429,
    error: 'Too many requests for some devices and users',
    eps_threshold: maxEventsPerSecond(endpoint, switches),
    throttled_devices: Object.fromEntries(throttled.devices),
    throttled_users: Object.fromEntries(throttled.users),
    // The page of /2/httpapi has no quota maps; but somebody must be named.
    ...((endpoint === 'batch' || byQuota.length > 0) && {
      exceeded_daily_quota_devices: Object.fromEntries(overQuota.devices),
      exceeded_daily_quota_users: Object.fromEntries(overQuota.users),
    }),
    throttled_events: switches.quotaEventsInThrottledEvents ? [...events] : byRate,
  };
  return { kind: 'throttled', answer: { status: 429, body }, events };
}

/** Of a whole project: names nobody. */
const RATE_LIMIT_EXCEEDED = plainAnswer(429, 'Rate limit exceeded');

/** The indexes of the events that have one of these ids, ascending. */
function eventsOf({ devices, users }: Ids, over: OverLimit): number[] {
  if (over.devices.size + over.users.size === 0) return [];
  const found: number[] = [];
  for (let i = 0; i < devices.length; i++) {
    const device = devices[i];
    const user = users[i];
    if ((device !== undefined && over.devices.has(device)) || (user !== undefined && over.users.has(user)))
      found.push(i);
  }
  return found;
}
