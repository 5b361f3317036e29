/** A JSON value as lines for a person: short things on one line, long strings and long values only as their beginning. */
import { stringifyExactly } from '../shared/exact-json.ts';
import { isPlainObject } from '../lambdas/chunker/json.ts';
import { harmless } from './text-width.ts';

/** Characters of a string that are shown; the rest is counted. */
const MAX_SHOWN = 200;
const MAX_LINES = 200;
/** Deeper than Amplitude takes. */
const MAX_DEPTH = 45;
/** A list or an object that fits is on one line. */
const MAX_SHORT = 60;

/** Lines without line ends, indented by two spaces a level. */
export function jsonLines(value: unknown): readonly string[] {
  const lines: string[] = [];
  addLines(lines, value, '', '', 0);
  if (lines.length <= MAX_LINES) return lines;
  return [...lines.slice(0, MAX_LINES), `… (${n(MAX_LINES)} lines are shown; --json shows all)`];
}

/** `name` is what stands before the value, with its colon. */
function addLines(lines: string[], value: unknown, name: string, after: string, depth: number): void {
  const lead = `${'  '.repeat(depth)}${name}`;
  const isList = Array.isArray(value);
  if (!isList && !isPlainObject(value)) {
    lines.push(`${lead}${scalar(value)}${after}`);
    return;
  }
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  const entries: (readonly [string, unknown])[] = isList ? value.map((inner) => ['', inner]) : namedEntries(value);
  const short = depth > 0 ? shortly(entries, open, close) : undefined;
  if (short !== undefined || depth >= MAX_DEPTH) {
    lines.push(`${lead}${short ?? `${open} … ${close}`}${after}`);
    return;
  }
  lines.push(`${lead}${open}`);
  for (const [i, [label, inner]] of entries.entries()) {
    if (lines.length > MAX_LINES) return;
    addLines(lines, inner, label, i < entries.length - 1 ? ',' : '', depth + 1);
  }
  lines.push(`${'  '.repeat(depth)}${close}${after}`);
}

function namedEntries(value: object): (readonly [string, unknown])[] {
  return Object.entries(value).map(([name, inner]) => [`${scalar(name)}: `, inner]);
}

/** On one line, if there is nothing but scalars in it and they fit. */
function shortly(entries: readonly (readonly [string, unknown])[], open: string, close: string): string | undefined {
  if (entries.length === 0) return `${open}${close}`;
  if (entries.length > MAX_SHORT / 2) return undefined;
  if (entries.some(([, value]) => Array.isArray(value) || isPlainObject(value))) return undefined;
  const inside = entries.map(([name, value]) => `${name}${scalar(value)}`).join(', ');
  const text = open === '[' ? `[${inside}]` : `{ ${inside} }`;
  return text.length <= MAX_SHORT ? text : undefined;
}

function scalar(value: unknown): string {
  if (typeof value !== 'string') return harmless(stringifyExactly(value) ?? 'undefined');
  if (value.length <= MAX_SHOWN) return harmless(JSON.stringify(value));
  const left = `… ${n(value.length - MAX_SHOWN)} more characters`;
  return `${harmless(JSON.stringify(value.slice(0, MAX_SHOWN)))}${left}`;
}

function n(count: number): string {
  return count.toLocaleString('en-US');
}
