/** Makes objects such as event_properties: picked, or what is left of a record, without some, renamed, flattened, with more. */
import type { ObjectExpression } from '../../shared/field-map.ts';
import { namesOf, valueAt } from '../../shared/path.ts';
import { show } from './check-event.ts';
import { compileExpression, type Evaluate, type Place } from './expression.ts';
import { type Building, editAt, isPlainObject, put, treeOf } from './json.ts';
import { Misfit } from './misfit.ts';

/** An object without entries is no value. */
export function compileObject(expression: ObjectExpression, place: Place): Evaluate {
  const { drop = [], rename, flatten, fields = {} } = expression;
  const begin = compileBeginning(expression, place);
  const dropped = treeOf(drop.map(namesOf));
  const joiner = flatten === true ? '.' : flatten;
  const named = Object.entries(fields).map(([name, each]): [string, Evaluate] => {
    return [name, compileExpression(each, { ...place, field: `${place.field}.${name}` })];
  });
  return (scope) => {
    const object: Building = {};
    const begun = dropped.size > 0 ? editAt(begin(scope), dropped, () => undefined) : begin(scope);
    const entries = Object.entries(begun ?? {}).map(([name, value]): [string, unknown] => [
      rename && Object.hasOwn(rename, name) ? (rename[name] ?? name) : name,
      value,
    ]);
    for (const [name, value] of joiner === undefined ? entries : flattened(entries, joiner)) put(object, name, value);
    for (const [name, evaluate] of named) {
      const value = evaluate(scope);
      if (value !== undefined) put(object, name, value);
    }
    return Object.keys(object).length > 0 ? object : undefined;
  };
}

function compileBeginning(
  { from, pick, rest }: ObjectExpression,
  place: Place,
): (scope: Parameters<Evaluate>[0]) => object | undefined {
  if (rest !== undefined) return compileRest(rest, place);
  if (from === undefined && pick === undefined) return () => undefined;
  const find = from === undefined ? undefined : compileExpression(from, place);
  const whole: (scope: Parameters<Evaluate>[0]) => object | undefined = (scope) =>
    checkedObject(find ? find(scope) : scope.value, place);
  if (!pick) return whole;
  const paths = pick.map(namesOf);
  return (scope) => {
    const object = whole(scope);
    const picked: Building = {};
    for (const names of paths) {
      const value = valueAt(object, names);
      if (value !== undefined) put(picked, names.at(-1) ?? '', value);
    }
    return picked;
  };
}

function compileRest(rest: true | string, place: Place): (scope: Parameters<Evaluate>[0]) => object | undefined {
  const names = rest === true ? [] : namesOf(rest);
  let used: Place['used'] | undefined = place.used;
  for (const name of names) used = used?.get(name);
  const below = used;
  return ({ value }) => {
    const object = checkedObject(valueAt(value, names), place);
    return below
      ? checkedObject(
          editAt(object, below, () => undefined),
          place,
        )
      : object;
  };
}

function checkedObject(value: unknown, { field }: Place): object | undefined {
  if (value === undefined || isPlainObject(value)) return value;
  throw new Misfit(`${field} is not an object`, `found ${show(value)}`);
}

/** Lists stay as they are; an object without entries vanishes. */
function flattened(entries: readonly [string, unknown][], joiner: string): [string, unknown][] {
  return entries.flatMap(([name, value]) => {
    if (!isPlainObject(value)) return [[name, value]];
    const below = Object.entries(value).map(([inner, each]): [string, unknown] => [`${name}${joiner}${inner}`, each]);
    return flattened(below, joiner);
  });
}
