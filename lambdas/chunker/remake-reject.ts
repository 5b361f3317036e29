/** Makes of a reject what the configuration makes of it now: its record once more, or the one event of it that was refused. */
import type { JsonObject } from '../../shared/amplitude-event.ts';
import type { Source } from '../../shared/config.ts';
import type { FormatName } from '../../shared/format-settings.ts';
import type { Reject } from '../../shared/rejects.ts';
import type { Fault } from './check-event.ts';
import { chunkLimits } from '../../shared/chunk-limits.ts';
import { check, type MadeEvents, prepare, type RefusedEvent, tooLargeFault } from './make-events.ts';
import type { RawRecord } from './raw-record.ts';
import type { ChooseProject } from './route.ts';
import { bytesOfText, NO_EDITS } from './spliced-text.ts';
import type { Transform } from './transform.ts';

/**
 * - `made`: what it is now, for the books as if the record were read for the first time; of a refused event only that one
 * - `gone`: a refused event that the configuration no longer makes, since it filters the record
 * - `kept`: it cannot be made again and stays as it is
 */
export type Remade =
  | { readonly kind: 'made'; readonly record: RawRecord; readonly made: MadeEvents }
  | { readonly kind: 'gone' }
  | { readonly kind: 'kept' };

/**
 * Whether the record must be read from the dump: what the reject holds is not the whole of it, not what became of it, or not
 * in the form in which records of the dump are read.
 */
export function needsRecord({ kind, bytes, length }: Reject, source: Source): boolean {
  if (kind === 'refused') return isMade(source);
  const isCut = length !== undefined && length > bytes.length;
  const isJson = source.format ? JSON_FORMATS.has(source.format.type) : bytes[0] === OPEN_BRACE;
  return isCut || !isJson;
}

const OPEN_BRACE = 0x7b;
const JSON_FORMATS: ReadonlySet<FormatName> = new Set(['ndjson', 'json-array', 'zip']);

/** Whether an event is another thing than its record. */
function isMade({ preset, convert, map, filter, enrich = [] }: Source): boolean {
  return [preset, convert, map, filter].some((made) => made !== undefined) || enrich.length > 0;
}

/** `record` is the reject's, if it was needed and is still there; `dump` the dump's key. */
export async function remakeReject(reject: Reject, record: RawRecord | undefined, remaking: Remaking): Promise<Remade> {
  const { source, transform, dump } = remaking;
  const remake = async (whole: RawRecord): Promise<MadeEvents> => {
    const [made] = await transform([whole], dump);
    if (!made) throw new Error('the transform gave nothing for a record');
    return made;
  };
  if (reject.kind === 'refused') return remakeEvent(reject, record, remaking, remake);
  if (record === undefined && needsRecord(reject, source)) return { kind: 'kept' };
  const whole = record ?? recordOf(reject);
  return { kind: 'made', record: whole, made: await remake(whole) };
}

export type Remaking = {
  readonly source: Source;
  readonly transform: Transform;
  readonly route: ChooseProject | undefined;
  readonly dump: string;
};

/** The reject as it stands, to be counted and written once more. */
export function keepReject(reject: Reject): Extract<Remade, { kind: 'made' }> {
  const { kind, reason, detail, bytes } = reject;
  const fault = { reason, detail };
  if (kind === 'unusable') return { kind: 'made', record: recordOf(reject), made: { kind, ...fault } };
  return { kind: 'made', record: recordOf(reject), made: refusing({ ...fault, text: bytes.toString() }) };
}

async function remakeEvent(
  reject: Reject,
  record: RawRecord | undefined,
  remaking: Remaking,
  remake: (record: RawRecord) => Promise<MadeEvents>,
): Promise<Remade> {
  const event = parseEvent(reject.bytes);
  // What is no JSON object, or has no insert_id, was never sent and cannot be told from the record's other events.
  if (!event?.insert_id) return { kind: 'kept' };
  const standIn = recordOf(reject);
  const text = reject.bytes.toString();
  if (!record) {
    const { route, source, dump } = remaking;
    // Its record is gone, or is the event itself.
    const origin = { record: event, at: { dump, position: reject.position } };
    const routed = route ? route(event, origin) : 0;
    if (routed === 'filter') return { kind: 'gone' };
    return { kind: 'made', record: standIn, made: checkEvent(reject.bytes, event, routed, source) };
  }
  const made = await remake(record);
  if (made.kind === 'filtered') return { kind: 'gone' };
  if (made.kind === 'unusable') {
    return { kind: 'made', record: standIn, made: refusing({ reason: made.reason, detail: made.detail, text }) };
  }
  return { kind: 'made', record: standIn, made: pickEvent(made, event.insert_id) ?? refusing({ ...NOT_MADE, text }) };
}

/** The insert_id may be what was mended: then nobody knows which of the record's events it was. */
const NOT_MADE = {
  reason: 'record no longer makes this event',
  detail: 'none of its events has this insert_id; the others may have been delivered',
};

/** Of the record's events the one with this insert_id: the others were delivered, or stand in the rejects themselves. */
function pickEvent(made: Extract<MadeEvents, { kind: 'events' }>, id: unknown): MadeEvents | undefined {
  const event = made.events.find((event) => parseEvent(bytesOfText(event))?.insert_id === id);
  if (event) return { kind: 'events', events: [event], refused: [] };
  const refused = made.refused.find(({ text }) => parseEvent(Buffer.from(text))?.insert_id === id);
  return refused && refusing(refused);
}

/** The event as it was sent, whatever the configuration would make of its record. */
function checkEvent(bytes: Buffer, event: JsonObject, routed: number | Fault, source: Source): MadeEvents {
  const max = chunkLimits(source).chunkBytes;
  const { project, fault } = check(event, routed, source);
  const refusal = fault ?? (bytes.length > max ? tooLargeFault(bytes.length, max) : undefined);
  if (refusal) return refusing({ ...refusal, text: bytes.toString() });
  return { kind: 'events', events: [prepare(event, { text: bytes, edits: NO_EDITS }, project)], refused: [] };
}

function refusing(event: RefusedEvent): MadeEvents {
  return { kind: 'events', events: [], refused: [event] };
}

/** What a reject holds, as a line of a dump. */
function recordOf({ bytes, position, length = bytes.length }: Reject): RawRecord {
  return { bytes, length, position, end: 0, terminated: true };
}

function parseEvent(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
