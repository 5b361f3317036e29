/** How many events of a chunk share an id is counted exactly. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { idCounts } from '../../../lambdas/chunker/id-counts.ts';

test('any ids are counted as a Map counts them, those beyond 2^31 and those that fall on one place too', () => {
  const id = fc.oneof(
    fc.integer({ min: 0, max: 5 }).map((n) => n * 64),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  );
  fc.assert(
    fc.property(fc.array(id, { maxLength: 30 }), (ids) => {
      const counts = idCounts(30);
      const expected = new Map<number, number>();
      for (const one of ids) {
        expected.set(one, (expected.get(one) ?? 0) + 1);
        expect(counts.add(one)).toBe(expected.get(one));
      }
      for (const one of [...ids, 7]) expect(counts.of(one)).toBe(expected.get(one) ?? 0);
    }),
  );
});
