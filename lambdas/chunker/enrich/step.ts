/** What an opened step of enrichment is, and the events that go through it. */
import type { JsonObject } from '../../../shared/amplitude-event.ts';
import type { RecordPosition } from '../../../shared/config.ts';
import { isPlainObject } from '../json.ts';

/** An event on its way, not checked and not written yet. */
export type Draft = {
  readonly event: JsonObject;
  /** The insert_id it gets if it has none of its own. */
  readonly id: string;
  /** The id of the event that it was split off from, whose project it goes to. */
  readonly of?: string;
};

/** The record that an event was made of, and where it stood. */
export type Origin = { readonly record: JsonObject; readonly at: RecordPosition };

export type Step =
  | {
      readonly kind: 'each';
      /** Events in place of this one, in order; none: left out. What it throws costs this event. */
      readonly apply: (draft: Draft, origin: Origin) => readonly Draft[];
    }
  | {
      readonly kind: 'batch';
      readonly size: number;
      /** One answer for each; what it throws stops the dump, which is read again later. */
      readonly apply: (drafts: readonly Draft[]) => Promise<readonly (Draft | null)[]>;
    };

/** A step that changes the event. */
export function changing(change: (event: JsonObject, origin: Origin) => JsonObject): Step {
  return { kind: 'each', apply: (draft, origin) => [{ ...draft, event: change(draft.event, origin) }] };
}

/** The event with fields and properties that it does not have yet. */
export function withoutOverwriting(
  event: JsonObject,
  fields: JsonObject,
  into: string,
  properties: JsonObject,
): JsonObject {
  const known = event[into] ?? {};
  if (!isPlainObject(known)) return { ...event, ...missingIn(event, fields) };
  const added = missingIn(known, properties);
  const below = Object.keys(added).length > 0 ? { [into]: { ...known, ...added } } : {};
  return { ...event, ...missingIn(event, fields), ...below };
}

function missingIn(object: JsonObject, values: JsonObject): JsonObject {
  const missing = Object.entries(values).filter(([name]) => !Object.hasOwn(object, name) || object[name] === null);
  return Object.fromEntries(missing);
}
