/** Regular expressions and replacement texts as Java writes them, translated; what JavaScript cannot do is refused. */
import type { Mistake } from './operator.ts';

/** Java's `\s`, `.` and `$` differ from JavaScript's in what they take for a space or a line's end. */
const SPACE = ' \\t\\n\\v\\f\\r';
const LINE_END = '(?:\\r\\n|[\\n\\r\\u0085\\u2028\\u2029])';

const POSIX: Readonly<Record<string, string>> = {
  Lower: 'a-z',
  Upper: 'A-Z',
  Alpha: 'a-zA-Z',
  Digit: '0-9',
  Alnum: 'a-zA-Z0-9',
  Punct: '!-\\/:-@\\[-`\\{-~',
  Space: SPACE,
  XDigit: '0-9a-fA-F',
};

const CATEGORY = /^(?:Is)?(L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfosn]?)$/;

/** What has been translated so far. */
type Translation = { source: string; groups: number; readonly names: Map<string, number> };

export type JavaRegex = {
  readonly regex: RegExp;
  readonly groups: number;
  /** Which group has the name. */
  readonly names: ReadonlyMap<string, number>;
};

/** Finds every match (flags `g` and `u`), or, if it `isWhole`, only one that takes the whole text. */
export function compileJavaRegex(pattern: string, isWhole = false): JavaRegex | Mistake {
  const [prefix = '', flags = ''] = /^\(\?([ism]+)\)/.exec(pattern) ?? [];
  const translation: Translation = { source: '', groups: 0, names: new Map() };
  let rest = pattern.slice(prefix.length);
  while (rest !== '') {
    const step = translateNext(rest, translation, flags.includes('m'));
    if (typeof step === 'object') return step;
    rest = rest.slice(step);
  }
  const { source, groups, names } = translation;
  try {
    const unique = [...new Set(flags)].join('');
    const regex = new RegExp(isWhole ? `^(?:${source})$` : source, `${isWhole ? '' : 'g'}u${unique}`);
    return { regex, groups, names };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(': ').at(-1) : String(error);
    return { mistake: `the expression ${JSON.stringify(pattern)} cannot be read: ${reason}` };
  }
}

/** Translates what stands first in `rest`, and returns how long that is. */
function translateNext(rest: string, into: Translation, isMultiline: boolean): number | Mistake {
  const [quantifier] = /^(?:[*+?]|\{\d+(?:,\d*)?\})[+?]?/.exec(rest) ?? [];
  if (quantifier?.endsWith('+') && quantifier.length > 1) return unsupported(`the possessive quantifier ${quantifier}`);
  if (quantifier) return add(into, quantifier, quantifier.length);
  const first = rest.slice(0, String.fromCodePoint(rest.codePointAt(0) ?? 0).length);
  switch (first) {
    case '\\':
      return translateEscape(rest, into, false);
    case '[':
      return translateClass(rest, into);
    case '(':
      return translateGroup(rest, into);
    case '$':
      return add(into, isMultiline ? '$' : `(?=${LINE_END}?$)`, 1);
    case '{':
      return { mistake: 'a "{" that is no quantifier is written "\\\\{"' };
    case ']':
    case '}':
      return add(into, `\\${first}`, 1);
    default:
      return add(into, first, first.length);
  }
}

function add(into: Translation, source: string, length: number): number {
  into.source += source;
  return length;
}

function unsupported(what: string): Mistake {
  return { mistake: `${what} of Java's regular expressions is not supported` };
}

function translateGroup(rest: string, into: Translation): number | Mistake {
  const [named, name] = /^\(\?<([A-Za-z][A-Za-z0-9]*)>/.exec(rest) ?? [];
  if (named && name) {
    into.groups += 1;
    into.names.set(name, into.groups);
    return add(into, named, named.length);
  }
  const [special] = /^\(\?(?:<?[=!]|[ims]*(?:-[ims]+)?:)/.exec(rest) ?? [];
  if (special) return add(into, special, special.length);
  if (rest.startsWith('(?')) return unsupported(`the group ${rest.slice(0, 4)}`);
  into.groups += 1;
  return add(into, '(', 1);
}

function translateClass(rest: string, into: Translation): number | Mistake {
  let at = rest.startsWith('[^') ? 2 : 1;
  add(into, rest.slice(0, at), at);
  if (rest[at] === ']') return unsupported('a "]" that begins a class');
  while (at < rest.length) {
    const left = rest.slice(at);
    if (left.startsWith(']')) return add(into, ']', at + 1);
    if (left.startsWith('[')) return unsupported('a class within a class');
    if (left.startsWith('&&')) return unsupported('an intersection (&&)');
    const length = left.startsWith('\\') ? translateEscape(left, into, true) : add(into, left.slice(0, 1), 1);
    if (typeof length === 'object') return length;
    at += length;
    // A "-" behind \w, \d and the like begins no range.
    if (/^\\[dDwWsSpP]/.test(left) && rest[at] === '-') at += add(into, '\\-', 1);
  }
  return { mistake: `a class is not closed: ${rest.slice(0, 20)}` };
}

function translateEscape(rest: string, into: Translation, isInClass: boolean): number | Mistake {
  const letter = rest[1] ?? '';
  if (letter === '') return { mistake: 'the expression ends with a backslash' };
  const [literal, quoted] = /^\\Q(.*?)(?:\\E|$)/s.exec(rest) ?? [];
  if (literal !== undefined) return add(into, RegExp.escape(quoted ?? ''), literal.length);
  const [code] = /^\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})/.exec(rest) ?? [];
  if (code) return add(into, code, code.length);
  if (letter === 'p' || letter === 'P') return translateProperty(rest, into, isInClass);
  if ('dDwWtnrf'.includes(letter)) return add(into, `\\${letter}`, 2);
  if (letter === 's') return add(into, isInClass ? SPACE : `[${SPACE}]`, 2);
  if (letter === 'S') return add(into, isInClass ? '\\0-\\x08\\x0e-\\x1f!-\\u{10ffff}' : `[^${SPACE}]`, 2);
  if (!/[A-Za-z0-9]/.test(letter)) {
    const character = String.fromCodePoint(rest.codePointAt(1) ?? 0);
    return add(into, RegExp.escape(character), 1 + character.length);
  }
  const outside = isInClass ? undefined : outsideClass(rest, letter);
  return outside ? add(into, outside.source, outside.length) : unsupported(`\\${letter}`);
}

