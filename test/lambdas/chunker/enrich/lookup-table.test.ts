/** The compact table says what a Map says, whatever the keys and values are, and takes no more memory than it may. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Memory, PAGE_BYTES, startTable, type Values } from '../../../../lambdas/chunker/enrich/lookup-table.ts';

const MEMORY = 64 * 1024 * 1024;

function memoryOf(max = MEMORY): Memory {
  return { max, used: 0 };
}

/** Any text: also lone surrogates, and what Latin-1 cannot say. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\ud800', 'ÿ', 'Ā', '東京', '__proto__'),
);
const value = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }),
  fc.constantFrom(true, false, undefined),
  fc.constantFrom({ a: [1, 'ü', { b: null }] }, [], ['Ā']),
);

test('it holds what was put into it last under each key, like a Map', () => {
  const row = fc.record({
    key: fc.oneof(text, fc.integer({ min: 0, max: 50 }).map(String)),
    values: fc.tuple(value, value, value),
  });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 200 }), fc.array(text), (rows, others) => {
      const table = startTable(3, memoryOf());
      const model = new Map<string, Values>();
      for (const { key, values } of rows) {
        expect(table.put(key, values)).toBe('done');
        model.set(key, values);
      }
      expect(table.rows).toBe(model.size);
      for (const key of [...model.keys(), ...others]) expect(table.find(key)).toEqual(model.get(key));
    }),
  );
});

test('it stays so over many pages, and as its index grows', () => {
  const table = startTable(2, memoryOf());
  const nameOf = (i: number) => `${i % 3 === 0 ? 'Ж' : 'n'}-${i}-${'x'.repeat(i % 90)}`;
  for (let i = 0; i < 30_000; i += 1) table.put(`key ${i}`, [nameOf(i), i]);
  expect(table.bytes).toBeGreaterThan(3 * PAGE_BYTES);
  for (let i = 0; i < 30_000; i += 1) expect(table.find(`key ${i}`)).toEqual([nameOf(i), i]);
  expect(table.find('key 30000')).toBeUndefined();
});

test('null is no value, and a number beyond 2^53 stays what it is', () => {
  const table = startTable(2, memoryOf());
  table.put('a', [null, 9_007_199_254_740_993n]);
  expect(table.find('a')).toEqual([undefined, 9_007_199_254_740_993n]);
});

test('a row that is longer than a page is refused, one that just fits is not', () => {
  const table = startTable(1, memoryOf());
  expect(table.put('long', ['x'.repeat(PAGE_BYTES)])).toBe('too-long');
  expect(table.find('long')).toBeUndefined();
  const fits = 'x'.repeat(PAGE_BYTES / 2 - 20);
  expect(table.put('fits', [fits])).toBe('done');
  expect(table.find('fits')).toEqual([fits]);
});

test('what does not fit the memory is refused, and what was there stays; dropped, it gives its memory back', () => {
  const memory = memoryOf(3 * PAGE_BYTES);
  const table = startTable(1, memory);
  let rows = 0;
  while (table.put(`key ${rows}`, ['x'.repeat(1_000)]) === 'done') rows += 1;
  expect(rows).toBeGreaterThan(500);
  expect(memory.used).toBeLessThanOrEqual(memory.max);
  expect(memory.used).toBe(table.bytes);
  expect(table.find(`key ${rows - 1}`)).toEqual(['x'.repeat(1_000)]);
  expect(table.find(`key ${rows}`)).toBeUndefined();
  table.drop();
  expect(memory.used).toBe(0);
  expect(table.find('key 1')).toBeUndefined();
});
