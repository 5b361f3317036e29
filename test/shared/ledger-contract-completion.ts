/** What every ledger must say about the end of a dump: when it is complete, and who closes it. */
import { expect, test } from 'vitest';
import type { Run } from '../../shared/dump.ts';
import { type Ledger, START } from '../../shared/ledger.ts';
import type { LedgerUnderTest } from './ledger-contract.ts';
import { chunkOf, claimOf, delivered, OWNERS, parked, planOf, remainderOf, startDump } from './ledger-fixtures.ts';

export function testCompletion(open: () => LedgerUnderTest): void {
  const settleAll = (ledger: Ledger, run: Run) => ledger.settle(chunkOf(run, 0, 0), delivered(10));
  const steps = {
    settle: (ledger: Ledger, run: Run) => settleAll(ledger, run).then(() => ledger.completeSegment(run, 0)),
    plan: (ledger: Ledger, run: Run) =>
      ledger.planSegment(run, 0, planOf(10)).then(() => ledger.completeSegment(run, 0)),
    end: (ledger: Ledger, run: Run) => ledger.endDump(run, 'anna', { segments: 1 }).then(() => ledger.isComplete(run)),
  };
  test.each([
    ['settle', 'plan', 'end'],
    ['settle', 'end', 'plan'],
    ['plan', 'settle', 'end'],
    ['plan', 'end', 'settle'],
    ['end', 'plan', 'settle'],
    ['end', 'settle', 'plan'],
  ] as const)('a dump is complete with the last of its steps: %s, %s, %s', async (...order) => {
    const { ledger } = open();
    const { run } = await startDump(ledger);
    const answers: boolean[] = [];
    for (const step of order) answers.push(await steps[step](ledger, run));
    expect(answers).toEqual([false, false, true]);
    expect(await ledger.completeSegment(run, 0)).toBe(true);
    expect(await ledger.isComplete(run)).toBe(true);
  });

  test('a segment waits for its parked remainders and its dead units', async () => {
    const { ledger } = open();
    const { run } = await startDump(ledger);
    const [first, second] = [chunkOf(run, 0, 0), chunkOf(run, 0, 1)];
    await ledger.planSegment(run, 0, planOf(10, 10));
    await ledger.endDump(run, 'anna', { segments: 1 });
    await ledger.settle(first, parked('0-1', { delivered: 6, refused: 0, parked: 4 }));
    await ledger.bookDead(second, 'no answer');
    expect(await ledger.completeSegment(run, 0)).toBe(false);
    await ledger.settle(remainderOf(first, '0-1', 4), delivered(4));
    expect(await ledger.completeSegment(run, 0)).toBe(false);
    await ledger.bookReplayed(second);
    expect(await ledger.completeSegment(run, 0)).toBe(false);
    await ledger.settle(second, delivered(10));
    expect(await ledger.completeSegment(run, 0)).toBe(true);
  });

  test('a dump of several segments is complete when each is, and one of no segments at once', async () => {
    const { ledger } = open();
    const [full, empty] = [await startDump(ledger), await startDump(ledger)];
    for (const segment of [0, 1, 2]) await ledger.planSegment(full.run, segment, planOf());
    await ledger.endDump(full.run, 'anna', { segments: 3 });
    const answers: boolean[] = [];
    for (const segment of [2, 0, 0, 1]) answers.push(await ledger.completeSegment(full.run, segment));
    expect(answers).toEqual([false, false, false, true]);
    await ledger.endDump(empty.run, 'anna', { segments: 0 });
    expect(await ledger.isComplete(empty.run)).toBe(true);
  });

  test('what still goes on in an older run changes nothing of the newer one', async () => {
    const { ledger } = open();
    const { dump, run } = await startDump(ledger);
    const newer = { ...run, run: 2 };
    expect(await ledger.claim(claimOf(dump, { fingerprint: 'changed' }))).toMatchObject({ run: newer });
    expect(await ledger.saveCheckpoint(run, 'anna', { segment: 1, offset: 1, position: 1 }, 900)).toBe(false);
    expect(await ledger.endDump(run, 'anna', { segments: 1 })).toBe(false);
    await ledger.release(run, 'anna');
    await steps.plan(ledger, run);
    expect(await steps.settle(ledger, run)).toBe(false);
    expect(await ledger.entry(run.dumpId)).toMatchObject({ ...newer, state: 'reading', checkpoint: START });

    await ledger.planSegment(newer, 0, planOf(10));
    expect(await ledger.endDump(newer, 'anna', { segments: 1 })).toBe(true);
    expect(await ledger.isComplete(newer)).toBe(false);
    expect(await ledger.close(run, 500)).toBe(false);
    expect(await ledger.segments(newer)).toMatchObject([{ delivered: 0 }]);
  });

  test('a dump is closed by exactly one of many, once it is read, and its older runs never', async () => {
    const { ledger } = open();
    const { dump, run } = await startDump(ledger);
    expect(await ledger.close(run, 500)).toBe(false);
    await ledger.planSegment(run, 0, planOf());
    await ledger.endDump(run, 'anna', { segments: 1 });
    await ledger.completeSegment(run, 0);
    const answers = await Promise.all(OWNERS.map(() => ledger.close(run, 500)));
    expect(answers.filter(Boolean)).toEqual([true]);
    expect(await ledger.entry(run.dumpId)).toMatchObject({ state: 'closed', finishedAt: 500 });
    expect(await ledger.isComplete(run)).toBe(true);
    expect(await ledger.endDump(run, 'anna', { segments: 1 })).toBe(false);
    expect(await ledger.claim(claimOf(dump))).toEqual({ kind: 'done', run, state: 'closed' });

    await ledger.claim(claimOf(dump, { again: 'try 2' }));
    expect(await ledger.completeSegment(run, 0)).toBe(false);
    expect(await ledger.isComplete(run)).toBe(false);
    expect(await ledger.close(run, 600)).toBe(false);
    expect(await ledger.entry(run.dumpId)).toEqual(expect.not.objectContaining({ finishedAt: 500 }));
  });
}
