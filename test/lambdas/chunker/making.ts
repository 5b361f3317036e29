/** Short ways to make events of one record, and to say what they are. */
import type { MadeEvents } from '../../../lambdas/chunker/make-events.ts';
import type { RawRecord } from '../../../lambdas/chunker/raw-record.ts';
import { bytesOfText } from '../../../lambdas/chunker/spliced-text.ts';
import {
  compileTransform,
  openTransforms,
  type Transform,
  type TransformPorts,
} from '../../../lambdas/chunker/transform.ts';
import type { AmplitudeEvent, JsonObject } from '../../../shared/amplitude-event.ts';
import type { MapFunction, Source } from '../../../shared/config.ts';
import type { References } from '../../../shared/references.ts';
import { memoryDumps, recordOf, type SourceChanges, sourceOf } from './fixtures.ts';

export const EVENT = { event_type: 'visit', user_id: 'user-1' };
export const EVENT_TEXT = JSON.stringify(EVENT);

/** `[[[…]]]`, deeper than any recursion goes. */
export const DEEP_TEXT = '['.repeat(100_000) + ']'.repeat(100_000);

export function visit(changes: object = {}): AmplitudeEvent {
  return { ...EVENT, ...changes };
}

/** A source of these tests names no file, if its test brings none. */
export const NO_REFERENCES: References = {
  find: (file) => Promise.reject(new Error(`there is no ${file}`)),
  bytes: memoryDumps(Buffer.alloc(0)),
};

export const PORTS: TransformPorts = {
  secret: async (name) => `the key that ${name} holds`,
  references: NO_REFERENCES,
  log: () => undefined,
};

/** What becomes of one record of a source without steps. */
export function makeEvents(record: RawRecord, source: Source, dump: string): MadeEvents {
  return only(compileTransform(source)([record], dump));
}

export function make(text: string | Buffer, source: SourceChanges = {}): MadeEvents {
  return makeEvents(recordOf(text), sourceOf(source), 'day.ndjson');
}

function only(made: ReturnType<Transform>): MadeEvents {
  if (made instanceof Promise) throw new Error('expected what is made without waiting');
  const [first] = made;
  if (!first || made.length > 1) throw new Error(`expected what became of one record, got ${made.length}`);
  return first;
}

/** What becomes of these records, in a source that may have steps. */
export async function transform(
  source: SourceChanges,
  ...records: readonly (object | string)[]
): Promise<readonly MadeEvents[]> {
  const opened = await openTransforms(PORTS)(sourceOf(source));
  const raw = records.map((record, i) => {
    return recordOf(typeof record === 'string' ? record : JSON.stringify(record), { position: i + 1 });
  });
  return opened(raw, 'day.ndjson');
}

/** For maps that break their promise: they may return anything. */
export function makeWith(map: (record: JsonObject) => unknown, text = '{}'): MadeEvents {
  return make(text, { map: map as MapFunction });
}

/** The texts of the events, as they will be sent. */
export function textsOf(made: MadeEvents): string[] {
  if (made.kind !== 'events') throw new Error(`expected events, got ${JSON.stringify(made)}`);
  return made.events.map((event) => bytesOfText(event).toString());
}

/** The events as they will be sent. */
export function eventsOf(made: MadeEvents): AmplitudeEvent[] {
  return textsOf(made).map((text) => JSON.parse(text) as AmplitudeEvent);
}

/** `throw` where an expression must stand. */
export function throwIt(thrown: unknown): never {
  throw thrown;
}
