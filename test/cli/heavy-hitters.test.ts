/** The most frequent ids, against exact counts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { heavyHitters } from '../../cli/heavy-hitters.ts';

/** Ids with their exact counts; a few come far more often than the rest, in any order. */
const stream = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 200 })), { maxLength: 3_000 })
  .map((numbers) => numbers.map((number) => `id-${number}`));

function exactly(ids: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

test('every count lies between its bounds, which are at most 2 / capacity of all apart, and nobody above that is missing', () => {
  fc.assert(
    fc.property(stream, fc.integer({ min: 2, max: 50 }), (ids, capacity) => {
      const hitters = heavyHitters(capacity);
      for (const id of ids) hitters.add(id);
      const exact = exactly(ids);
      const hits = hitters.top(Number.MAX_SAFE_INTEGER);
      expect(hits.length).toBeLessThanOrEqual(capacity);
      for (const { id, atLeast, atMost } of hits) {
        expect(atLeast).toBeLessThanOrEqual(exact.get(id) ?? 0);
        expect(atMost).toBeGreaterThanOrEqual(exact.get(id) ?? 0);
        expect(atMost - atLeast).toBeLessThanOrEqual((2 * ids.length) / capacity);
      }
      const listed = new Set(hits.map(({ id }) => id));
      for (const [id, count] of exact) if (count > (2 * ids.length) / capacity) expect(listed).toContain(id);
    }),
  );
});

test('as long as there are no more ids than are counted at a time, the counts are exact, the most frequent first', () => {
  fc.assert(
    fc.property(stream, (ids) => {
      const hitters = heavyHitters();
      for (const id of ids) hitters.add(id);
      const exact = exactly(ids);
      const hits = hitters.top(10);
      expect(hits).toEqual(hits.map(({ id }) => ({ id, atLeast: exact.get(id), atMost: exact.get(id) })));
      expect(hits.map(({ atLeast }) => atLeast)).toEqual([...exact.values()].toSorted((a, b) => b - a).slice(0, 10));
    }),
  );
});

test('400,000 ids that come once and one that comes 20,000 times: it is found, and its count is right to 2 / 32,768 of all', () => {
  const hitters = heavyHitters();
  for (let i = 0; i < 400_000; i += 1) {
    hitters.add(`once-${i}`);
    if (i % 20 === 0) hitters.add('often');
  }
  const [first] = hitters.top(1);
  expect(first?.id).toBe('often');
  expect(first?.atLeast).toBeGreaterThan(20_000 - (2 * 420_000) / 32_768);
  expect(first?.atLeast).toBeLessThanOrEqual(20_000);
});

test('ids of any length are told apart, and a long one is kept short', () => {
  const hitters = heavyHitters();
  const long = 'x'.repeat(1_000_000);
  for (const id of [`${long}a`, `${long}b`, `${long}b`]) hitters.add(id);
  const hits = hitters.top(10);
  expect(hits.map(({ atLeast }) => atLeast)).toEqual([2, 1]);
  for (const { id } of hits) expect(id.length).toBeLessThanOrEqual(64);
});
