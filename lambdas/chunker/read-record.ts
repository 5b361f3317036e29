/** Takes a record as the format handed it over, and gives the object in it. */
import { isUtf8 } from 'node:buffer';
import type { JsonObject } from '../../shared/amplitude-event.ts';
import { parseExactly } from '../../shared/exact-json.ts';
import type { ReadSettings } from './formats/format.ts';
import { isJsonObject } from './json.ts';
import { keepText, type KeptText } from './kept-text.ts';
import { type MadeEvents, unusable } from './make-events.ts';
import type { RawRecord } from './raw-record.ts';

/** `kept`: where it was asked for, and the record's text may be sent again. */
export type ReadRecord = { readonly value: JsonObject; readonly kept?: KeptText };

/**
 * `exactly`: numbers that JavaScript cannot hold are kept as they stood; slower, and of no use where only the text is sent.
 * `keeps`: what is in the record is noted too, for an event that may be made of it (see kept-text.ts).
 */
export function readRecord(
  record: RawRecord,
  { caps }: Pick<ReadSettings, 'caps'>,
  exactly: boolean,
  keeps = false,
): ReadRecord | MadeEvents {
  const { bytes, length, parsed } = record;
  if (length > caps.recordBytes) {
    return unusable('record is too long', `${length} bytes, at most ${caps.recordBytes} (caps.recordBytes)`);
  }
  if (parsed) return 'fault' in parsed ? { kind: 'unusable', ...parsed.fault } : parsed;
  if (!isUtf8(bytes)) return unusable('record is not UTF-8', 'expected JSON in UTF-8; convert the dump');
  const text = bytes.toString();
  let value: unknown;
  try {
    const kept = keeps ? keepText(bytes, JSON.parse(text)) : undefined;
    if (kept) return kept;
    value = exactly ? parseExactly(text) : JSON.parse(text);
  } catch (error) {
    return unusable('record is not JSON', String(error));
  }
  // A number that parseExactly keeps as it stood is an object of its own kind.
  if (isJsonObject(value) && text.startsWith('{')) return { value };
  return unusable('record is not an object', `found ${text.slice(0, 40)}`);
}
