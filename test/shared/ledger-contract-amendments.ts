/** What every ledger must do when the rejects of a closed dump are run again: an attempt counts whole, once, or not at all. */
import { expect, test } from 'vitest';
import { type Amendment, segmentOfAttempt } from '../../shared/amendment.ts';
import { sumBooks } from '../../shared/books.ts';
import type { Dump, Run } from '../../shared/dump.ts';
import type { Ledger, SegmentPlan } from '../../shared/ledger.ts';
import type { LedgerUnderTest } from './ledger-contract.ts';
import { chunkOf, claimOf, delivered, OWNERS, planOf, startDump } from './ledger-fixtures.ts';

/** The one unusable record of `planOf` is mapped after all, to two events. */
const MENDED: SegmentPlan = {
  read: 0,
  filtered: 0,
  unusable: -1,
  mapped: 1,
  events: 2,
  refused: 0,
  chunks: 1,
  reasons: { 'no event_type': -1 },
};

const CLOSED = { read: 13, filtered: 2, unusable: 1, mapped: 10, events: 10, delivered: 10, inFlight: 0 };
const AMENDED = { read: 13, filtered: 2, unusable: 0, mapped: 11, events: 12, delivered: 10, inFlight: 2 };

/** Of one segment with one chunk of ten events and one unusable record. */
async function closeDump(ledger: Ledger): Promise<{ dump: Dump; run: Run }> {
  const { dump, run } = await startDump(ledger);
  await ledger.planSegment(run, 0, planOf(10));
  await ledger.settle(chunkOf(run, 0, 0), delivered(10));
  await ledger.endDump(run, 'anna', { segments: 1 });
  await ledger.completeSegment(run, 0);
  expect(await ledger.close(run, 500)).toBe(true);
  return { dump, run };
}

function throughAt(attempt: number, at = 700): Amendment {
  return { attempt, segments: 1, at };
}

/** The number of the attempt. */
const begin = async (ledger: Ledger, run: Run, now: number) =>
  (await ledger.beginAmendment(run, now))?.amending?.attempt;
const booksOf = async (ledger: Ledger, run: Run) => sumBooks(await ledger.segments(run));

