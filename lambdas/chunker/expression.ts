/** Makes an expression of the configuration into a function that finds the value in a record or an event. */
import { hash } from 'node:crypto';
import type { Expression } from '../../shared/field-map.ts';
import { namesInRecord, namesOf, type Path, parseTemplate, valueAt } from '../../shared/path.ts';
import { show } from './check-event.ts';
import { isRawJSON, parseExactly, stringifyExactly } from '../../shared/exact-json.ts';
import { type PathTree, toText } from './json.ts';
import { Misfit } from './misfit.ts';
import { compileObject } from './object-expression.ts';
import { readTime, type TimeForm } from './read-time.ts';

/** What paths look into: by itself `value`, with `$record.` the record. */
export type Scope = { readonly value: unknown; readonly record: unknown };

/** Undefined when there is no value. Throws a Misfit when the value is not what it should be. */
export type Evaluate = (scope: Scope) => unknown;

/** Where in the configuration an expression stands, and what of the record the rest of it uses. */
export type Place = {
  /** As in a reason: `event_properties.amount`. */
  readonly field: string;
  /** For `rest`. */
  readonly used: PathTree;
};

export function compileExpression(expression: Expression, place: Place): Evaluate {
  if (typeof expression === 'string') return compilePath(expression);
  if (isList(expression)) return compileFirst(expression.map((each) => compileExpression(each, place)));
  if ('value' in expression) return () => expression.value ?? undefined;
  if ('digest' in expression) return compileDigest(expression.digest, expression.length, place);
  const evaluate = compileForm(expression, place);
  const { default: otherwise, required } = expression;
  if (otherwise === undefined && !required) return evaluate;
  return (scope) => {
    const value = evaluate(scope) ?? otherwise ?? undefined;
    if (value !== undefined || !required) return value;
    throw new Misfit(`${place.field} is missing`, `expected a value at ${describe(expression)}`);
  };
}

type List = Extract<Expression, readonly unknown[]>;
type Form = Exclude<Expression, string | List | { readonly value: unknown } | { readonly digest: unknown }>;

function isList(expression: Expression): expression is List {
  return Array.isArray(expression);
}

function compileForm(form: Form, place: Place): Evaluate {
  if ('path' in form) return compileExpression(form.path, place);
  if ('template' in form) return compileTemplate(form.template, place);
  if ('time' in form) return compileTime(compileExpression(form.time, place), form, place);
  if ('match' in form) return compileMatch(compileExpression(form.match, place), form.pattern, place);
  if ('string' in form) return converting(compileExpression(form.string, place), toText, 'text or a number', place);
  if ('number' in form) return converting(compileExpression(form.number, place), toNumber, 'a number', place);
  if ('boolean' in form) return converting(compileExpression(form.boolean, place), toBoolean, 'true or false', place);
  if ('json' in form) return converting(compileExpression(form.json, place), fromJson, 'JSON', place);
  return compileObject(form, place);
}

function compilePath(path: Path): Evaluate {
  const inRecord = namesInRecord(path);
  if (inRecord) return ({ record }) => valueAt(record, inRecord);
  const names = namesOf(path);
  return ({ value }) => valueAt(value, names);
}

function compileFirst(candidates: readonly Evaluate[]): Evaluate {
  return (scope) => {
    for (const candidate of candidates) {
      const value = candidate(scope);
      if (value !== undefined) return value;
    }
    return undefined;
  };
}

function compileTemplate(template: string, place: Place): Evaluate {
  const pieces = (parseTemplate(template) ?? []).map((piece): Evaluate => {
    if (typeof piece === 'string') return () => piece;
    return converting(compilePath(piece.path), toText, `text or a number at ${piece.path}`, place);
  });
  return (scope) => {
    const texts = pieces.map((piece) => piece(scope));
    return texts.includes(undefined) ? undefined : texts.join('');
  };
}

function compileTime(evaluate: Evaluate, form: TimeForm & { readonly to?: 'ms' | 'iso' }, { field }: Place): Evaluate {
  return (scope) => {
    const value = evaluate(scope);
    if (value === undefined || value === '') return undefined;
    const time = readTime(value, form);
    if (typeof time === 'string') throw new Misfit(`${field} is not a time`, `found ${show(value)}, expected ${time}`);
    return form.to === 'iso' ? new Date(time).toISOString() : time;
  };
}

function compileMatch(evaluate: Evaluate, pattern: RegExp | string, place: Place): Evaluate {
  const regex = statelessRegex(pattern);
  const text = converting(evaluate, toText, 'text', place);
  return (scope) => {
    const found = text(scope);
    const [all, group] = (typeof found === 'string' && regex.exec(found)) || [];
    return group ?? all;
  };
}

/** The `g` and `y` flags would make a pattern remember where it was. */
export function statelessRegex(pattern: RegExp | string, add = ''): RegExp {
  const { source, flags } = new RegExp(pattern);
  return new RegExp(source, flags.replace(/[gy]/g, '') + add);
}

const DIGEST_LENGTH = 32;

function compileDigest(of: readonly Expression[], length = DIGEST_LENGTH, place: Place): Evaluate {
  const evaluates = of.map((each) => compileExpression(each, place));
  return (scope) => {
    const values = evaluates.map((evaluate) => evaluate(scope) ?? null);
    return hash('sha256', stringifyExactly(values)).slice(0, length);
  };
}

/** `convert` gives undefined for what it cannot convert; empty text (as in a CSV file) is no value. */
function converting(
  evaluate: Evaluate,
  convert: (value: unknown) => unknown,
  expected: string,
  { field }: Place,
): Evaluate {
  return (scope) => {
    const value = evaluate(scope);
    if (value === undefined || (value === '' && convert !== toText)) return undefined;
    const converted = convert(value);
    if (converted !== undefined) return converted ?? undefined;
    throw new Misfit(`${field} is not ${expected}`, `found ${show(value)}`);
  };
}

function toNumber(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint' || isRawJSON(value)) return value;
  const text = typeof value === 'string' ? value.trim() : '';
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text)) return undefined;
  const number = Number(text);
  if (Number.isInteger(number) && !Number.isSafeInteger(number) && /^[+-]?\d+$/.test(text))
    return BigInt(text.replace('+', ''));
  return Number.isFinite(number) ? number : undefined;
}

const TRUTHS: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 'yes'].map((text): [string, boolean] => [text, true]),
  ...['false', '0', 'no'].map((text): [string, boolean] => [text, false]),
]);

function toBoolean(value: unknown): boolean | undefined {
  return TRUTHS.get(toText(value)?.trim().toLowerCase() ?? '');
}

function fromJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return parseExactly(value);
  } catch {
    return undefined;
  }
}

/** For a reason; short, and what a user finds in the configuration. */
function describe(expression: Expression): string {
  const text = JSON.stringify(expression, (_key, value: unknown) => (value instanceof RegExp ? String(value) : value));
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
