/** Operators that find values, choose between them, and put them together. */
import { hash } from 'node:crypto';
import type { Json, JsonObject } from '../amplitude-event.ts';
import type { RecordPosition } from '../config.ts';
import { type Given, nothing, type Operator, type Read } from './operator.ts';
import { asText, asTruth, ConversionError, isObject, numberIn, put } from './values.ts';

export const STRUCTURE_OPERATORS: readonly Operator[] = [
  { names: ['path'], once: [], again: ['source'], build: readPath },
  { names: ['any'], once: ['source'], again: ['source'], build: readAny },
  {
    names: ['value'],
    once: ['json'],
    build:
      ({ json }) =>
      () =>
        json,
  },
  { names: ['dict'], once: ['text', 'source'], again: ['text', 'source'], build: (given) => readDict(pairs(given)) },
  { names: ['array'], once: ['source'], again: ['source'], build: readArray },
  { names: ['condition', 'cond'], once: ['source', 'source'], again: ['source', 'source'], build: readCondition },
  { names: ['ifelse'], once: ['source', 'source', 'source'], build: readIfElse },
  { names: ['sample_md5'], once: ['source', 'source'], build: readSample },
  { names: ['typeof'], once: ['source'], build: readType },
];

/** A member of an object, or an item of a list by its index written as text. */
export function readField(name: string): Read {
  const isIndex = /^\d+$/.test(name);
  return (element) => {
    if (typeof element !== 'object' || element === null || !Object.hasOwn(element, name)) return undefined;
    return isIndex || !Array.isArray(element) ? (element as JsonObject)[name] : undefined;
  };
}

/** A member whose source has no value is left out. */
export function readDict(members: readonly (readonly [key: string, read: Read])[]): Read {
  return (element, at) => {
    const dict: Record<string, Json | undefined> = {};
    for (const [key, read] of members) {
      const value = read(element, at);
      if (value !== undefined) put(dict, key, value);
    }
    return dict;
  };
}

function pairs({ texts, sources }: Given): [string, Read][] {
  return texts.map((text, i) => [text, sources[i] ?? nothing]);
}

/** Each source is asked of what the one before has found. */
function readPath({ sources }: Given): Read {
  return (element, at) => {
    let value: Json | undefined = element;
    for (const read of sources) {
      if (value === undefined) return undefined;
      value = read(value, at);
    }
    return value;
  };
}

/**
 * The first that is neither null nor fails; null if there is only that. When nothing is found and a source failed, its
 * failure counts, so that a time in no known format does not vanish.
 */
function readAny({ sources }: Given): Read {
  return (element, at) => {
    let last: Json | undefined;
    let failure: ConversionError | undefined;
    for (const read of sources) {
      const value = tryRead(read, element, at);
      if (value instanceof ConversionError) failure ??= value;
      else if (value === null) last = value;
      else if (value !== undefined) return value;
    }
    if (failure) throw failure;
    return last;
  };
}

function readArray({ sources }: Given): Read {
  return (element, at) => {
    const items: Json[] = [];
    for (const read of sources) {
      const value = tryRead(read, element, at);
      if (value !== undefined && !(value instanceof ConversionError)) items.push(value);
    }
    return items;
  };
}

function tryRead(read: Read, element: Json, at: RecordPosition): Json | undefined | ConversionError {
  try {
    return read(element, at);
  } catch (error) {
    if (error instanceof ConversionError) return error;
    throw error;
  }
}

/** Reads true or false. */
export function readTruth(read: Read, { fail }: Given): (element: Json, at: RecordPosition) => boolean {
  return (element, at) => {
    const value = read(element, at);
    return asTruth(value) ?? fail(value, 'true or false');
  };
}

function readCondition(given: Given): Read {
  const cases: [ReturnType<typeof readTruth>, Read][] = [];
  for (let i = 0; i < given.sources.length; i += 2) {
    cases.push([readTruth(given.sources[i] ?? nothing, given), given.sources[i + 1] ?? nothing]);
  }
  return (element, at) => {
    for (const [isTrue, read] of cases) if (isTrue(element, at)) return read(element, at);
    return undefined;
  };
}

function readIfElse(given: Given): Read {
  const [condition = nothing, first = nothing, second = nothing] = given.sources;
  const isTrue = readTruth(condition, given);
  return (element, at) => (isTrue(element, at) ? first(element, at) : second(element, at));
}

/** By the first 32 bits of the key's MD5: the same key is always in the sample, or never. */
function readSample({ sources, fail }: Given): Read {
  const [percentOf = nothing, keyOf = nothing] = sources;
  return (element, at) => {
    const found = percentOf(element, at);
    const percent = Number(numberIn(asText(found) ?? ''));
    if (!(percent >= 0 && percent <= 100)) fail(found, 'a percentage, 0 to 100');
    const key = asText(keyOf(element, at));
    if (key === undefined) return false;
    return (Number.parseInt(hash('md5', key).slice(0, 8), 16) / 2 ** 32) * 100 < percent;
  };
}

function readType({ sources: [read = nothing] }: Given): Read {
  return (element, at) => {
    const value = read(element, at);
    if (value === undefined || value === null) return 'null';
    if (typeof value === 'string') return 'string';
    if (typeof value === 'boolean') return 'bool';
    if (Array.isArray(value)) return 'list';
    return isObject(value) ? 'dict' : 'number';
  };
}
