/** Makes the events that a declarative map describes, and lays them over others. */
import { EVENT_FIELDS, type JsonObject } from '../../shared/amplitude-event.ts';
import type { Expression, FieldMap } from '../../shared/field-map.ts';
import { namesInRecord, namesOf, type Path, parsePath, parseTemplate } from '../../shared/path.ts';
import { compileExpression, type Scope } from './expression.ts';
import { type Building, isPlainObject, put, treeOf } from './json.ts';

/** The fields that the map gives; those without a value are left out. */
export function compileFields(map: FieldMap): (scope: Scope) => JsonObject {
  const entries = Object.entries(map).filter((entry): entry is [string, Expression] => entry[1] !== undefined);
  const used = treeOf(entries.flatMap(([, expression]) => pathsOf(expression)));
  const fields = entries.map(([field, expression]) => ({
    field,
    evaluate: compileExpression(expression, { field, used }),
  }));
  return (scope) => {
    const event: Building = {};
    for (const { field, evaluate } of fields) {
      const value = evaluate(scope);
      if (value !== undefined) put(event, field, value);
    }
    return event as JsonObject; // what JSON cannot hold comes from no expression
  };
}

/** The event with these fields; of fields that are objects (event_properties, …) the entries are laid over, not the whole. */
export function layOver(event: JsonObject, fields: JsonObject): JsonObject {
  const laid = Object.entries(fields).map(([field, value]) => {
    const below = event[field];
    const isMerged = EVENT_FIELDS.get(field) === 'object' && isPlainObject(below) && isPlainObject(value);
    return [field, isMerged ? { ...below, ...value } : value];
  });
  return { ...event, ...(Object.fromEntries(laid) as JsonObject) };
}

/** Every path that an expression reads, but what `rest` takes. */
function pathsOf(expression: Expression): (readonly string[])[] {
  if (typeof expression === 'string') return [namesInRecord(expression) ?? namesOf(expression)];
  if (Array.isArray(expression)) return expression.flatMap(pathsOf);
  const { template, pick, from, fields, ...others } = expression as Readonly<Record<string, unknown>>;
  const pieces = typeof template === 'string' ? (parseTemplate(template) ?? []) : [];
  const below = typeof from === 'string' ? namesOf(from) : [];
  const picked = from === undefined || typeof from === 'string' ? ((pick ?? []) as Path[]) : [];
  const operands = ['path', 'string', 'number', 'boolean', 'json', 'time', 'match', 'digest'].flatMap((name) =>
    others[name] === undefined ? [] : [others[name] as Expression],
  );
  const isWhole = from !== undefined && (typeof from !== 'string' || pick === undefined);
  return [
    ...pieces.flatMap((piece) => (typeof piece === 'string' ? [] : [namesInRecord(piece.path) ?? namesOf(piece.path)])),
    ...picked.map((path) => [...below, ...(parsePath(path) ?? [])]),
    ...(isWhole ? pathsOf(from as Expression) : []),
    ...operands.flatMap(pathsOf),
    ...Object.values((fields ?? {}) as Readonly<Record<string, Expression>>).flatMap(pathsOf),
  ];
}