/** Escapes that have a meaning only outside of a class: places, and groups found before. */
function outsideClass(rest: string, letter: string): { readonly source: string; readonly length: number } | undefined {
  if (letter === 'b' || letter === 'B') return { source: `\\${letter}`, length: 2 };
  if (letter === 'A') return { source: '(?<![\\s\\S])', length: 2 };
  if (letter === 'z') return { source: '(?![\\s\\S])', length: 2 };
  if (letter === 'Z') return { source: `(?=${LINE_END}?(?![\\s\\S]))`, length: 2 };
  const [reference] = /^\\(?:[1-9](?!\d)|k<\w+>)/.exec(rest) ?? [];
  return reference ? { source: reference, length: reference.length } : undefined;
}

function translateProperty(rest: string, into: Translation, isInClass: boolean): number | Mistake {
  const [text, braced, single] = /^\\[pP](?:\{(\w+)\}|([A-Z]))/.exec(rest) ?? [];
  const name = braced ?? single;
  if (text === undefined || name === undefined) return unsupported(rest.slice(0, 3));
  const isNegated = rest[1] === 'P';
  const set = Object.hasOwn(POSIX, name) ? POSIX[name] : undefined;
  if (set !== undefined) {
    if (isInClass) return isNegated ? unsupported(`${text} in a class`) : add(into, set, text.length);
    return add(into, `[${isNegated ? '^' : ''}${set}]`, text.length);
  }
  const category = name === 'IsAlphabetic' ? 'Alphabetic' : CATEGORY.exec(name)?.[1];
  return category ? add(into, `\\${isNegated ? 'P' : 'p'}{${category}}`, text.length) : unsupported(text);
}

/** What a match is replaced with: from the match and its groups, as String.replaceAll gives them. */
export type Replacement = (...match: readonly (string | undefined)[]) => string;

/** Java's replacement text: `$1` and `${name}` are groups, a backslash takes its meaning from the next character. */
export function compileReplacement(text: string, { groups, names }: JavaRegex): Replacement | Mistake {
  const parts: (string | number)[] = [];
  for (let rest = text; rest !== ''; ) {
    const [reference, digits, name] = /^\$(?:(\d+)|\{(\w+)\})/.exec(rest) ?? [];
    if (reference === undefined) {
      if (rest === '\\' || rest.startsWith('$')) {
        return { mistake: `the replacement ${JSON.stringify(text)} has a lone "${rest[0]}"; write "\\\\${rest[0]}"` };
      }
      const [plain = ''] = /^(?:\\[^]|[^\\$]+)/.exec(rest) ?? [];
      parts.push(plain.startsWith('\\') ? plain.slice(1) : plain);
      rest = rest.slice(plain.length);
      continue;
    }
    const group = name === undefined ? groupIn(digits ?? '', groups) : names.get(name);
    if (group === undefined) return { mistake: `the replacement names the group ${reference}, which does not exist` };
    parts.push(group);
    rest = rest.slice(name === undefined ? 1 + `${group}`.length : reference.length);
  }
  if (parts.every((part) => typeof part === 'string')) return constant(parts.join(''));
  return (...match) => parts.map((part) => (typeof part === 'string' ? part : (match[part] ?? ''))).join('');
}

function constant(text: string): Replacement {
  return () => text;
}

/** The longest beginning of the digits that is a group's number: `$12` is group 1 and a 2 where there is no group 12. */
function groupIn(digits: string, groups: number): number | undefined {
  for (let length = digits.length; length > 0; length--) {
    const group = Number(digits.slice(0, length));
    if (group <= groups && `${group}`.length === length) return group;
  }
  return undefined;
}
