/** Java's regular expressions in JavaScript: the same matches, or a refusal when the file is loaded. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileJavaRegex, compileReplacement } from '../../../shared/converter/java-regex.ts';
import { runs } from '../../runs.ts';

function replaceAll(pattern: string, replacement: string, text: string): string {
  const compiled = compileJavaRegex(pattern);
  if ('mistake' in compiled) throw new Error(compiled.mistake);
  const replace = compileReplacement(replacement, compiled);
  if (typeof replace === 'object') throw new Error(replace.mistake);
  return text.replaceAll(compiled.regex, replace);
}

test.each([
  ['[0-9]{2,3}?', '#', '1234', '##'],
  ['\\d+', '<$0>', 'a12b', 'a<12>b'],
  ['(a)(b)?', '$2$1', 'aab', 'aba'],
  ['(a)', '$12', 'a', 'a2'],
  ['(?<first>\\w)(?<second>\\w)', '${second}${first}', 'abcd', 'badc'],
  ['(.)\\1', '$1', 'aabbc', 'abc'],
  ['(?<c>.)\\k<c>', '-', 'aabc', '-bc'],
  ['\\Qa.b\\E', 'x', 'a.b acb', 'x acb'],
  ['\\Qa.b', 'x', 'a.b', 'x'],
  ['(?i)ABC', 'x', 'abc', 'x'],
  ['(?s)a.b', 'x', 'a\nb', 'x'],
  ['(?m)^a$', 'x', 'a\na', 'x\nx'],
  ['a(?i:B)', 'x', 'ab aB AB', 'x x AB'],
  ['a$', 'x', 'a\n', 'x\n'],
  ['a$', 'x', 'aba', 'abx'],
  ['a\\z', 'x', 'a\n', 'a\n'],
  ['a\\Z', 'x', 'a\n', 'x\n'],
  ['\\Aa', 'x', 'aa', 'xa'],
  ['\\s', '_', 'a\u00a0b c', 'a\u00a0b_c'],
  ['[\\s\\S]', '_', 'a\u00a0 ', '___'],
  ['\\S', '_', 'a\u00a0 ', '__ '],
  ['[\\w-.]+@', '', 'a-b.c@d', 'd'],
  ['[a-c-]', '', 'a-d', 'd'],
  ['\\p{Alpha}\\p{L}\\P{Lu}', 'x', 'aäb', 'x'],
  ['[\\p{Punct}\\p{Digit}]', '', 'a.1!', 'a'],
  ['\\p{IsAlphabetic}', '', 'ä1', '1'],
  ['\\pN', '', 'ä1', 'ä'],
  ['\\-\\_\\/\\"', '', '-_/"', ''],
  ['a}]', '', 'a}]', ''],
  ['\\u0041\\x42', '', 'AB', ''],
  ['😀+', '', '😀😀', ''],
  ['a(?=b)|(?<!a)c', '', 'abc', 'b'],
  ['x', 'a\\$b\\\\', 'x', 'a$b\\'],
  ['x', '$0$0', 'x', 'xx'],
])('%s replaced with %s', (pattern, replacement, text, expected) => {
  expect(replaceAll(pattern, replacement, text)).toBe(expected);
});

const REFUSED: readonly (readonly [string, string, string])[] = [
  ['a++', '', "the possessive quantifier ++ of Java's regular expressions is not supported"],
  ['a{2}+', '', 'the possessive quantifier {2}+'],
  ['(?>a)', '', 'the group (?>a'],
  ['a(?i)b', '', 'the group (?i)'],
  ['[a[b]]', '', 'a class within a class'],
  ['[a&&b]', '', 'an intersection (&&)'],
  ['[]a]', '', 'a "]" that begins a class'],
  ['[a', '', 'a class is not closed: [a'],
  ['a{', '', 'a "{" that is no quantifier is written "\\\\{"'],
  ['\\h', '', '\\h of Java'],
  ['\\R', '', '\\R of Java'],
  ['[\\b]', '', '\\b of Java'],
  ['\\p{javaLowerCase}', '', '\\p{javaLowerCase} of Java'],
  ['[\\P{Alpha}]', '', '\\P{Alpha} in a class'],
  ['a\\', '', 'the expression ends with a backslash'],
  ['(a', '', 'the expression "(a" cannot be read: Unterminated group'],
  ['*', '', 'the expression "*" cannot be read: Nothing to repeat'],
  ['a', '$', 'the replacement "$" has a lone "$"; write "\\\\$"'],
  ['a', 'x\\', 'the replacement "x\\\\" has a lone "\\"; write "\\\\\\"'],
  ['a', '$1', 'the replacement names the group $1, which does not exist'],
  ['a', '${b}', 'the replacement names the group ${b}, which does not exist'],
];
test.each(REFUSED)('%s replaced with %s is refused', (pattern, replacement, problem) => {
  expect(() => replaceAll(pattern, replacement, '')).toThrow(problem);
});

test('a pattern for a whole text takes no part of it', () => {
  const compiled = compileJavaRegex('a|b\\.json', true);
  const takes = (text: string) => 'regex' in compiled && compiled.regex.test(text);
  expect(['a', 'b.json', 'a.json', 'xa', 'a\n'].map(takes)).toEqual([true, true, false, false, false]);
});

test('any text is an expression or a mistake', () => {
  const piece = fc.constantFrom(
    ...'\\()[]{}^$.*+?|-ab1,<>=!:&#PpQEsSwdkx'.split(''),
    '\\\\',
    '(?',
    '\\p{L}',
    '\u{1f600}',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), fc.array(piece, { maxLength: 4 }), (pattern, replacement) => {
      const compiled = compileJavaRegex(pattern.join(''));
      if ('mistake' in compiled) {
        expect(compiled.mistake).toMatch(/./);
        return;
      }
      const replace = compileReplacement(replacement.join(''), compiled);
      if (typeof replace === 'function') expect('ab1'.replaceAll(compiled.regex, replace)).toBeTypeOf('string');
    }),
    { numRuns: runs(2_000) },
  );
});
