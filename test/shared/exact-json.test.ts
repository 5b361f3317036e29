/** Numbers that JavaScript cannot hold are noticed, wherever in a text they stand. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRawJSON, parseExactly, stringifyExactly } from '../../shared/exact-json.ts';
import { parseAll } from '../lambdas/chunker/json-text.ts';
import { runs } from '../runs.ts';

test.each<[string, unknown]>([
  ['9007199254740991', 9_007_199_254_740_991],
  ['-9007199254740991', -9_007_199_254_740_991],
  ['9007199254740992', 9_007_199_254_740_992n],
  ['9007199254740993', 9_007_199_254_740_993n],
  ['-9007199254740993', -9_007_199_254_740_993n],
  ['123456789012345678901', 123_456_789_012_345_678_901n],
  ['1e20', 1e20],
  ['12345678901234567.5', Number('12345678901234567.5')],
  ['0.12345678901234567', Number('0.12345678901234567')],
  ['1e-400', 0],
  ['-0', -0],
])('%s', (text, value) => {
  expect(parseExactly(text)).toBe(value);
  expect(parseExactly(`{"a":[{"b":"9007199254740993"},[${text}]],"c":1}`)).toEqual({
    a: [{ b: '9007199254740993' }, [value]],
    c: 1,
  });
});

test.each(['1e400', '-1E+400', '1e0400', '9'.repeat(400) + '.5'])('%s is beyond all', (text) => {
  const [value] = parseExactly(`[${text}]`) as [unknown];
  expect(isRawJSON(value)).toBe(true);
  expect(stringifyExactly({ value })).toBe(`{"value":${text}}`);
});

test('no nesting is too deep', () => {
  expect(parseExactly('['.repeat(100_000) + ']'.repeat(100_000))).toHaveLength(1);
});

const number = fc.oneof(
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc.bigInt({ min: 2n ** 53n - 9n, max: 2n ** 53n + 9n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.tuple(fc.integer(), fc.integer({ min: -500, max: 500 })).map(([digits, power]) => `${digits}e${power}`),
);
const leaf = fc.oneof(
  number,
  fc.string().map((text) => JSON.stringify(text)),
  number.map((text) => `"${text}"`),
  fc.constant('null'),
);
const text = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }).map((all) => `[${all.join()}]`),
    fc
      .array(fc.tuple(fc.string(), tie('value')), { maxLength: 3 })
      .map((all) => `{${all.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`),
  ),
})).value;

test('what is read is written as the same numbers, wherever they stand', () => {
  fc.assert(
    fc.property(text, (json) => {
      expect(parseAll(stringifyExactly(parseExactly(json)))).toEqual(parseAll(json));
    }),
    { numRuns: runs(5_000) },
  );
});
