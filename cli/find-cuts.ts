/** Finds what Amplitude would take and yet not keep: texts it cuts off, groups it leaves out. */
import type { JsonObject } from '../shared/amplitude-event.ts';
import { isJsonObject } from '../lambdas/chunker/json.ts';

/** Every text is cut to so many characters (Amplitude, "Limits"). */
export const MAX_TEXT = 1_024;
/** Of an event; what is more is left out (Batch API, `groups`). */
export const MAX_GROUP_TYPES = 5;
export const MAX_GROUP_VALUES = 10;

export type Cut = {
  readonly kind: 'text' | 'group types' | 'group values';
  /** `event_properties.url`; every element of a list is `tags[]`. */
  readonly path: string;
  /** Characters, or how many there are. */
  readonly found: number;
};

/** Objects and lists in one another that are looked into: more than Amplitude takes, fewer than would exhaust the stack. */
const MAX_LEVELS = 100;

/** `bytes` is the length of the event's text: in a short one there is no long text. */
export function findCuts(event: JsonObject, bytes: number): readonly Cut[] {
  const cuts: Cut[] = [];
  if (bytes > MAX_TEXT) visit(event, [], cuts);
  const { groups } = event;
  if (!isJsonObject(groups)) return cuts;
  const types = Object.keys(groups).length;
  if (types > MAX_GROUP_TYPES) cuts.push({ kind: 'group types', path: 'groups', found: types });
  const values = Object.values(groups).flat().length;
  if (values > MAX_GROUP_VALUES) cuts.push({ kind: 'group values', path: 'groups', found: values });
  return cuts;
}

function visit(value: unknown, path: string[], cuts: Cut[]): void {
  if (typeof value === 'string') {
    if (value.length > MAX_TEXT) cuts.push({ kind: 'text', path: formatPath(path), found: value.length });
    return;
  }
  if (typeof value !== 'object' || value === null || path.length > MAX_LEVELS) return;
  for (const [name, inner] of Object.entries(value)) {
    path.push(Array.isArray(value) ? '[]' : name);
    visit(inner, path, cuts);
    path.pop();
  }
}

function formatPath(path: readonly string[]): string {
  return path.join('.').replaceAll('.[]', '[]');
}
