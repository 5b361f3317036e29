/** Turns zod's issues into lines that say where, what was found, what is allowed, and the nearest known name. */
import type { z } from 'zod';

/** A configuration that cannot be used; the message lists every problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** All the problems at once, a line each. */
export function problemsError(problems: readonly string[]): ConfigError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new ConfigError(
    `the importer's configuration has ${count}:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  );
}

type Issue = z.core.$ZodIssue;

/** The settings that exist in the object at this path. */
type KnownNames = (path: readonly PropertyKey[]) => readonly string[];

/** One line for each problem, in the order zod found them. `input` is what was checked. */
export function describeConfigIssues(issues: readonly Issue[], input: unknown, knownNames: KnownNames): string[] {
  return issues.flatMap((issue) => describe(issue, input, knownNames));
}

function describe(issue: Issue, input: unknown, knownNames: KnownNames): string[] {
  const meant = issue.code === 'invalid_union' ? meantAlternative(issue) : undefined;
  if (meant) return describeConfigIssues(meant, input, knownNames);
  const at = formatPath(issue.path);
  const found = valueAt(input, issue.path);
  if (issue.code === 'unrecognized_keys') {
    // A form among several says itself which names it has.
    const known = (issue as { readonly known?: readonly string[] }).known ?? knownNames(issue.path);
    return issue.keys.map((key) => `${formatPath([...issue.path, key])}: unknown setting${suggestion(key, known)}`);
  }
  if (found === undefined && issue.code !== 'custom') return [`${at}: missing; expected ${expected(issue)}`];
  return [`${at}: found ${show(found)}, expected ${expected(issue)}`];
}

/** Of several shapes a setting may have, the issues with the one that was meant: whose mistakes lie within it. */
function meantAlternative(union: z.core.$ZodIssueInvalidUnion): readonly Issue[] | undefined {
  const meant = union.errors.find(
    (issues) => issues.length > 0 && issues.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  );
  return meant?.map((issue) => ({ ...issue, path: [...union.path, ...issue.path] }));
}

function expected(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int'
        ? 'a whole number'
        : `${/^[aeiou]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`;
    case 'invalid_value':
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return `at least ${issue.minimum}${issue.origin === 'string' ? ' in length' : ''}`;
    case 'too_big':
      return `at most ${issue.maximum}${issue.origin === 'string' ? ' in length' : ''}`;
    default:
      return issue.message;
  }
}

/** The known name that is nearest, as a question. */
export function suggestion(key: string, known: readonly string[]): string {
  const nearest = known.toSorted((a, b) => distance(key, a) - distance(key, b))[0];
  return nearest ? `; did you mean "${nearest}"?` : '';
}

function formatPath(path: readonly PropertyKey[]): string {
  return (
    path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i ? '.' : ''}${String(part)}`)).join('') ||
    '(top)'
  );
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

/** Short and on one line: the value may be anything, a function included. */
function show(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** Edit distance (Levenshtein), without regard to case. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, charA] of a.toLowerCase().split('').entries()) {
    const next = [i + 1];
    for (const [j, charB] of b.toLowerCase().split('').entries()) {
      const change = (row[j] ?? 0) + (charA === charB ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
