/** Reads a request as far as Amplitude does before it looks at single events: size, JSON, key, number of events; pure. */
import { DEFAULT_MIN_ID_LENGTH } from '../shared/amplitude-event.ts';
import { type Answer, missingField, plainAnswer, TOO_LARGE } from './simulator-answers.ts';
import type { ReceivedBody } from './simulator-body.ts';
import { locateEvents, type Spans } from './simulator-spans.ts';
import { type Endpoint, maxPayloadBytes, type SimulatorSwitches } from './simulator-switches.ts';

export type Upload = {
  readonly endpoint: Endpoint;
  readonly apiKey: string;
  /** Not checked yet: each may be anything. */
  readonly events: readonly unknown[];
  readonly spans: Spans;
  readonly minIdLength: number;
  readonly clientUploadTime: number | undefined;
  /** Of the JSON. */
  readonly bytes: number;
};

export type ReadRequest =
  | { readonly kind: 'upload'; readonly upload: Upload }
  | { readonly kind: 'refused'; readonly answer: Answer };

export type RequestRules = {
  readonly switches: SimulatorSwitches;
  isApiKey(key: string): boolean;
};

const NOT_JSON = plainAnswer(415, 'Content-Type is not application/json');
const INVALID_JSON = plainAnswer(400, 'Invalid JSON request body');

export function readRequest(endpoint: Endpoint, received: ReceivedBody, rules: RequestRules): ReadRequest {
  const { switches } = rules;
  const { text, sentBytes, gzip, contentType, problem } = received;
  if (switches.contentTypeChecked && !/^application\/json\b/i.test(contentType)) return refused(NOT_JSON);
  if (problem === 'encoding unknown') return refused(plainAnswer(415, 'Unsupported content encoding'));
  if (gzip && endpoint === 'batch' && !switches.batchGzip) return refused(INVALID_JSON);
  if (problem === 'too large') return refused(TOO_LARGE);
  if (problem === 'cannot be decompressed') return refused(INVALID_JSON);
  const measured = switches.payloadMeasured === 'json' ? text.length : sentBytes;
  if (measured > maxPayloadBytes(endpoint, switches)) return refused(TOO_LARGE);
  if (text.length === 0) return refused(plainAnswer(400, 'Missing request body'));
  const body = parseObject(text);
  if (body === undefined) return refused(INVALID_JSON);
  const { api_key: apiKey, events } = body;
  if (apiKey === undefined || apiKey === null || apiKey === '') return refused(missingField('api_key'));
  if (typeof apiKey !== 'string' || !rules.isApiKey(apiKey)) return refused(invalidKey(apiKey, switches));
  if (!Array.isArray(events) || events.length === 0) return refused(missingField('events'));
  if (events.length > switches.maxEvents) return refused(TOO_LARGE);
  const spans = locateEvents(text, events.length);
  const upload = {
    endpoint,
    apiKey,
    events: events.map((event, index) => decodeEvent(event, spans, index)),
    spans,
    minIdLength: minIdLength(body['options']),
    clientUploadTime: toTime(body['client_upload_time']),
    bytes: text.length,
  };
  return { kind: 'upload', upload };
}

function invalidKey(apiKey: unknown, { invalidKeyNamed }: SimulatorSwitches): Answer {
  const key = typeof apiKey === 'string' ? apiKey : JSON.stringify(apiKey);
  return plainAnswer(400, invalidKeyNamed ? `Invalid API key: ${key}` : 'Invalid API key');
}

function refused(answer: Answer): ReadRequest {
  return { kind: 'refused', answer };
}

/**
 * Reads the text as if it were Latin-1, which is twice as fast and finds the same structure: what UTF-8 writes in several
 * bytes can only stand in strings. Strings that matter are read again as what they are.
 */
function parseObject(text: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text.toString('latin1'));
    if (!isObject(value)) return undefined;
    const simple = isAscii(value['api_key']) && text.includes('"events"');
    return simple ? value : (JSON.parse(text.toString()) as Readonly<Record<string, unknown>>);
  } catch {
    return undefined;
  }
}

function decodeEvent(event: unknown, { text, starts, ends, long }: Spans, index: number): unknown {
  if (!isObject(event)) return event;
  const { event_type, user_id, device_id, insert_id } = event;
  const plain = isAscii(event_type) && isAscii(user_id) && isAscii(device_id) && isAscii(insert_id);
  if (plain && !long.has(index)) return event;
  return JSON.parse(text.toString('utf8', starts[index], ends[index]));
}

function isAscii(value: unknown): boolean {
  return typeof value !== 'string' || !/[\u0080-\uffff]/.test(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function minIdLength(options: unknown): number {
  const length = isObject(options) ? options['min_id_length'] : undefined;
  return typeof length === 'number' && Number.isInteger(length) && length > 0 ? length : DEFAULT_MIN_ID_LENGTH;
}

function toTime(value: unknown): number | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : value;
  return typeof time === 'number' && Number.isFinite(time) ? time : undefined;
}
