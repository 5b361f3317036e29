/** Both ledgers can be looked into: dumps are listed by state and age, and one is seen whole. */
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { dynamoLedger } from '../../shared/aws/ledger.ts';
import { dynamoLedgerView } from '../../shared/aws/ledger-view.ts';
import type { Dump } from '../../shared/dump.ts';
import { dumpId } from '../../shared/dump.ts';
import { embeddedLedger } from '../../shared/embedded/ledger.ts';
import { embeddedLedgerView } from '../../shared/embedded/ledger-view.ts';
import type { DumpState, Ledger } from '../../shared/ledger.ts';
import { LedgerNotIndexed, type LedgerView } from '../../shared/ledger-view.ts';
import { type LedgerDatabase, startDynalite } from '../dynalite.ts';
import { chunkOf, claimOf, delivered, newDump, planOf } from './ledger-fixtures.ts';

type Both = { readonly ledger: Ledger; readonly view: LedgerView };

let dynalite: LedgerDatabase;
beforeAll(async () => {
  dynalite = await startDynalite();
});
afterAll(() => dynalite.stop());

/** Later than anything else in these tests, a second for each write. */
let clock = 0;
const now = () => (clock += 1_000);
beforeEach(() => {
  clock = 1_700_000_000_000;
});

const ENGINES: readonly [string, () => Both][] = [
  [
    'embedded',
    () => {
      const db = new DatabaseSync(':memory:');
      return { ledger: embeddedLedger(db, now), view: embeddedLedgerView(db) };
    },
  ],
  [
    'DynamoDB',
    () => ({
      ledger: dynamoLedger(dynalite.client, dynalite.table, { retentionDays: 30, now }),
      view: dynamoLedgerView(dynalite.client, dynalite.table),
    }),
  ],
];

/** In this state, begun then. */
async function have({ ledger }: Both, state: DumpState, startedAt: number): Promise<Dump> {
  const dump = newDump();
  const run = { dumpId: dumpId(dump), run: 1 };
  await ledger.claim(claimOf(dump, { now: startedAt, leaseUntil: startedAt + 500 }));
  if (state === 'reading') return dump;
  await ledger.endDump(run, 'anna', { segments: 0 });
  if (state === 'closed') await ledger.close(run, startedAt + 10);
  return dump;
}

describe.each(ENGINES)('%s', (_, open) => {
  test('dumps are listed by state and since when, the newest first', async () => {
    const both = open();
    const closed = [
      await have(both, 'closed', 1_000),
      await have(both, 'closed', 3_000),
      await have(both, 'closed', 2_000),
    ];
    const reading = await have(both, 'reading', 10);
    const ids = async (state: DumpState, since: number) =>
      (await Array.fromAsync(both.view.list(state, since))).map(({ dump }) => dump.key);
    expect(await ids('closed', 2_000)).toEqual([closed[1]?.key, closed[2]?.key]);
    expect(await ids('closed', 0)).toEqual([closed[1]?.key, closed[2]?.key, closed[0]?.key]);
    expect(await ids('reading', 0)).toEqual([reading.key]);
    expect(await ids('read', 0)).toEqual([]);
    const [listed] = await Array.fromAsync(both.view.list('reading', 0));
    const id = dumpId(reading);
    expect(listed).toEqual({ dumpId: id, run: 1, dump: reading, source: 'web', state: 'reading', startedAt: 10 });
    // The next test shares the table.
    await both.ledger.endDump({ dumpId: id, run: 1 }, 'anna', { segments: 0 });
  });

  test('a dump is seen with its lease, its segments by number, and when any of it was last written', async () => {
    const both = open();
    const dump = await have(both, 'reading', 10);
    const run = { dumpId: dumpId(dump), run: 1 };
    await both.ledger.planSegment(run, 0, planOf(10, 5));
    await both.ledger.bookDead(chunkOf(run, 0, 1, 5), 'HTTP 400');
    await both.ledger.settle(chunkOf(run, 0, 0, 10), delivered(10));
    const last = clock;
    const view = await both.view.view(run.dumpId);
    expect(view).toMatchObject({
      entry: { ...run, state: 'reading' },
      leaseUntil: 510,
      segments: [[0, { delivered: 10, dead: 5, lastFailure: { reason: 'HTTP 400' } }]],
      changedAt: last,
    });
    await both.ledger.saveCheckpoint(run, 'anna', { segment: 1, offset: 1, position: 1 }, 900);
    expect((await both.view.view(run.dumpId))?.changedAt).toBeGreaterThan(last);
  });

  test('of an amendment that is not through, nothing is seen', async () => {
    const both = open();
    const dump = await have(both, 'closed', 10);
    const run = { dumpId: dumpId(dump), run: 1 };
    await both.ledger.beginAmendment(run, 20);
    await both.ledger.planSegment(run, 1_000_000, planOf(3));
    expect((await both.view.view(run.dumpId))?.segments).toEqual([]);
  });

  test('a dump that nobody ever claimed is not there', async () => {
    expect(await open().view.view('0123456789abcdef0123')).toBeUndefined();
  });
});

test('a table of an earlier release, without the index, says that it cannot list', async () => {
  const old = await startDynalite('old', { indexed: false });
  const view = dynamoLedgerView(old.client, old.table);
  await expect(Array.fromAsync(view.list('closed', 0))).rejects.toThrow(LedgerNotIndexed);
  const ledger = dynamoLedger(old.client, old.table, { retentionDays: 30 });
  const dump = newDump();
  await ledger.claim(claimOf(dump));
  expect(await view.view(dumpId(dump))).toMatchObject({ entry: { state: 'reading' } });
  await old.stop();
});
