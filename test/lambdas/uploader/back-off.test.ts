/** Waiting is short at first and long at last, and all of it together as long as promised. */
import { expect, test } from 'vitest';
import { backOffMs, PARKED_MAX_TRIES, parkedBackOffMs } from '../../../lambdas/uploader/back-off.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

test.each([
  [1, 1 * SECOND],
  [2, 2 * SECOND],
  [9, 256 * SECOND],
  [10, 5 * MINUTE],
  [1_000, 5 * MINUTE],
])('after receive %i a chunk waits %i ms', (receives, ms) => {
  expect(backOffMs(receives)).toBe(ms);
});

test.each([
  [1, false, 30 * SECOND],
  [2, false, 1 * MINUTE],
  [7, false, 32 * MINUTE],
  [8, false, 1 * HOUR],
  [1_000, false, 1 * HOUR],
  [1, true, 1 * HOUR],
])('after receive %i parked events (over quota: %s) wait %i ms, and up to a fifth more', (receives, overQuota, ms) => {
  expect(parkedBackOffMs(receives, overQuota, 0)).toBe(ms);
  expect(parkedBackOffMs(receives, overQuota, 1)).toBe(1.2 * ms);
});

test('50 tries of a chunk are hours, and all tries of parked events more than a day', () => {
  const sum = (receives: number, waitMs: (receive: number) => number) =>
    Array.from({ length: receives }, (_, i) => waitMs(i + 1)).reduce((a, b) => a + b, 0);
  expect(sum(50, backOffMs)).toBeGreaterThan(3 * HOUR);
  expect(sum(PARKED_MAX_TRIES, (receive) => parkedBackOffMs(receive, false, 0))).toBeGreaterThan(24 * HOUR);
});
