/** A few things serve many, one at a time each. */
import { expect, test } from 'vitest';
import { fewOf } from '../../shared/few-of.ts';

/** Things are numbers, counted as they are opened. */
function opened(most: number) {
  let count = 0;
  return { count: () => count, withOne: fewOf(most, () => (count += 1)) };
}

test('no more are opened than are allowed, and none is in use twice at a time', async () => {
  const { withOne, count } = opened(3);
  const inUse = new Set<number>();
  const uses = Array.from({ length: 20 }, (_, i) =>
    withOne(async (thing) => {
      expect(inUse.has(thing)).toBe(false);
      inUse.add(thing);
      for (let turns = 0; turns < i % 4; turns += 1) await Promise.resolve();
      inUse.delete(thing);
      return i;
    }),
  );
  expect(await Promise.all(uses)).toEqual(uses.map((_, i) => i));
  expect(count()).toBe(3);
});

test('one whose use failed is replaced, also for those who wait, and the failure is the caller’s', async () => {
  const { withOne, count } = opened(1);
  const failed = withOne(() => Promise.reject(new Error('broken')));
  const next = withOne(async (thing) => thing);
  await expect(failed).rejects.toThrow('broken');
  expect(await next).toBe(2);
  expect(await withOne(async (thing) => thing)).toBe(2);
  expect(count()).toBe(2);
});
