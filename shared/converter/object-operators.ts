/** Operators that make objects of objects, or of JSON in a text. */
import type { Json, JsonObject } from '../amplitude-event.ts';
import type { RecordPosition } from '../config.ts';
import { parseExactly } from '../exact-json.ts';
import { type Given, nothing, type Operator, type Read } from './operator.ts';
import { isObject, MAX_LEVELS, put } from './values.ts';

export const OBJECT_OPERATORS: readonly Operator[] = [
  { names: ['parse_json_element', 'parse_json_object'], once: ['source'], build: readParsedJson },
  { names: ['merge_dicts'], once: ['source'], again: ['source'], build: readMerged },
  { names: ['flatten_dict'], once: ['text', 'source', 'source'], build: readFlattened },
  { names: ['exclude_keys'], once: ['source'], again: ['text'], build: readWithout },
];

/** An empty text, such as an empty cell of a CSV file, holds no value. */
function readParsedJson({ sources: [read = nothing], fail }: Given): Read {
  return (element, at) => {
    const found = read(element, at);
    if (found === undefined || found === null) return undefined;
    if (typeof found !== 'string') return fail(found, 'JSON as text');
    if (found.trim() === '') return undefined;
    try {
      return parseExactly(found);
    } catch {
      return fail(found, 'JSON as text');
    }
  };
}

function readObject(read: Read, { fail }: Given): (element: Json, at: RecordPosition) => JsonObject | undefined {
  return (element, at) => {
    const found = read(element, at);
    if (found === undefined || found === null) return undefined;
    return isObject(found) ? found : fail(found, 'an object');
  };
}

/** Of members of the same name the later one stays; a source without a value adds nothing. */
function readMerged(given: Given): Read {
  const reads = given.sources.map((read) => readObject(read, given));
  return (element, at) => {
    let merged: Record<string, Json | undefined> | undefined;
    for (const read of reads) {
      const found = read(element, at);
      if (!found) continue;
      merged ??= {};
      for (const key of Object.keys(found)) put(merged, key, found[key]);
    }
    return merged;
  };
}

/** Joins the names of at most so many levels by the text; lists and empty objects stay as they are. */
function readFlattened(given: Given): Read {
  const [joint = ''] = given.texts;
  const [levelsOf = nothing, dictOf = nothing] = given.sources;
  const readDictOf = readObject(dictOf, given);
  return (element, at) => {
    const levels = levelsOf(element, at);
    if (typeof levels !== 'number' || !Number.isInteger(levels) || levels < 0) {
      return given.fail(levels, 'a number of levels, 0 or more');
    }
    const dict = readDictOf(element, at);
    if (!dict) return undefined;
    const flat: Record<string, Json | undefined> = {};
    flatten(dict, '', Math.min(levels, MAX_LEVELS), joint, flat);
    return flat;
  };
}

function flatten(
  dict: JsonObject,
  prefix: string,
  levels: number,
  joint: string,
  into: Record<string, Json | undefined>,
): void {
  for (const [key, value] of Object.entries(dict)) {
    const isDeeper = levels > 0 && isObject(value) && Object.keys(value).length > 0;
    if (isDeeper) flatten(value, `${prefix}${key}${joint}`, levels - 1, joint, into);
    else put(into, `${prefix}${key}`, value);
  }
}

function readWithout(given: Given): Read {
  const excluded = new Set(given.texts);
  const readDictOf = readObject(given.sources[0] ?? nothing, given);
  return (element, at) => {
    const dict = readDictOf(element, at);
    return dict && Object.fromEntries(Object.entries(dict).filter(([key]) => !excluded.has(key)));
  };
}
