/** Operators that calculate; all but `addf` give a whole number. */
import type { Json } from '../amplitude-event.ts';
import type { RecordPosition } from '../config.ts';
import { type Given, type Mistake, nothing, type Operator, type Read } from './operator.ts';
import { normal, numberIn } from './values.ts';

export const NUMBER_OPERATORS: readonly Operator[] = [
  { names: ['int'], once: ['json'], build: readInt },
  { names: ['round'], once: ['source'], build: readRound },
  { names: ['add', '+'], once: ['source'], again: ['source'], build: (given) => readWhole(given, ADD) },
  { names: ['addf'], once: ['source'], again: ['source'], build: (given) => calculate(given, ADD) },
  { names: ['subtract', '-'], once: ['source', 'source'], build: (given) => readWhole(given, SUBTRACT) },
  { names: ['multiply', '*'], once: ['source'], again: ['source'], build: (given) => readWhole(given, MULTIPLY) },
  { names: ['divide', '/'], once: ['source', 'source'], build: (given) => readWhole(given, DIVIDE) },
];

type Calculation = {
  /** Of whole numbers of any size. */
  exact(a: bigint, b: bigint): bigint;
  /** Of whole numbers; wrong only where the result is beyond 2^53. */
  whole(a: number, b: number): number;
  inexact(a: number, b: number): number;
};

const add = (a: number, b: number) => a + b;
const subtract = (a: number, b: number) => a - b;
const multiply = (a: number, b: number) => a * b;
const ADD: Calculation = { exact: (a, b) => a + b, whole: add, inexact: add };
const SUBTRACT: Calculation = { exact: (a, b) => a - b, whole: subtract, inexact: subtract };
const MULTIPLY: Calculation = { exact: (a, b) => a * b, whole: multiply, inexact: multiply };
const DIVIDE: Calculation = { exact: (a, b) => a / b, whole: (a, b) => (a - (a % b)) / b, inexact: (a, b) => a / b };

function readInt({ json }: Given): Read | Mistake {
  if (Number.isSafeInteger(json)) return () => json;
  return { mistake: `found ${JSON.stringify(json)}, expected a whole number` };
}

function readRound(given: Given): Read {
  const readNumber = numberOf(given.sources[0] ?? nothing, given);
  return (element, at) => {
    const value = readNumber(element, at);
    return typeof value === 'number' ? Math.round(value) : value;
  };
}

function readWhole(given: Given, calculation: Calculation): Read {
  const result = calculate(given, calculation);
  return (element, at) => {
    const value = result(element, at);
    return typeof value === 'number' ? wholeOf(value) : value;
  };
}

/** Without its fraction; 1645066434.189 times 1000 falls short of a whole number by a rounding error, and means it. */
function wholeOf(value: number): number {
  const nearest = Math.round(value);
  return Math.abs(value - nearest) <= 4 * Number.EPSILON * Math.abs(value) ? nearest : Math.trunc(value);
}

/** No value where an argument has none. Whole numbers are calculated exactly, whatever their size. */
function calculate(
  given: Given,
  calculation: Calculation,
): (element: Json, at: RecordPosition) => number | bigint | undefined {
  const [first = () => undefined, ...others] = given.sources.map((read) => numberOf(read, given));
  return (element, at) => {
    let total = first(element, at);
    for (const readNumber of others) {
      const next = readNumber(element, at);
      if (total === undefined || next === undefined) return undefined;
      if (calculation === DIVIDE && Number(next) === 0) given.fail(next, 'a divisor other than 0');
      total = combine(total, next, calculation);
      if (typeof total === 'number' && !Number.isFinite(total)) given.fail(next, 'a result below 1e308');
    }
    return total;
  };
}

function combine(a: number | bigint, b: number | bigint, calculation: Calculation): number | bigint {
  if (isInexact(a) || isInexact(b)) return calculation.inexact(Number(a), Number(b));
  if (typeof a === 'number' && typeof b === 'number') {
    const result = calculation.whole(a, b);
    if (Number.isSafeInteger(result)) return result;
  }
  return normal(calculation.exact(BigInt(a), BigInt(b)));
}

function isInexact(value: number | bigint): boolean {
  return typeof value === 'number' && !Number.isSafeInteger(value);
}

/** Null is 0, a text is the number it spells. */
function numberOf(read: Read, { fail }: Given): (element: Json, at: RecordPosition) => number | bigint | undefined {
  return (element, at) => {
    const value = read(element, at);
    if (typeof value === 'number' || typeof value === 'bigint' || value === undefined) return value;
    if (value === null) return 0;
    return (typeof value === 'string' ? numberIn(value) : undefined) ?? fail(value, 'a number');
  };
}
