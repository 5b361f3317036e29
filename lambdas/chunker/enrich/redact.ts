/** Replaces what must not leave: the values of named properties, and parts of texts that match a pattern. */
import type { JsonObject } from '../../../shared/amplitude-event.ts';
import type { RedactOptions } from '../../../shared/enrich-step.ts';
import { statelessRegex } from '../expression.ts';
import { type Building, isPlainObject, put } from '../json.ts';
import { changing, type Step } from './step.ts';

const REDACTED = '[redacted]';

/** Who an event is of: redacted, everybody would be one person. That is for a hash. */
const KEPT: ReadonlySet<string> = new Set(['user_id', 'device_id', 'insert_id']);

export function redactStep({ keys = [], patterns = [], with: by = REDACTED }: RedactOptions): Step {
  const names = new Set<string>(keys.filter((key) => typeof key === 'string'));
  const namePatterns = keys.filter((key) => key instanceof RegExp).map((key) => statelessRegex(key));
  const textPatterns = patterns.map((pattern) => statelessRegex(pattern, 'g'));
  const isNamed = (name: string) => names.has(name) || namePatterns.some((pattern) => pattern.test(name));

  function redactValue(value: unknown): unknown {
    // As a function: `$&` in the replacement would stand for what was found.
    if (typeof value === 'string')
      return textPatterns.reduce((text, pattern) => text.replace(pattern, () => by), value);
    if (Array.isArray(value)) return value.map(redactValue);
    return isPlainObject(value) ? redactObject(value) : value;
  }

  function redactObject(object: JsonObject): Building {
    const copy: Building = {};
    for (const [name, value] of Object.entries(object)) {
      put(copy, name, isNamed(name) && value !== null ? by : redactValue(value));
    }
    return copy;
  }

  // The event's own fields are Amplitude's: only what stands in them has names of the user's.
  return changing((event) => {
    const copy: Building = {};
    for (const [field, value] of Object.entries(event)) put(copy, field, KEPT.has(field) ? value : redactValue(value));
    return copy as JsonObject;
  });
}
