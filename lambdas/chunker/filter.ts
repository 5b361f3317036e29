/** Which records are kept, by function or by condition. */
import type { Condition } from '../../shared/condition.ts';
import type { FilterFunction } from '../../shared/config.ts';
import { namesOf, valueAt } from '../../shared/path.ts';
import { statelessRegex } from './expression.ts';

export function openFilter(filter: FilterFunction | Condition): FilterFunction {
  return typeof filter === 'function' ? filter : compileCondition(filter);
}

function compileCondition(condition: Condition): (record: unknown) => boolean {
  if ('not' in condition) {
    const holds = compileCondition(condition.not);
    return (record) => !holds(record);
  }
  if ('and' in condition) {
    const all = condition.and.map(compileCondition);
    return (record) => all.every((holds) => holds(record));
  }
  if ('or' in condition) {
    const some = condition.or.map(compileCondition);
    return (record) => some.some((holds) => holds(record));
  }
  const paths = [condition.path].flat().map(namesOf);
  const tests = compileTests(condition);
  return (record) => {
    const value = paths.map((names) => valueAt(record, names)).find((found) => found !== undefined);
    return tests.every((test) => test(value));
  };
}

type Test = (value: unknown) => boolean;

function compileTests(condition: Extract<Condition, { readonly path: unknown }>): Test[] {
  const { equals, in: among, exists, matches } = condition;
  const tests: Test[] = [];
  if (equals !== undefined) tests.push((value) => value === equals);
  if (among !== undefined) {
    const values = new Set<unknown>(among);
    tests.push((value) => values.has(value));
  }
  if (exists !== undefined) tests.push((value) => (value !== undefined) === exists);
  if (matches !== undefined) {
    const regex = statelessRegex(matches);
    tests.push((value) => (typeof value === 'string' || typeof value === 'number') && regex.test(String(value)));
  }
  return tests;
}
