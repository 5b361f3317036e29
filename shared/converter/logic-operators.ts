/** Operators that give true or false. */
import type { Json } from '../amplitude-event.ts';
import type { RecordPosition } from '../config.ts';
import { type Given, type Mistake, nothing, type Operator, type Read } from './operator.ts';
import { readTruth } from './structure-operators.ts';
import { areEqual, asText, MAX_LEVELS } from './values.ts';

export const LOGIC_OPERATORS: readonly Operator[] = [
  { names: ['bool'], once: ['json'], build: readBool },
  { names: ['not', '!'], once: ['source'], build: readNot },
  { names: ['and', '&&'], once: ['source'], again: ['source'], build: readAnd },
  { names: ['or', '||'], once: ['source'], again: ['source'], build: readOr },
  { names: ['equals', 'eq', '='], once: ['source', 'source'], build: readEquals },
  { names: ['contains', 'is_substring'], once: ['text', 'source'], build: readContains },
];

function readBool({ json }: Given): Read | Mistake {
  return typeof json === 'boolean' ? () => json : { mistake: `found ${JSON.stringify(json)}, expected true or false` };
}

function readNot(given: Given): Read {
  const isTrue = readTruth(given.sources[0] ?? nothing, given);
  return (element, at) => !isTrue(element, at);
}

function readAnd(given: Given): Read {
  const all = truths(given);
  return (element, at) => all.every((isTrue) => isTrue(element, at));
}

function readOr(given: Given): Read {
  const all = truths(given);
  return (element, at) => all.some((isTrue) => isTrue(element, at));
}

function truths(given: Given): ((element: Json, at: RecordPosition) => boolean)[] {
  return given.sources.map((read) => readTruth(read, given));
}

/** No value is null here. A text never equals a number. */
function readEquals({ sources, fail }: Given): Read {
  const [first = nothing, second = nothing] = sources;
  return (element, at) => {
    const left = first(element, at) ?? null;
    const isEqual = areEqual(left, second(element, at) ?? null);
    return isEqual ?? fail(left, `values of at most ${MAX_LEVELS} levels`);
  };
}

/** A text contains a part of it, a list an item that is the text. */
function readContains({ sources: [read = nothing], texts: [part = ''] }: Given): Read {
  return (element, at) => {
    const value = read(element, at);
    if (Array.isArray(value)) return value.some((item: Json) => asText(item) === part);
    return asText(value)?.includes(part) ?? false;
  };
}
