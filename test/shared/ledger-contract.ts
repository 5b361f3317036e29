/** What every ledger must do, whatever it is built on. */
import { expect, test } from 'vitest';
import { type Ledger, START } from '../../shared/ledger.ts';
import { testAmendments } from './ledger-contract-amendments.ts';
import { testCompletion } from './ledger-contract-completion.ts';
import { testLines } from './ledger-contract-lines.ts';
import { testUnits } from './ledger-contract-units.ts';
import { chunkOf, claimOf, delivered, newDump, OWNERS, planOf, startDump } from './ledger-fixtures.ts';

export type LedgerUnderTest = {
  readonly ledger: Ledger;
  /** Marks the items of a dump as written by the next version. */
  makeNewer(dumpId: string): Promise<void>;
  /** Likewise the line of a source. */
  makeLineNewer(source: string): Promise<void>;
};

/** `open` is called in each test; it may hand out the same ledger again. */
export function ledgerContract(open: () => LedgerUnderTest): void {
  testClaims(open);
  testUnits(open);
  testCompletion(open);
  testLines(open);
  testAmendments(open);
}

function testClaims(open: () => LedgerUnderTest): void {
  test('of many readers at once exactly one gets a dump', async () => {
    const { ledger } = open();
    const dump = newDump();
    const answers = await Promise.all(OWNERS.map((owner) => ledger.claim(claimOf(dump, { owner }))));
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['busy', 'busy', 'busy', 'busy', 'claimed']);
  });

  test.each([
    ['whose lease has run out', {}],
    ['that is asked for again', { again: 'try 2' }],
  ])('of many readers at once exactly one gets a dump %s', async (_which, changes) => {
    const { ledger } = open();
    const { dump } = await startDump(ledger);
    const requests = OWNERS.slice(1).map((owner) => claimOf(dump, { owner, now: 200, leaseUntil: 300, ...changes }));
    const answers = await Promise.all(requests.map((request) => ledger.claim(request)));
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['busy', 'busy', 'busy', 'claimed']);
  });

  test('a lease that has run out is taken over at the checkpoint, and its former owner must stop', async () => {
    const { ledger } = open();
    const { dump, run } = await startDump(ledger);
    const checkpoint = { segment: 3, offset: 4_711, position: 99, receives: 7 };
    expect(await ledger.saveCheckpoint(run, 'anna', checkpoint, 300)).toBe(true);
    expect(await ledger.claim(claimOf(dump, { owner: 'ben', now: 299 }))).toEqual({ kind: 'busy', until: 300 });
    const takeOver = await ledger.claim(claimOf(dump, { owner: 'ben', now: 300, leaseUntil: 400 }));
    expect(takeOver).toEqual({ kind: 'claimed', run, checkpoint });
    expect(await ledger.saveCheckpoint(run, 'anna', START, 500)).toBe(false);
    expect(await ledger.endDump(run, 'anna', { segments: 1 })).toBe(false);
    await ledger.release(run, 'anna');
    expect(await ledger.claim(claimOf(dump, { owner: 'cleo', now: 399 }))).toEqual({ kind: 'busy', until: 400 });
    expect(await ledger.entry(run.dumpId)).toMatchObject({ checkpoint, state: 'reading', startedAt: 100 });
  });

  test('a lease that was freed is free at once', async () => {
    const { ledger } = open();
    const { dump, run } = await startDump(ledger);
    await ledger.release(run, 'anna');
    expect(await ledger.saveCheckpoint(run, 'anna', START, 500)).toBe(false);
    expect(await ledger.claim(claimOf(dump, { owner: 'ben' }))).toMatchObject({ kind: 'claimed', run });
  });

  test('a dump that is read is done, and asked for again it starts anew, once per request', async () => {
    const { ledger } = open();
    const { dump, run } = await startDump(ledger);
    await ledger.planSegment(run, 0, planOf(10));
    expect(await ledger.endDump(run, 'anna', { segments: 1, failure: 'bad gzip' })).toBe(true);
    expect(await ledger.endDump(run, 'anna', { segments: 2 })).toBe(false);
    const expected = { ...run, dump, source: 'web', fingerprint: 'f', checkpoint: START, startedAt: 100 };
    expect(await ledger.entry(run.dumpId)).toEqual({ ...expected, state: 'read', segments: 1, failure: 'bad gzip' });
    expect(await ledger.claim(claimOf(dump, { owner: 'ben' }))).toEqual({ kind: 'done', run, state: 'read' });

    const second = { ...run, run: 2 };
    const request = claimOf(dump, { owner: 'ben', again: 'try 2', now: 150 });
    expect(await ledger.claim(request)).toEqual({ kind: 'claimed', run: second, checkpoint: START });
    expect(await ledger.entry(run.dumpId)).toEqual({ ...expected, run: 2, state: 'reading', startedAt: 150 });
    expect(await ledger.segments(second)).toEqual([]);
    expect(await ledger.endDump(second, 'ben', { segments: 0 })).toBe(true);
    expect(await ledger.claim(request)).toEqual({ kind: 'done', run: second, state: 'read' });
  });

  test('an item of a newer version is refused with what to do', async () => {
    const { ledger, makeNewer } = open();
    const { dump, run } = await startDump(ledger);
    const unit = chunkOf(run, 0, 0);
    await ledger.settle(unit, delivered(10));
    await makeNewer(run.dumpId);
    const calls = [
      () => ledger.claim(claimOf(dump)),
      () => ledger.saveCheckpoint(run, 'anna', START, 300),
      () => ledger.planSegment(run, 0, planOf(10)),
      () => ledger.settle(chunkOf(run, 0, 1), delivered(10)),
      () => ledger.bookDead(chunkOf(run, 0, 1), 'no answer'),
      () => ledger.countTry(chunkOf(run, 0, 1)),
      () => ledger.unitState(unit),
      () => ledger.segments(run),
    ];
    for (const call of calls)
      await expect(call()).rejects.toThrow('has version 2; this code reads versions up to 1: deploy a newer one');
  });
}
