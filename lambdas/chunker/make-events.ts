/** Makes the events of one record: parse, map, check, and give each an insert_id that is the same whenever it is made again. */
import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import type { AmplitudeEvent, JsonObject } from '../../shared/amplitude-event.ts';
import type { MapFunction, RecordPosition, Source } from '../../shared/config.ts';
import { type Fault, findFault } from './check-event.ts';
import { chunkLimits } from './chunk-limits.ts';
import { withInsertId } from './event-text.ts';
import { parseExactly, stringifyExactly } from './exact-json.ts';
import type { RawRecord } from './raw-record.ts';

/** An event ready to be sent. */
export type PreparedEvent = {
  /** Its JSON text, to be joined. */
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
  readonly deviceId: string | undefined;
  readonly userId: string | undefined;
  readonly time: number | undefined;
};

/** An event that Amplitude would refuse, made from a record that also made another. */
export type RefusedEvent = Fault & { readonly text: string };

export type MadeEvents =
  | { readonly kind: 'events'; readonly events: readonly PreparedEvent[]; readonly refused: readonly RefusedEvent[] }
  | { readonly kind: 'filtered' }
  | ({ readonly kind: 'unusable' } & Fault);

/** `dump` is the dump's key: what the map function is told. Never throws: what goes wrong with a record makes it unusable. */
export function makeEvents(record: RawRecord, source: Source, dump: string): MadeEvents {
  const { bytes } = record;
  if (record.length > source.caps.recordBytes) {
    return unusable(
      'record is too long',
      `${record.length} bytes, at most ${source.caps.recordBytes} (caps.recordBytes)`,
    );
  }
  const at = { dump, position: record.position };
  if (record.parsed) {
    if ('fault' in record.parsed) return { kind: 'unusable', ...record.parsed.fault };
    return mapped(bytes, record.parsed.value, source, source.map ?? asItIs, at);
  }
  if (!isUtf8(bytes)) return unusable('record is not UTF-8', 'expected JSON in UTF-8; convert the dump');
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = source.map ? parseExactly(text) : JSON.parse(text);
  } catch (error) {
    return unusable('record is not JSON', String(error));
  }
  // A number that parseExactly keeps as it stood is an object of its own kind.
  if (!isJsonObject(value) || !text.startsWith('{'))
    return unusable('record is not an object', `found ${text.slice(0, 40)}`);
  if (!source.map) return passThrough(bytes, value, source, at);
  return mapped(bytes, value, source, source.map, at);
}

const asItIs: MapFunction = (record) => record as AmplitudeEvent;

/** The record already is an event: its text is sent as it stands. */
function passThrough(bytes: Buffer, event: JsonObject, source: Source, at: RecordPosition): MadeEvents {
  const fault = findFault(event, source.minIdLength);
  if (fault) return { kind: 'unusable', ...fault };
  const hasOwnId = Object.hasOwn(event, 'insert_id');
  const insertId = event.insert_id ? undefined : recordId(bytes, source, at);
  const pieces = withInsertId(bytes, insertId, hasOwnId, Object.keys(event).length);
  return keepFitting([prepare(event, pieces)], [], source);
}

function mapped(bytes: Buffer, record: JsonObject, source: Source, map: MapFunction, at: RecordPosition): MadeEvents {
  let results: readonly unknown[];
  try {
    const result = map(record, at) ?? [];
    results = Array.isArray(result) ? [...result] : [result];
  } catch (error) {
    const { name, message } = describeThrown(error);
    return unusable(`map threw ${name}`, message);
  }
  if (results.length === 0) return { kind: 'filtered' };
  const id = recordId(bytes, source, at);
  const events: PreparedEvent[] = [];
  const refused: RefusedEvent[] = [];
  for (const [i, result] of results.entries()) {
    const made = mappedEvent(result, i === 0 ? id : `${id}-${i}`, source);
    if ('reason' in made) refused.push(made);
    else events.push(made);
  }
  return keepFitting(events, refused, source);
}

function mappedEvent(result: unknown, insertId: string, source: Source): PreparedEvent | RefusedEvent {
  try {
    if (result instanceof Promise) {
      result.catch(() => undefined);
      return { reason: 'map returned a promise', detail: 'a map function must not be async', text: '' };
    }
    if (!isJsonObject(result)) {
      const found = Array.isArray(result) ? 'array' : result === null ? 'null' : typeof result;
      return { reason: 'map returned no event', detail: `found ${found}`, text: String(result) };
    }
    // A copy, so that what is checked is what is written: a getter is asked once, and nothing is inherited.
    const event: JsonObject = { ...result };
    const fault = findFault(event, source.minIdLength);
    const text = stringifyExactly(event.insert_id ? event : { ...event, insert_id: insertId });
    return fault ? { ...fault, text } : prepare(event, [Buffer.from(text)]);
  } catch (error) {
    return { reason: 'event cannot be written as JSON', detail: describeThrown(error).message, text: '' };
  }
}

/** Of anything that can be thrown, also what throws when it is looked at. */
function describeThrown(error: unknown): { readonly name: string; readonly message: string } {
  const name = 'something that is no Error';
  try {
    return error instanceof Error
      ? { name: String(error.name), message: String(error.message) }
      : { name, message: String(error) };
  } catch {
    return { name, message: 'it cannot be shown' };
  }
}

/** What one request can never hold is refused; a record none of whose events is left is unusable. */
function keepFitting(events: readonly PreparedEvent[], refused: readonly RefusedEvent[], source: Source): MadeEvents {
  const max = chunkLimits(source).chunkBytes;
  const tooLarge = events
    .filter((event) => event.bytes > max)
    .map((event) => ({ ...tooLargeFault(event.bytes, max), text: Buffer.concat(event.pieces).toString() }));
  const fitting = tooLarge.length === 0 ? events : events.filter((event) => event.bytes <= max);
  const allRefused = [...refused, ...tooLarge];
  const [first] = allRefused;
  if (fitting.length === 0 && first) return unusable(first.reason, first.detail);
  return { kind: 'events', events: fitting, refused: allRefused };
}

export function tooLargeFault(bytes: number, max: number): Fault {
  return { reason: 'event is too large', detail: `${bytes} bytes, at most ${max} fit one upload` };
}

function prepare(event: JsonObject | AmplitudeEvent, pieces: readonly Buffer[]): PreparedEvent {
  const { device_id, user_id, time } = event;
  return {
    pieces,
    bytes: pieces.reduce((sum, piece) => sum + piece.length, 0),
    deviceId: typeof device_id === 'string' ? device_id : undefined,
    userId: typeof user_id === 'string' ? user_id : undefined,
    time: typeof time === 'number' ? time : undefined,
  };
}

/** The insert_id of a record that has none: from its bytes, or from where it stands. */
function recordId(bytes: Buffer, { insertId }: Source, { dump, position }: RecordPosition): string {
  return insertId === 'content' ? contentId(bytes) : contentId(Buffer.from(`${dump}\n${position}`));
}

/**
 * From the record's own bytes (without the line end): the same line in a file that is dropped again is the same event,
 * and two identical lines are one event. 96 bits: among a billion events of a week two different ones meet with a
 * probability of 10^-11.
 */
export function contentId(bytes: Buffer): string {
  return hash('sha256', bytes, 'base64url').slice(0, 16);
}

function unusable(reason: string, detail: string): MadeEvents {
  return { kind: 'unusable', reason, detail };
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
