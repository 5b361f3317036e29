/** Compiles a source description of the converter language: a field's name, an object, or a list with an operator. */
import type { Json } from '../amplitude-event.ts';
import { suggestion } from '../config-issues.ts';
import { LOGIC_OPERATORS } from './logic-operators.ts';
import { NUMBER_OPERATORS } from './number-operators.ts';
import { OBJECT_OPERATORS } from './object-operators.ts';
import { type ArgumentKind, type Clock, nothing, type Operator, type Read, syntaxOf } from './operator.ts';
import { readDict, readField, STRUCTURE_OPERATORS } from './structure-operators.ts';
import { TEXT_OPERATORS } from './text-operators.ts';
import { TIME_OPERATORS } from './time-operators.ts';
import { ConversionError, show } from './values.ts';

/** Every operator there is. */
export const OPERATORS: readonly Operator[] = [
  ...STRUCTURE_OPERATORS,
  ...OBJECT_OPERATORS,
  ...TIME_OPERATORS,
  ...TEXT_OPERATORS,
  ...LOGIC_OPERATORS,
  ...NUMBER_OPERATORS,
];

const BY_NAME: ReadonlyMap<string, Operator> = new Map(
  OPERATORS.flatMap((operator) => operator.names.map((name) => [name, operator] as const)),
);

/** Deeper descriptions are refused, so that none exhausts the stack. */
const MAX_DEPTH = 100;

/** What goes through a compilation: where the problems are collected. */
export type Compilation = { readonly problems: string[]; readonly clock: Clock | undefined };

export type Path = readonly (string | number)[];

/** Where there is a problem, it is added to the compilation's, and the result is of no use. */
export function compileSource(description: unknown, path: Path, compilation: Compilation): Read {
  if (path.length > MAX_DEPTH) return problem(path, `nested more than ${MAX_DEPTH} levels deep`, compilation);
  if (typeof description === 'string') return readField(description);
  if (Array.isArray(description)) return compileOperator(description, path, compilation);
  if (typeof description === 'object' && description !== null) {
    const members = Object.entries(description);
    return readDict(members.map(([key, member]) => [key, compileSource(member, [...path, key], compilation)]));
  }
  const found = show(description as Json | undefined);
  const expected = 'a field name, an object or a list with an operator';
  return problem(path, `found ${found}, expected ${expected}; a constant is ["value", ${found}]`, compilation);
}

function compileOperator(list: readonly unknown[], path: Path, compilation: Compilation): Read {
  const [name, ...given] = list;
  if (typeof name !== 'string') {
    return problem(path, `found ${show(name as Json | undefined)} where an operator's name belongs`, compilation);
  }
  const operator = BY_NAME.get(name);
  if (!operator) {
    return problem(path, `unknown operator "${name}"${suggestion(name, [...BY_NAME.keys()])}`, compilation);
  }
  const problemsBefore = compilation.problems.length;
  const kinds = kindsOf(operator, given.length);
  if (!kinds) problem(path, `${name} is written ${syntaxOf(operator)}; found ${count(given.length)}`, compilation);
  const { sources, texts, json } = compileArguments(name, given, kinds ?? operator.once, path, compilation);
  if (compilation.problems.length > problemsBefore) return nothing;
  const place = formatPath(path);
  const read = operator.build({
    sources,
    texts,
    json,
    clock: compilation.clock,
    fail(found, expected) {
      throw new ConversionError(`${place}: ${name} found ${show(found)}, expected ${expected}`);
    },
  });
  return typeof read === 'function' ? read : problem(path, `${name}: ${read.mistake}`, compilation);
}

/** What kind each of so many arguments is of, or undefined if the operator does not take so many. */
function kindsOf({ once, again = [] }: Operator, length: number): readonly ArgumentKind[] | undefined {
  const more = length - once.length;
  if (more < 0 || (again.length === 0 ? more > 0 : more % again.length > 0)) return undefined;
  return Array.from({ length }, (_, i) => once[i] ?? again[(i - once.length) % again.length] ?? 'source');
}

function compileArguments(
  name: string,
  given: readonly unknown[],
  kinds: readonly ArgumentKind[],
  path: Path,
  compilation: Compilation,
): { readonly sources: Read[]; readonly texts: string[]; readonly json: Json | undefined } {
  const sources: Read[] = [];
  const texts: string[] = [];
  let json: Json | undefined;
  for (const [i, argument] of given.slice(0, kinds.length).entries()) {
    const at = [...path, i + 1];
    if (kinds[i] === 'source') sources.push(compileSource(argument, at, compilation));
    else if (kinds[i] === 'json') json = argument as Json;
    else if (typeof argument === 'string') texts.push(argument);
    else problem(at, `${name}: found ${show(argument as Json | undefined)}, expected a text`, compilation);
  }
  return { sources, texts, json };
}

function count(args: number): string {
  return args === 1 ? '1 argument' : `${args} arguments`;
}

function problem(path: Path, text: string, { problems }: Compilation): Read {
  problems.push(`${formatPath(path)}: ${text}`);
  return nothing;
}

/** `converterConfig.convertToAmplitudeFunc["my field"][2]` */
export function formatPath(path: Path): string {
  const text = path.map((part) => {
    if (typeof part === 'number') return `[${part}]`;
    return /^[\w$]+$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
  });
  return text.join('').replace(/^\./, '') || '(top)';
}
