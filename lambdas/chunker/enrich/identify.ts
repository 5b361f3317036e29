/** Splits the user-property operations of an event off into a `$identify` event of their own, which goes before it. */
import type { JsonObject } from '../../../shared/amplitude-event.ts';
import { IDENTIFY_OPERATIONS, type IdentifyOptions } from '../../../shared/enrich-step.ts';
import { compileExpression, type Evaluate } from '../expression.ts';
import { type Building, isPlainObject, put } from '../json.ts';
import type { Draft, Origin, Step } from './step.ts';

const OPERATIONS: ReadonlySet<string> = new Set(IDENTIFY_OPERATIONS);

/** Whose it is and when: the fields that a `$identify` event shares with the event it was split off from. */
const SHARED = ['user_id', 'device_id', 'time'] as const;

export function identifyStep({ fields = {} }: IdentifyOptions): Step {
  const configured = Object.entries(fields).flatMap(([operation, properties]) =>
    Object.entries(properties ?? {}).map(([name, expression]) => ({
      operation,
      name,
      evaluate: compileExpression(expression, { field: `${operation}.${name}`, used: new Map() }),
    })),
  );
  return { kind: 'each', apply: (draft, origin) => split(draft, origin, configured) };
}

type Configured = { readonly operation: string; readonly name: string; readonly evaluate: Evaluate };

function split(draft: Draft, origin: Origin, configured: readonly Configured[]): readonly Draft[] {
  const { event, id } = draft;
  if (event.event_type === '$identify' || event.event_type === '$groupidentify') return [draft];
  const { operations, plain } = partOperations(event.user_properties);
  for (const { operation, name, evaluate } of configured) {
    const value = evaluate({ value: event, record: origin.record });
    if (value === undefined) continue;
    const known = operations[operation];
    const properties: Building = isPlainObject(known) ? { ...known } : {};
    put(properties, name, value);
    operations[operation] = properties;
  }
  if (Object.keys(operations).length === 0) return [draft];
  const identify: Building = { event_type: '$identify' };
  for (const field of SHARED) if (event[field] !== undefined) identify[field] = event[field];
  identify.user_properties = operations;
  const ownId = typeof event.insert_id === 'string' && event.insert_id !== '' ? event.insert_id : id;
  const { user_properties: _, ...rest } = event;
  return [
    { event: identify as JsonObject, id: `${ownId}-identify`, of: id },
    { id, event: plain === undefined ? rest : { ...rest, user_properties: plain } },
  ];
}

/** Amplitude takes no operation beside a plain property. */
function partOperations(properties: unknown): { operations: Building; plain: JsonObject | undefined } {
  const operations: Building = {};
  if (!isPlainObject(properties)) return { operations, plain: properties as JsonObject | undefined };
  const plain: Building = {};
  for (const [name, value] of Object.entries(properties)) put(OPERATIONS.has(name) ? operations : plain, name, value);
  return { operations, plain: Object.keys(plain).length > 0 ? (plain as JsonObject) : undefined };
}