export function testAmendments(open: () => LedgerUnderTest): void {
  test('an amendment counts nothing until it is through, then all of it, and the dump is closed once more', async () => {
    const { ledger } = open();
    const { run } = await closeDump(ledger);
    expect(await begin(ledger, run, 600)).toBe(1);
    const segment = segmentOfAttempt(1, 0);
    const unit = chunkOf(run, segment, 0, 2);
    expect(await ledger.unitState(unit)).toBe('open');
    await ledger.planSegment(run, segment, MENDED);
    expect(await booksOf(ledger, run)).toMatchObject({ ...CLOSED, reasons: { 'no event_type': 1 } });
    expect(await ledger.entry(run.dumpId)).toMatchObject({ state: 'closed', finishedAt: 500 });
    expect(await ledger.completeSegment(run, segment)).toBe(false);

    expect(await ledger.amend(run, throughAt(1))).toBe(true);
    expect(await booksOf(ledger, run)).toMatchObject({ ...AMENDED, reasons: {} });
    const entry = await ledger.entry(run.dumpId);
    expect(entry).toMatchObject({ state: 'read', segments: 1, amendments: [throughAt(1)] });
    expect(entry).toEqual(expect.not.objectContaining({ finishedAt: 500 }));
    expect(entry?.amending).toBeUndefined();
    expect(await ledger.isComplete(run)).toBe(false);

    await ledger.settle(unit, delivered(2));
    expect(await ledger.completeSegment(run, segment)).toBe(true);
    expect(await ledger.close(run, 800)).toBe(true);
    expect(await ledger.entry(run.dumpId)).toMatchObject({ state: 'closed', finishedAt: 800 });
    expect(await booksOf(ledger, run)).toMatchObject({ ...AMENDED, delivered: 12, inFlight: 0 });
  });

  test('what is settled before an amendment is through counts with it, and is complete at once', async () => {
    const { ledger } = open();
    const { run } = await closeDump(ledger);
    await ledger.beginAmendment(run, 600);
    const segment = segmentOfAttempt(1, 0);
    await ledger.settle(chunkOf(run, segment, 0, 2), delivered(2));
    expect(await booksOf(ledger, run)).toMatchObject(CLOSED);
    await ledger.planSegment(run, segment, MENDED);
    expect(await ledger.completeSegment(run, segment)).toBe(true);
    expect(await ledger.close(run, 650)).toBe(false);
    await ledger.amend(run, throughAt(1));
    expect(await ledger.isComplete(run)).toBe(true);
    expect(await booksOf(ledger, run)).toMatchObject({ ...AMENDED, delivered: 12, inFlight: 0 });
  });

  test('a later attempt gives up the one before: its chunks are superseded, and it counts nowhere', async () => {
    const { ledger } = open();
    const { run } = await closeDump(ledger);
    expect(await begin(ledger, run, 600)).toBe(1);
    const [first, second] = [segmentOfAttempt(1, 0), segmentOfAttempt(2, 0)];
    await ledger.planSegment(run, first, MENDED);
    await ledger.settle(chunkOf(run, first, 0, 2), delivered(2));
    await ledger.completeSegment(run, first);
    expect(await begin(ledger, run, 650)).toBe(2);
    expect(await ledger.entry(run.dumpId)).toMatchObject({ amending: { attempt: 2, since: 600 } });
    expect(await ledger.unitState(chunkOf(run, first, 1, 2))).toBe('superseded');
    expect(await ledger.amend(run, throughAt(1))).toBe(false);
    await ledger.planSegment(run, second, MENDED);
    expect(await ledger.amend(run, throughAt(2))).toBe(true);
    expect(await ledger.amend(run, throughAt(2))).toBe(false);
    expect(await booksOf(ledger, run)).toMatchObject(AMENDED);
    expect(await ledger.isComplete(run)).toBe(false);
  });

  test('a dump may be amended again, behind the attempts there were', async () => {
    const { ledger } = open();
    const { run } = await closeDump(ledger);
    for (const attempt of [1, 2]) {
      expect(await begin(ledger, run, 600)).toBe(attempt);
      const segment = segmentOfAttempt(attempt, 0);
      await ledger.planSegment(run, segment, { ...MENDED, unusable: 0, mapped: 0, events: 0, chunks: 0, reasons: {} });
      await ledger.completeSegment(run, segment);
      expect(await ledger.amend(run, throughAt(attempt))).toBe(true);
      expect(await ledger.isComplete(run)).toBe(true);
      expect(await ledger.close(run, 900)).toBe(true);
    }
    expect(await ledger.entry(run.dumpId)).toMatchObject({ amendments: [throughAt(1), throughAt(2)] });
    expect(await booksOf(ledger, run)).toMatchObject(CLOSED);
  });

  test('of many at once exactly one amends a dump', async () => {
    const { ledger } = open();
    const { run } = await closeDump(ledger);
    const attempts = await Promise.all(OWNERS.map(() => begin(ledger, run, 600)));
    expect(new Set(attempts)).toEqual(new Set([1, 2, 3, 4, 5]));
    const answers = await Promise.all(attempts.map((attempt = 0) => ledger.amend(run, throughAt(attempt))));
    expect(answers.filter(Boolean)).toEqual([true]);
    expect((await ledger.entry(run.dumpId))?.amendments).toEqual([throughAt(5)]);
  });

  test('a dump that is not closed, that is unknown, or that is read again cannot be amended', async () => {
    const { ledger } = open();
    const { run: reading } = await startDump(ledger);
    expect(await ledger.beginAmendment(reading, 600)).toBeUndefined();
    expect(await ledger.beginAmendment({ dumpId: 'never seen', run: 1 }, 600)).toBeUndefined();
    const { dump, run } = await closeDump(ledger);
    expect(await ledger.amend(run, throughAt(1))).toBe(false);
    expect(await begin(ledger, run, 600)).toBe(1);
    await ledger.claim(claimOf(dump, { again: 'try 2' }));
    expect(await ledger.amend(run, throughAt(1))).toBe(false);
    expect(await ledger.beginAmendment(run, 600)).toBeUndefined();
    const newer = await ledger.entry(run.dumpId);
    expect(newer).toMatchObject({ run: 2, state: 'reading' });
    expect(newer?.amending).toBeUndefined();
  });
}
