/** Counts the names that Amplitude indexes for a whole project: what goes beyond its caps is kept, but cannot be asked for. */
import type { JsonObject } from '../../shared/amplitude-event.ts';
import { IDENTIFY_OPERATIONS } from '../../shared/enrich-step.ts';
import { isJsonObject } from './json.ts';

/** Different names in one project (Amplitude's limits page, "instrumentation limits"); what it has already counts too. */
export const PROJECT_CAPS = { 'event types': 2_000, 'event properties': 2_000, 'user properties': 1_000 } as const;

export type CappedNames = keyof typeof PROJECT_CAPS;

/** They change properties, and are no events of the project. */
const COMMANDS: ReadonlySet<string> = new Set(['$identify', '$groupidentify']);
const OPERATIONS: ReadonlySet<string> = new Set(IDENTIFY_OPERATIONS);

/** Tells every name in the event that counts towards the caps. */
export function eachCappedName(event: JsonObject, see: (what: CappedNames, name: string) => void): void {
  const { event_type, event_properties, user_properties } = event;
  if (typeof event_type === 'string' && !COMMANDS.has(event_type)) see('event types', event_type);
  for (const name of namesOf(event_properties)) see('event properties', name);
  for (const name of namesOf(user_properties)) {
    if (!OPERATIONS.has(name)) see('user properties', name);
    else for (const inner of namesOf((user_properties as JsonObject)[name])) see('user properties', inner);
  }
}

export function countProjectNames() {
  const seen: Readonly<Record<CappedNames, Set<string>>> = {
    'event types': new Set(),
    'event properties': new Set(),
    'user properties': new Set(),
  };
  function see(what: CappedNames, name: string): void {
    // One more than is allowed is enough to know, and a dump with a new name in every event must fit in memory.
    if (seen[what].size <= PROJECT_CAPS[what]) seen[what].add(name);
  }
  return {
    add: (event: JsonObject): void => eachCappedName(event, see),
    /** Of what there are more names than a project may have. */
    exceeded: (): readonly CappedNames[] =>
      (Object.keys(PROJECT_CAPS) as CappedNames[]).filter((what) => seen[what].size > PROJECT_CAPS[what]),
  };
}

function namesOf(value: unknown): readonly string[] {
  return isJsonObject(value) ? Object.keys(value) : [];
}
