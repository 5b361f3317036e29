/** Which keys a pattern takes, and what is no pattern. */
import { posix } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileGlob } from '../../shared/glob.ts';
import { runs } from '../runs.ts';

test.each<[string, readonly string[], readonly string[]]>([
  ['*.csv', ['a.csv', '.csv', 'ü \n.csv'], ['a.csv.gz', 'in/a.csv', 'A.CSV']],
  ['**/*.csv', ['a.csv', 'in/a.csv', 'in/2026/.hidden/a.csv'], ['a.json', 'in/a.csv/']],
  ['**', ['', 'a', 'a/b'], []],
  ['day=*/**', ['day=1/a', 'day=1/a/b'], ['day=1', 'week=1/a']],
  ['part-????.parquet', ['part-0001.parquet'], ['part-001.parquet', 'part-/001.parquet']],
  ['*.{csv,csv.gz}', ['a.csv', 'a.csv.gz'], ['a.gz']],
  ['{web,app-*}/*', ['web/a', 'app-2/a'], ['app/a']],
  ['hour=[01]?', ['hour=07', 'hour=12'], ['hour=20']],
  ['[!_]*', ['day'], ['_SUCCESS', '/day']],
  ['[^_.]*', ['day'], ['_SUCCESS', '.crc']],
  ['a+b(1).$x|y^', ['a+b(1).$x|y^'], ['aab1']],
  ['\\*\\[a\\]', ['*[a]'], ['xa']],
])('%j takes some keys and others not', (glob, taken, left) => {
  const pattern = compileGlob(glob);
  expect(taken.filter((key) => !pattern?.test(key))).toEqual([]);
  expect(left.filter((key) => pattern?.test(key))).toEqual([]);
});

test.each(['[ab', 'a]', '{a', 'a}', '{a,{b}}', '{[ab],c}', '[z-a]', '[]', 'a\\'])('%j is no pattern', (glob) => {
  expect(compileGlob(glob)).toBeUndefined();
});

test('what Node makes of a pattern is what we make of it, but for names that begin with a dot', () => {
  const glob = fc.array(fc.constantFrom('*', '**/', '?', 'a', 'b', '/', '{a,b*}', '[ab]', '[!b]'), { maxLength: 7 });
  const key = fc.array(fc.constantFrom('a', 'b', 'ab', '/', 'c'), { minLength: 1, maxLength: 7 });
  const isPlain = (text: string) => !/\/\/|^\/|\/$|\*\*\*|[^/]\*\*|\*\*[^/]/.test(text);
  fc.assert(
    fc.property(glob.map(joined).filter(isPlain), key.map(joined).filter(isPlain), (pattern, text) => {
      fc.pre(pattern !== '');
      expect(compileGlob(pattern)?.test(text)).toBe(posix.matchesGlob(text, pattern));
    }),
    { numRuns: runs(2_000) },
  );
});

function joined(parts: readonly string[]): string {
  return parts.join('');
}
