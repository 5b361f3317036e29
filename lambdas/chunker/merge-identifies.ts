/**
 * Makes one `$identify` event of those of a user that follow each other with no event between them: of more than 1,800
 * property updates of a user in an hour Amplitude may drop some (https://amplitude.com/docs/apis/analytics/identify).
 */
import type { Json, JsonObject } from '../../shared/amplitude-event.ts';
import { stringifyExactly } from '../../shared/exact-json.ts';
import { isPlainObject, put } from './json.ts';
import { NOBODY } from './lanes.ts';
import { contentId, prepare, type PreparedEvent } from './make-events.ts';
import { NO_EDITS } from './spliced-text.ts';

/** What is held back at a time; beyond it the oldest goes. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;
/** An event that was made one of many grows no larger. */
const MAX_MERGED_BYTES = 64 * 1024;

type Held = {
  event: PreparedEvent;
  readonly identify: JsonObject;
  /** All that must be equal for two to be one. */
  readonly others: string;
  readonly insertIds: readonly unknown[];
  readonly bytes: number;
};

type Emit = (event: PreparedEvent, position: number) => void;

/**
 * Events go in and come out in their order, but a `$identify` is held back until an event that shares its user or its
 * device comes, and comes out just before it, with that one's position. Follows from the events alone: a segment that
 * is read again gives the same. `maxBytes` is the largest event that fits.
 */
export function mergeIdentifies(emit: Emit, maxBytes: number) {
  const held = new Set<Held>();
  const byId = new Map<string, Held>();
  const maxMerged = Math.min(maxBytes, MAX_MERGED_BYTES);
  let heldBytes = 0;
  let last = 0;

  function take(one: Held): void {
    held.delete(one);
    heldBytes -= one.bytes;
    for (const id of idsOf(one.event)) byId.delete(id);
  }

  function release(one: Held, position: number): void {
    take(one);
    emit(one.event, position);
  }

  function hold(one: Held): void {
    held.add(one);
    heldBytes += one.bytes;
    for (const id of idsOf(one.event)) byId.set(id, one);
  }

  return {
    add(event: PreparedEvent, position: number): void {
      last = position;
      const { identify } = event;
      if (identify === undefined && held.size === 0) return emit(event, position);
      const before = new Set(idsOf(event).flatMap((id) => byId.get(id) ?? []));
      const next = identify && toHeld(event, identify);
      const [only] = before;
      const merged = next && only && before.size === 1 ? merge(only, next, maxMerged) : undefined;
      if (merged && only) {
        take(only);
        hold(merged);
        return;
      }
      // In the order in which they came.
      for (const one of held) if (before.has(one)) release(one, position);
      if (!next) return emit(event, position);
      hold(next);
      for (const one of held) {
        if (heldBytes <= MAX_HELD_BYTES) break;
        release(one, position);
      }
    },
    /** Lets all go, as at a segment's end. */
    releaseAll(): void {
      for (const one of held) release(one, last);
    },
  };
}

/**
 * A user and a device of the same name are not the same, and neither are those of different projects. By their hashes: where
 * those of two meet, one is let go earlier.
 */
function idsOf({ user, device, project = 0 }: PreparedEvent): string[] {
  const its = user === NOBODY ? [] : [`${project}u${user}`];
  return device === NOBODY ? its : [...its, `${project}d${device}`];
}

/** Undefined for what cannot be made one with another. */
function toHeld(event: PreparedEvent, identify: JsonObject): Held | undefined {
  const { user_properties: operations, time: _, insert_id, ...others } = identify;
  const isMergeable =
    isPlainObject(operations) &&
    Object.entries(operations).every(([name, properties]) => Object.hasOwn(MERGES, name) && isPlainObject(properties));
  if (!isMergeable) return undefined;
  return { event, identify, others: stringifyExactly(others), insertIds: [insert_id], bytes: event.bytes };
}

/** What two operations of one kind on one property come to; undefined when they must stay two. */
const MERGES: Readonly<Record<string, (first: Json, second: Json) => Json | undefined>> = {
  $set: (_, second) => second,
  $setOnce: (first) => first,
  $unset: (_, second) => second,
  $add: (first, second) => (typeof first === 'number' && typeof second === 'number' ? first + second : undefined),
  $append: (first, second) => [first, second].flat(),
};

function merge(first: Held, second: Held, maxBytes: number): Held | undefined {
  const bytes = first.bytes + second.bytes;
  if (bytes > maxBytes || first.others !== second.others) return undefined;
  const operations = mergeOperations(first.identify.user_properties, second.identify.user_properties);
  if (!operations) return undefined;
  const insertIds = [...first.insertIds, ...second.insertIds];
  // Of all of them: with that of one alone, the others would be lost where that one was sent before.
  const insert_id = contentId(Buffer.from(JSON.stringify(insertIds)));
  const identify = { ...second.identify, user_properties: operations, insert_id };
  const event = prepare(
    identify,
    { text: Buffer.from(stringifyExactly(identify)), edits: NO_EDITS },
    second.event.project,
  );
  return { event, identify, others: first.others, insertIds, bytes };
}

/** A property may be in one operation of an event only. */
function mergeOperations(first: Json | undefined, second: Json | undefined): JsonObject | undefined {
  const merged: Record<string, JsonObject> = {};
  for (const [operation, properties] of Object.entries({ ...(first as JsonObject) }))
    merged[operation] = properties as JsonObject;
  for (const [operation, properties] of Object.entries({ ...(second as JsonObject) })) {
    const into: Record<string, unknown> = { ...merged[operation] };
    for (const [name, value] of Object.entries(properties as JsonObject)) {
      const isElsewhere = Object.entries(merged).some(
        ([other, known]) => other !== operation && Object.hasOwn(known, name),
      );
      if (isElsewhere) return undefined;
      const result = Object.hasOwn(into, name) ? MERGES[operation]?.(into[name] as Json, value as Json) : value;
      if (result === undefined) return undefined;
      put(into, name, result);
    }
    merged[operation] = into as JsonObject;
  }
  return merged;
}
