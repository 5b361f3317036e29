/** What is done to values that came from JSON. */
import type { JsonObject } from '../../shared/amplitude-event.ts';
import { isRawJSON } from '../../shared/exact-json.ts';

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object whose entries are its value: no number kept as it stood, no date and nothing else that writes itself. */
export function isPlainObject(value: unknown): value is JsonObject {
  if (!isJsonObject(value) || isRawJSON(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** An object being put together; a name such as `__proto__` is a name like any other. */
export type Building = Record<string, unknown>;

export function put(object: Building, name: string, value: unknown): void {
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

/** Names to names below them; undefined is all that stands there. */
export type PathTree = ReadonlyMap<string, PathTree | undefined>;

export function treeOf(paths: readonly (readonly string[])[]): PathTree {
  const groups = Map.groupBy(paths, ([first = '']) => first);
  return new Map(
    [...groups].map(([name, group]) => {
      const below = group.map((path) => path.slice(1));
      return [name, below.some((path) => path.length === 0) ? undefined : treeOf(below)];
    }),
  );
}

/**
 * A copy with everything that the tree leads to edited; undefined takes it out, and an object that becomes empty by that
 * goes too. In a list a number means one element, any other name that of every element.
 */
export function editAt(value: unknown, tree: PathTree, edit: (found: unknown) => unknown): unknown {
  if (Array.isArray(value)) return editList(value, tree, edit);
  if (!isPlainObject(value)) return value;
  const copy: Building = {};
  let isEdited = false;
  for (const [name, inner] of Object.entries(value)) {
    const edited = tree.has(name) ? editBelow(inner, tree.get(name), edit) : inner;
    isEdited ||= edited !== inner;
    if (edited !== undefined || inner === undefined) put(copy, name, edited);
  }
  return isEdited && Object.keys(copy).length === 0 ? undefined : copy;
}

function editBelow(value: unknown, tree: PathTree | undefined, edit: (found: unknown) => unknown): unknown {
  return tree ? editAt(value, tree, edit) : edit(value);
}

function editList(list: readonly unknown[], tree: PathTree, edit: (found: unknown) => unknown): unknown[] {
  return list.flatMap((element, i) => {
    const edited = tree.has(String(i)) ? editBelow(element, tree.get(String(i)), edit) : editAt(element, tree, edit);
    return edited === undefined ? [] : [edited];
  });
}

/** Of text, numbers and booleans; undefined of everything else. */
export function toText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? `${value}` : undefined;
}
