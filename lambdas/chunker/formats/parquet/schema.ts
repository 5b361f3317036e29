/** What columns a Parquet file has and how they nest. */
import type { FileMetaData, SchemaElement } from 'hyparquet';
import type { Kind } from './values.ts';

/** A column that holds values. */
export type Leaf = {
  /** Which of the file's columns it is, from 0. */
  readonly column: number;
  /** Its name with those of the groups around it, for messages. */
  readonly path: string;
  readonly element: SchemaElement;
  readonly kind: Kind;
  /** The levels at which a value stands (https://parquet.apache.org/docs/file-format/nestedencoding/). */
  readonly maxDefinition: number;
  readonly maxRepetition: number;
};

export type SchemaNode = {
  readonly name: string;
  readonly element: SchemaElement;
  /** The levels from which on it is there. */
  readonly definition: number;
  readonly repetition: number;
  readonly children: readonly SchemaNode[];
  /** The columns below it: from `from` up to `to`. */
  readonly from: number;
  readonly to: number;
};

export type Schema = { readonly root: SchemaNode; readonly leaves: readonly Leaf[] };

/** Deeper than anything that is meant, and far from what recursion can hold. */
const MAX_DEPTH = 100;

/** Throws where the elements are no tree. */
export function readSchema({ schema }: Pick<FileMetaData, 'schema'>): Schema {
  const leaves: Leaf[] = [];
  let next = 0;
  function readNode(
    path: readonly string[],
    levels: { readonly definition: number; readonly repetition: number },
  ): SchemaNode {
    const element = schema[next++];
    if (!element) throw new Error('its list of columns ends early');
    if (path.length > MAX_DEPTH) throw new Error(`its columns nest more than ${MAX_DEPTH} deep`);
    const isRoot = next === 1;
    const repeated = !isRoot && element.repetition_type === 'REPEATED';
    const definition = levels.definition + Number(!isRoot && (repeated || element.repetition_type === 'OPTIONAL'));
    const repetition = levels.repetition + Number(repeated);
    const here = isRoot ? [] : [...path, element.name];
    const from = leaves.length;
    const children: SchemaNode[] = [];
    for (let i = 0; i < (element.num_children ?? 0); i += 1) children.push(readNode(here, { definition, repetition }));
    if (element.type !== undefined && children.length === 0) {
      const column = { column: from, path: here.join('.'), element, kind: kindOf(element) };
      leaves.push({ ...column, maxDefinition: definition, maxRepetition: repetition });
    }
    if (leaves.length === from && !isRoot) throw new Error(`${here.join('.')} is a group without columns`);
    return { name: element.name, element, definition, repetition, children, from, to: leaves.length };
  }
  return { root: readNode([], { definition: 0, repetition: 0 }), leaves };
}

/** A column, or group of them, that has the name of one beside it: a row could hold only one of the two. */
export function repeatedName({ children }: SchemaNode, above: readonly string[] = []): string | undefined {
  const seen = new Set<string>();
  for (const child of children) {
    const here = [...above, child.name];
    if (seen.has(child.name)) return here.join('.');
    seen.add(child.name);
    const below = repeatedName(child, here);
    if (below !== undefined) return below;
  }
  return undefined;
}

function kindOf({ logical_type: logical, converted_type: converted, scale }: SchemaElement): Kind {
  switch (logical?.type) {
    case 'DECIMAL':
      return { is: 'decimal', scale: logical.scale ?? 0 };
    case 'TIMESTAMP':
      return { is: 'timestamp', digits: DIGITS[logical.unit] };
    case 'TIME':
      return { is: 'time', digits: DIGITS[logical.unit] };
    case 'INTEGER':
      return logical.isSigned ? { is: 'plain' } : { is: 'unsigned', bits: logical.bitWidth };
    case 'STRING':
    case 'ENUM':
      return { is: 'text' };
    case 'JSON':
      return { is: 'json' };
    case 'DATE':
      return { is: 'date' };
    case 'UUID':
      return { is: 'uuid' };
    case 'FLOAT16':
      return { is: 'float16' };
    case 'BSON':
    case 'GEOMETRY':
    case 'GEOGRAPHY':
      return { is: 'bytes' };
    default:
      return converted === 'DECIMAL'
        ? { is: 'decimal', scale: scale ?? 0 }
        : (CONVERTED[converted ?? ''] ?? { is: 'plain' });
  }
}

const DIGITS = { MILLIS: 3, MICROS: 6, NANOS: 9 } as const;

const CONVERTED: Readonly<Record<string, Kind>> = {
  UTF8: { is: 'text' },
  ENUM: { is: 'text' },
  JSON: { is: 'json' },
  BSON: { is: 'bytes' },
  DATE: { is: 'date' },
  INTERVAL: { is: 'interval' },
  TIME_MILLIS: { is: 'time', digits: 3 },
  TIME_MICROS: { is: 'time', digits: 6 },
  TIMESTAMP_MILLIS: { is: 'timestamp', digits: 3 },
  TIMESTAMP_MICROS: { is: 'timestamp', digits: 6 },
  UINT_8: { is: 'unsigned', bits: 8 },
  UINT_16: { is: 'unsigned', bits: 16 },
  UINT_32: { is: 'unsigned', bits: 32 },
  UINT_64: { is: 'unsigned', bits: 64 },
};
