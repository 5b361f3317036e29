/** Records are found by where they stand, however they are asked for. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { recordFinder } from '../../../lambdas/chunker/find-records.ts';
import { DumpUnreadable, type Dumps } from '../../../shared/objects.ts';
import { dumpOf, memoryDumps, sourceOf } from './fixtures.ts';
import { runs } from '../../runs.ts';

const LINES = 2_500;
const bytes = Buffer.from(Array.from({ length: LINES }, (_, i) => `${i % 7 === 6 ? '' : `line ${i + 1}`}\n`).join(''));
const isBlank = (position: number) => position % 7 === 0;

test('any positions, asked for in any order, are found; blank lines and lines beyond the end are not', async () => {
  const positions = fc.array(fc.integer({ min: 1, max: LINES + 50 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.array(positions, { maxLength: 4 }), async (groups) => {
      const finder = recordFinder(dumpOf(bytes), sourceOf(), memoryDumps(bytes));
      for (const group of groups) {
        const found = await finder.find(new Set(group));
        const wanted = [...new Set(group)].filter((position) => position <= LINES && !isBlank(position));
        const texts = [...found].map(([position, record]) => [position, record.bytes.toString()]);
        expect(Object.fromEntries(texts)).toEqual(
          Object.fromEntries(wanted.map((position) => [position, `line ${position}`])),
        );
      }
      await finder.close();
    }),
    { numRuns: runs(50) },
  );
});

test('ascending calls read the dump once', async () => {
  const dumps = memoryDumps(bytes);
  let ranges = 0;
  const counting: Dumps = {
    ...dumps,
    read: (dump, start, end) => {
      if (start === 0 && end > 2) ranges += 1;
      return dumps.read(dump, start, end);
    },
  };
  const finder = recordFinder(dumpOf(bytes), sourceOf(), counting);
  for (const position of [5, 6, 900, 2_400]) expect((await finder.find(new Set([position]))).size).toBe(1);
  await finder.close();
  // Its beginning, to see what it is, and all of it.
  expect(ranges).toBe(2);
});

test('of a dump that is gone, or that nobody can read, nothing is found; what may pass is thrown', async () => {
  const failing = (error: Error): Dumps => ({ ...memoryDumps(bytes), read: () => Promise.reject(error) });
  const find = (dumps: Dumps | undefined) => recordFinder(dumpOf(bytes), sourceOf(), dumps).find(new Set([1]));
  expect((await find(undefined)).size).toBe(0);
  expect((await find(failing(new DumpUnreadable('deleted')))).size).toBe(0);
  await expect(find(failing(new Error('S3 is slow')))).rejects.toThrow('S3 is slow');
});
