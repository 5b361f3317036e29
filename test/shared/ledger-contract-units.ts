/** What every ledger must do with the units of a dump: chunks, and the remainders of them that were parked. */
import { expect, test } from 'vitest';
import { sumBooks } from '../../shared/books.ts';
import type { Ledger, UnitRef } from '../../shared/ledger.ts';
import type { LedgerUnderTest } from './ledger-contract.ts';
import { chunkOf, claimOf, delivered, OWNERS, parked, planOf, remainderOf, startDump } from './ledger-fixtures.ts';

export function testUnits(open: () => LedgerUnderTest): void {
  test('a chunk is booked exactly once, however often and however many at once say so', async () => {
    const { ledger } = open();
    const { run } = await startDump(ledger);
    const unit = chunkOf(run, 0, 0);
    const answers = await Promise.all(OWNERS.map(() => ledger.settle(unit, delivered(10))));
    expect(answers.sort()).toEqual(['repeat', 'repeat', 'repeat', 'repeat', 'settled']);
    expect(await ledger.settle(unit, parked('0-1', { delivered: 3, refused: 3, parked: 4 }))).toBe('repeat');
    const counts = { delivered: 10, refused: 0, parked: 0, dead: 0, requests: 1, reasons: {} };
    expect(await ledger.segments(run)).toEqual([counts]);
  });

  test('a chunk may be settled before its segment is planned, and a plan booked twice counts once', async () => {
    const { ledger } = open();
    const { run } = await startDump(ledger);
    await ledger.settle(chunkOf(run, 1, 0), parked('0-1', { delivered: 3, refused: 5, parked: 2 }));
    await ledger.settle(chunkOf(run, 1, 1, 7), parked('1-1', { delivered: 0, refused: 6, parked: 1 }));
    const plan = { ...planOf(10, 7), firstTime: -9e300, lastTime: 1.5 };
    for (const segment of [1, 0, 1]) await ledger.planSegment(run, segment, plan);
    const counts = { delivered: 3, refused: 11, parked: 3, dead: 0, requests: 4, reasons: { 'invalid time': 11 } };
    const nothing = { delivered: 0, refused: 0, parked: 0, dead: 0, requests: 0, reasons: {} };
    expect(await ledger.segments(run)).toEqual([
      { plan, ...nothing },
      { plan, ...counts },
    ]);
  });

  test('a unit is open until it is dead or settled, and superseded once a newer run starts', async () => {
    const { ledger } = open();
    const { dump, run } = await startDump(ledger);
    const [first, second] = [chunkOf(run, 0, 0), chunkOf(run, 0, 1)];
    await ledger.settle(first, delivered(10));
    await ledger.bookDead(second, 'no answer');
    expect(await statesOf(ledger, first, second)).toEqual(['settled', 'dead']);
    await ledger.claim(claimOf(dump, { fingerprint: 'changed' }));
    expect(await statesOf(ledger, first, second)).toEqual(['superseded', 'superseded']);
    expect(await ledger.unitState(chunkOf({ ...run, run: 2 }, 0, 0))).toBe('open');
    expect(await ledger.unitState(chunkOf({ dumpId: 'never seen', run: 1 }, 0, 0))).toBe('open');
  });

  test('a dead chunk is booked once, back when it is replayed, and for good when it is settled after all', async () => {
    const { ledger } = open();
    const { run } = await startDump(ledger);
    const unit = chunkOf(run, 0, 0);
    const deadNow = async () => (await ledger.segments(run))[0]?.dead;
    await ledger.bookReplayed(unit);
    expect(await ledger.segments(run)).toEqual([]);
    for (const reason of ['no answer', 'no answer']) await ledger.bookDead(unit, reason);
    expect(await deadNow()).toBe(10);
    for (const replayed of [unit, unit]) await ledger.bookReplayed(replayed);
    expect(await deadNow()).toBe(0);
    await ledger.bookDead(unit, 'no answer again');
    expect(await ledger.settle(unit, delivered(10))).toBe('settled');
    await ledger.bookDead(unit, 'too late');
    await ledger.bookReplayed(unit);
    expect(await ledger.segments(run)).toMatchObject([{ delivered: 10, dead: 0 }]);
  });

  test('tries are counted for each unit by itself, and anew once it was dead', async () => {
    const { ledger } = open();
    const { run } = await startDump(ledger);
    const [first, second] = [chunkOf(run, 0, 0), chunkOf(run, 0, 1)];
    const counts = [];
    for (const unit of [first, first, second, first]) counts.push(await ledger.countTry(unit));
    expect(counts).toEqual([1, 2, 1, 3]);
    expect(await ledger.unitState(first)).toBe('open');
    await ledger.bookReplayed(first); // not dead: nothing changes
    expect(await ledger.countTry(first)).toBe(4);
    await ledger.bookDead(first, 'no answer');
    expect(await ledger.countTry(first)).toBe(5);
    await ledger.bookReplayed(first);
    expect([await ledger.countTry(first), await ledger.countTry(second)]).toEqual([1, 2]);
    const remainder = remainderOf(first, '0-1', 4);
    await ledger.settle(first, parked('0-1', { delivered: 6, refused: 0, parked: 4 }));
    expect([await ledger.countTry(remainder), await ledger.countTry(remainder)]).toEqual([1, 2]);
    expect(await ledger.segments(run)).toMatchObject([{ delivered: 6, parked: 4, dead: 0, requests: 2 }]);
  });

  test('tries at the same time are each counted', async () => {
    const { ledger } = open();
    const { run } = await startDump(ledger);
    const counts = await Promise.all(OWNERS.map(() => ledger.countTry(chunkOf(run, 0, 0))));
    expect(counts.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
  });

  test('a settlement that does not account for every event once is refused', async () => {
    const { ledger } = open();
    const { run } = await startDump(ledger);
    const wrong = [delivered(9), { ...delivered(6), parked: 4 }, { ...delivered(10), parkedUnit: '0-1' }];
    for (const settlement of wrong) {
      await expect(ledger.settle(chunkOf(run, 0, 0), settlement)).rejects.toThrow('does not add up');
    }
    expect(await ledger.segments(run)).toEqual([]);
  });

  test('a remainder waits for its parent, is open once it is settled, and booked once', async () => {
    const { ledger } = open();
    const { run } = await startDump(ledger);
    const chunk = chunkOf(run, 0, 0);
    const [remainder, lost] = [remainderOf(chunk, '0-2', 4), remainderOf(chunk, '0-1', 5)];
    expect(await statesOf(ledger, remainder, lost)).toEqual(['not-yet', 'not-yet']);
    expect(await ledger.settle(remainder, delivered(4))).toBe('repeat');
    await ledger.bookDead(remainder, 'too early');
    expect(await ledger.segments(run)).toEqual([]);

    await ledger.settle(chunk, parked('0-2', { delivered: 5, refused: 1, parked: 4 }));
    expect(await statesOf(ledger, remainder, lost)).toEqual(['open', 'settled']);
    expect(await ledger.settle(lost, delivered(5))).toBe('repeat');
    const rest = remainderOf(remainder, '0-3', 1);
    expect(await ledger.settle(remainder, parked('0-3', { delivered: 2, refused: 1, parked: 1 }))).toBe('settled');
    expect(await ledger.settle(remainder, delivered(4))).toBe('repeat');
    expect(await statesOf(ledger, remainder, rest, remainderOf(remainder, '0-4', 2))).toEqual([
      'settled',
      'open',
      'settled',
    ]);
    const counts = { delivered: 7, refused: 2, parked: 1, dead: 0, requests: 4, reasons: { 'invalid time': 2 } };
    expect(await ledger.segments(run)).toEqual([counts]);
  });

  test('a dead remainder is no longer parked, and parked again when it is replayed', async () => {
    const { ledger } = open();
    const { run } = await startDump(ledger);
    const chunk = chunkOf(run, 0, 0);
    const remainder = remainderOf(chunk, '0-1', 4);
    await ledger.settle(chunk, parked('0-1', { delivered: 6, refused: 0, parked: 4 }));
    for (const reason of ['still throttled', 'still throttled']) await ledger.bookDead(remainder, reason);
    expect(await ledger.segments(run)).toMatchObject([{ delivered: 6, parked: 0, dead: 4 }]);
    await ledger.bookReplayed(remainder);
    expect(await ledger.segments(run)).toMatchObject([{ delivered: 6, parked: 4, dead: 0 }]);
    await ledger.bookDead(remainder, 'still throttled');
    expect(await ledger.settle(remainder, parked('0-2', { delivered: 1, refused: 0, parked: 3 }))).toBe('settled');
    expect(await ledger.segments(run)).toMatchObject([{ delivered: 7, parked: 3, dead: 0 }]);
  });

  test('the books close whatever happens to a unit at the same time', async () => {
    const { ledger } = open();
    const { run } = await startDump(ledger);
    await ledger.planSegment(run, 0, planOf(10, 10, 10, 10));
    const units = [0, 1, 2, 3].map((unit) => chunkOf(run, 0, unit));
    const settled = await Promise.all(
      units.flatMap((unit) => [
        ledger.bookDead(unit, 'no answer'),
        ledger.settle(unit, delivered(10)),
        ledger.bookReplayed(unit),
        ledger.settle(unit, delivered(10)),
        ledger.bookDead(unit, 'no answer'),
      ]),
    );
    expect(settled.filter((answer) => answer === 'settled')).toHaveLength(4);
    expect(sumBooks(await ledger.segments(run))).toMatchObject({ delivered: 40, dead: 0, inFlight: 0 });
  });
}

function statesOf(ledger: Ledger, ...units: readonly UnitRef[]) {
  return Promise.all(units.map((unit) => ledger.unitState(unit)));
}
