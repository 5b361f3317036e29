/** Counting different texts, against the exact count. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { distinctCounter, STANDARD_ERROR } from '../../cli/distinct-count.ts';

function countOf(texts: Iterable<string>) {
  const counter = distinctCounter();
  for (const text of texts) counter.add(text);
  return counter.result();
}

function* made(many: number, text: (i: number) => string): Generator<string> {
  for (let i = 0; i < many; i += 1) yield text(i);
}

test('any texts, however often each comes, are counted one by one while they are few', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 4 }), { maxLength: 500 }), (texts) => {
      expect(countOf([...texts, ...texts])).toEqual({ count: new Set(texts).size, isExact: true });
    }),
  );
});

const KINDS: readonly [string, (i: number) => string][] = [
  ['numbered names', (i) => `user-${i}`],
  ['numbers alone', (i) => String(1e12 + 7 * i)],
  ['hashes', (i) => createHash('md5').update(String(i)).digest('hex')],
  ['long texts that differ in the middle', (i) => `${'日'.repeat(30)}${i}${'x'.repeat(30)}`],
];

test.each(KINDS)('10,000 %s are counted exactly', (_, text) => {
  expect(countOf(made(10_000, text))).toEqual({ count: 10_000, isExact: true });
});

test.each(KINDS.flatMap(([kind, text]) => [10_001, 40_000, 130_000].map((many) => [many, kind, text] as const)))(
  '%d %s are estimated within four standard errors',
  (many, _, text) => {
    const { count, isExact } = countOf(made(many, text));
    expect(isExact).toBe(false);
    expect(Math.abs(count - many) / many).toBeLessThan(4 * STANDARD_ERROR);
  },
);

test('what comes again changes an estimate by nothing', () => {
  const counter = distinctCounter();
  for (const text of made(20_000, (i) => `a${i}`)) counter.add(text);
  const once = counter.result();
  for (const text of made(20_000, (i) => `a${i}`)) counter.add(text);
  expect(counter.result()).toEqual(once);
});
