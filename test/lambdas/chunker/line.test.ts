/** Whose turn it is in a line, and how long the others wait. */
import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { enterLine, openTurn, placeIn, tidyLine, waitMs } from '../../../lambdas/chunker/line.ts';
import { EMPTY_LINE, type Line } from '../../../shared/ledger.ts';

const TIMES = { graceMs: 10_000, pollMs: 5_000 };
const SECOND = 1_000;
const HOUR = 3_600_000;
const dumpOf = (key: string) => {
  const id = createHash('sha256').update(key).digest('hex').slice(0, 20);
  return { id: `${id} 2026-11-21T00:00:00.000Z`, dumpId: id, key };
};
const open = { ...dumpOf('a'), openedAt: 0, isRead: false, progress: '', progressAt: 0 };

/** Dumps that came at this time and wait for a second at a time. */
function lineOf(keys: readonly string[], since = 0, line: Line = EMPTY_LINE): Line {
  return keys.reduce((all, key) => enterLine(all, dumpOf(key), since, SECOND), line);
}

test.each([
  ['next, which has waited long', 'b', 10 * SECOND, { kind: 'next', ahead: 0 }],
  ['next, in its grace', 'b', 9 * SECOND, { kind: 'waits', ahead: 0 }],
  ['behind another', 'c', 10 * SECOND, { kind: 'waits', ahead: 1 }],
  ['new, with the smallest key', 'aa', 10 * SECOND, { kind: 'waits', ahead: 0 }],
  ['new, with a key in between', 'bb', 10 * SECOND, { kind: 'waits', ahead: 1 }],
  ['new, with the largest key', 'd', 10 * SECOND, { kind: 'waits', ahead: 2 }],
  ['seen before its message can have come back', 'b', 499, { kind: 'repeat' }],
  ['open', 'a', 10 * SECOND, { kind: 'open' }],
])('a dump that is %s knows its place', (_which, key, now, place) => {
  const line = lineOf(['c', 'b'], 0, { changedAt: 0, open, waiting: [] });
  expect(placeIn(line, dumpOf(key), now, TIMES)).toEqual(place);
});

test('a dump that was open and is read has its turn no more: a request to read it anew waits like any other', () => {
  const line = { changedAt: 0, open: { ...open, isRead: true }, waiting: [] };
  expect(placeIn(line, dumpOf('a'), HOUR, TIMES)).toEqual({ kind: 'waits', ahead: 0 });
});

test.each([
  ['in its grace', { kind: 'waits', ahead: 0 }, HOUR, 10 * SECOND],
  ['next, when the line has just moved', { kind: 'next', ahead: 0 }, SECOND, 5 * SECOND],
  ['next, when it has not moved for 80 s', { kind: 'next', ahead: 0 }, 80 * SECOND, 10 * SECOND],
  ['next, when it has not moved for a day', { kind: 'next', ahead: 0 }, 24 * HOUR, 900 * SECOND],
  ['third, when the line has just moved', { kind: 'waits', ahead: 2 }, SECOND, 15 * SECOND],
  ['third, when it has not moved for 80 s', { kind: 'waits', ahead: 2 }, 80 * SECOND, 30 * SECOND],
  ['behind all that have room', { kind: 'waits', ahead: 250 }, SECOND, 625 * SECOND],
] as const)('a dump that is %s looks again after its time', (_which, place, now, ms) => {
  const line = lineOf(['b', 'c'], 0, { changedAt: 0, open, waiting: [] });
  expect(waitMs(line, place, now, TIMES)).toBe(ms);
});

test('that a dump was opened long ago keeps nobody who comes now from looking soon', () => {
  const line = lineOf(['b'], 24 * HOUR, { changedAt: 0, open, waiting: [] });
  expect(waitMs(line, { kind: 'waits', ahead: 1 }, 24 * HOUR, TIMES)).toBe(10 * SECOND);
});

test('whatever the order in which dumps come, they are opened by the bytes of their keys', () => {
  const keys = fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }), { maxLength: 20 });
  fc.assert(
    fc.property(keys, (dropped) => {
      let line = lineOf(dropped);
      const opened: string[] = [];
      for (let now = HOUR; line.waiting.length > 0; now += HOUR) {
        const ready = dropped.filter((key) => placeIn(line, dumpOf(key), now, TIMES).kind === 'next');
        expect(ready).toHaveLength(1);
        line = openTurn(line, dumpOf(ready[0] ?? ''), line.open, now) ?? EMPTY_LINE;
        opened.push(...ready);
      }
      expect(opened).toEqual(dropped.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    }),
  );
});

test('of two who find the turn free only the first one gets it', () => {
  const line = lineOf(['b', 'c']);
  const taken = openTurn(line, dumpOf('b'), line.open, 10 * SECOND);
  expect(taken).toMatchObject({ open: { key: 'b' }, waiting: [{ key: 'c' }] });
  expect(openTurn(taken ?? EMPTY_LINE, dumpOf('c'), line.open, 10 * SECOND)).toBeUndefined();
});

test('a line never outgrows an item of DynamoDB: the smallest keys stay', () => {
  const keys = Array.from({ length: 300 }, (_, i) => `${String(i).padStart(3, '0')}${'é'.repeat(510)}`);
  const line = lineOf(keys.toReversed());
  expect(Buffer.byteLength(JSON.stringify(line))).toBeLessThan(400_000);
  expect(line.waiting.map(({ key }) => key)).toEqual(keys.slice(0, 250));
});

test('a dump that did not come back is lost, unless nobody looked at the line meanwhile', () => {
  const line = { ...lineOf(['a', 'b']), changedAt: HOUR - SECOND };
  const late = enterLine(line, dumpOf('b'), HOUR, SECOND);
  expect(tidyLine(late, HOUR).lost).toEqual([]);
  expect(tidyLine(late, HOUR + 2 * SECOND)).toMatchObject({ lost: [{ key: 'a' }], line: { waiting: [{ key: 'b' }] } });
  expect(tidyLine({ ...late, changedAt: 0 }, 24 * HOUR).lost).toEqual([]);
});
