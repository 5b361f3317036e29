/** Puts the columns of a Parquet file together to rows: groups become objects, lists arrays, maps objects. */
import type { Json, JsonObject } from '../../../../shared/amplitude-event.ts';
import type { Fault } from '../../check-event.ts';
import { ColumnDamaged, type Cursor } from './cursor.ts';
import type { SchemaNode } from './schema.ts';
import { BadValue } from './values.ts';

/** A row as an object. `fault` is of its first value that JSON cannot hold, which then stands in it as text. */
export type Row = { readonly value: JsonObject; readonly fault: Fault | undefined };

type Read = () => Json;

/**
 * Reads rows from cursors that hold them whole, one at a call. Throws ColumnDamaged where the columns do not fit
 * together (https://parquet.apache.org/docs/file-format/nestedencoding/).
 */
export function rowReader(root: SchemaNode, cursors: readonly Cursor[]): () => Row {
  let fault: Fault | undefined;
  const columns = root.children.map((child) => ({ name: child.name, read: readerOf(child) }));
  const nested = cursors.filter(({ leaf }) => leaf.maxRepetition > 0);

  /** One value of the node, with all its repetitions where it is a list of its own. */
  function readerOf(node: SchemaNode): Read {
    const once = readerOfOne(node);
    if (node.element.repetition_type === 'REPEATED') return listReader(node, once);
    if (node.element.repetition_type !== 'OPTIONAL' || isLeaf(node)) return once;
    const first = cursorOf(node);
    return () => (first.definition() < node.definition ? passAll(node) : once());
  }

  function readerOfOne(node: SchemaNode): Read {
    if (isLeaf(node)) return leafReader(cursorOf(node));
    const [child] = node.children;
    if (child && isList(node, child)) {
      const [element] = child.children;
      return listReader(child, element && !isElement(node, child) ? readerOf(element) : readerOfOne(child));
    }
    if (child && isMap(node, child)) return mapReader(child);
    const fields = node.children.map((field) => ({ name: field.name, read: readerOf(field) }));
    return () => readObject(fields);
  }

  function leafReader(cursor: Cursor): Read {
    return () => {
      const value = cursor.next();
      if (!(value instanceof BadValue)) return value;
      fault ??= {
        reason: 'column has a value that cannot be read',
        detail: `column ${cursor.leaf.path}: found ${value.found.slice(0, 100)}, expected ${value.expected}`,
      };
      return value.found;
    };
  }

  function listReader<T>(repeated: SchemaNode, readOne: () => T): () => T[] {
    const first = cursorOf(repeated);
    return () => {
      const list: T[] = [];
      if (first.definition() < repeated.definition) {
        passAll(repeated);
        return list;
      }
      do list.push(readOne());
      while (first.repetition() === repeated.repetition);
      return list;
    };
  }

  function mapReader(entries: SchemaNode): Read {
    const [key, value] = entries.children.map(readerOf);
    const readEntries = listReader(entries, (): [string, Json] => {
      const name = key?.();
      return [typeof name === 'string' ? name : JSON.stringify(name, shownBigint), value?.() ?? null];
    });
    return () => Object.fromEntries(readEntries());
  }

  /** Where nothing stands, each column below has one entry that says so. */
  function passAll(node: SchemaNode): null {
    for (let column = node.from; column < node.to; column += 1) cursors[column]?.pass();
    return null;
  }

  function cursorOf(node: SchemaNode): Cursor {
    const cursor = cursors[node.from];
    if (!cursor) throw new Error(`column ${node.from} has no cursor`);
    return cursor;
  }

  return () => {
    fault = undefined;
    const value = readObject(columns);
    const odd = nested.find((cursor) => cursor.repetition() !== 0);
    if (odd) throw new ColumnDamaged(`column ${odd.leaf.path} does not fit the columns beside it`);
    return { value, fault };
  };
}

function readObject(fields: readonly { readonly name: string; readonly read: Read }[]): JsonObject {
  const object: Record<string, Json> = {};
  for (const { name, read } of fields) {
    if (name === '__proto__') Object.defineProperty(object, name, { value: read(), enumerable: true });
    else object[name] = read();
  }
  return object;
}

function isLeaf({ children }: SchemaNode): boolean {
  return children.length === 0;
}

function isList({ element, children }: SchemaNode, child: SchemaNode): boolean {
  const isMarked = element.logical_type?.type === 'LIST' || element.converted_type === 'LIST';
  return isMarked && children.length === 1 && child.element.repetition_type === 'REPEATED';
}

/**
 * Whether the repeated field itself is the element, as older writers have it, and not a group around it
 * (https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists, "Backward-compatibility rules").
 */
function isElement(list: SchemaNode, repeated: SchemaNode): boolean {
  if (repeated.children.length !== 1) return true;
  return repeated.name === 'array' || repeated.name === `${list.name}_tuple`;
}

function isMap({ element, children }: SchemaNode, child: SchemaNode): boolean {
  const { converted_type: converted, logical_type: logical } = element;
  const isMarked = logical?.type === 'MAP' || converted === 'MAP' || converted === 'MAP_KEY_VALUE';
  const hasEntries =
    child.element.repetition_type === 'REPEATED' && child.children.length > 0 && child.children.length < 3;
  return isMarked && children.length === 1 && hasEntries;
}

function shownBigint(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
