/** Both ledgers keep the same books, and both as the plainest one would. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Item, placeholders } from '../../shared/aws/dynamo-values.ts';
import { dynamoLedger } from '../../shared/aws/ledger.ts';
import { dumpKey, sourceKey } from '../../shared/aws/ledger-table.ts';
import { embeddedLedger } from '../../shared/embedded/ledger.ts';
import { EMPTY_LINE, type Ledger, START } from '../../shared/ledger.ts';
import { type LedgerDatabase, startDynalite } from '../dynalite.ts';
import { ledgerContract } from './ledger-contract.ts';
import { chunkOf, claimOf, delivered, newDump, planOf, startDump } from './ledger-fixtures.ts';
import { modelLedger } from './ledger-model.ts';
import { live, type Schedule, schedules } from './ledger-schedule.ts';
import { runs } from '../runs.ts';

const NOW = 1_700_000_000_000;

let dynalite: LedgerDatabase;
beforeAll(async () => {
  dynalite = await startDynalite();
});
afterAll(() => dynalite.stop());

const dynamo = (client: DynamoDBClient = dynalite.client) =>
  dynamoLedger(client, dynalite.table, { retentionDays: 30, now: () => NOW });

describe('embedded', () => {
  ledgerContract(() => {
    const db = new DatabaseSync(':memory:');
    const makeNewer = async () => {
      for (const table of ['dumps', 'segments', 'lines'])
        db.exec(`UPDATE ledger_${table} SET item = json_set(item, '$.v', 2)`);
    };
    return { ledger: embeddedLedger(db), makeNewer, makeLineNewer: makeNewer };
  });

  test('whoever only looks may do so beside the importer', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ledger-'));
    const file = join(directory, 'state.sqlite');
    const written = new DatabaseSync(file);
    const { run } = await startDump(embeddedLedger(written));
    const looked = new DatabaseSync(file, { readOnly: true });
    expect(await embeddedLedger(looked).entry(run.dumpId)).toMatchObject({ ...run, state: 'reading' });
    for (const db of [looked, written]) db.close();
    rmSync(directory, { recursive: true });
  });

  test('random lives of a dump: the books close at every moment, as they would at their plainest', async () => {
    const lives = fc.asyncProperty(schedules, (schedule) =>
      agree(schedule, embeddedLedger(new DatabaseSync(':memory:'))),
    );
    await fc.assert(lives, { numRuns: runs(400) });
  });
});

describe('dynamo', () => {
  ledgerContract(() => ({
    ledger: dynamo(),
    makeNewer: (id) => markNewer(dumpKey(id).pk),
    makeLineNewer: (source) => markNewer(sourceKey(source, 'line').pk),
  }));

  test('random lives of a dump: the books close at every moment, as they would at their plainest', async () => {
    await fc.assert(
      fc.asyncProperty(schedules, (schedule) => agree(schedule, dynamo())),
      { numRuns: runs(20) },
    );
  });

  test('a write whose answer got lost on the way, and that the client sends again, counts once', async () => {
    const client = dynalite.connect();
    client.middlewareStack.add(sendTwice, { step: 'finalizeRequest', priority: 'low' });
    const ledger = dynamo(client);
    const { dump, run } = await startDump(ledger);
    expect(await ledger.claim(claimOf(dump))).toEqual({ kind: 'claimed', run, checkpoint: START });
    expect(await ledger.saveCheckpoint(run, 'anna', START, 300)).toBe(true);
    await ledger.planSegment(run, 0, planOf(10, 5));
    await ledger.bookDead(chunkOf(run, 0, 1, 5), 'no answer');
    await ledger.bookReplayed(chunkOf(run, 0, 1, 5));
    await ledger.settle(chunkOf(run, 0, 0), delivered(10));
    await ledger.settle(chunkOf(run, 0, 1, 5), delivered(5));
    expect(await ledger.endDump(run, 'anna', { segments: 1 })).toBe(true);
    expect(await ledger.completeSegment(run, 0)).toBe(true);
    expect(await ledger.segments(run)).toMatchObject([{ delivered: 15, dead: 0, requests: 2 }]);
    expect(await ledger.close(run, 500)).toBe(true);
    for (const waiting of [[], [{ id: 'a', key: 'a', since: 1, nextAt: 2, lapsesAt: 3 }]]) {
      const { rev } = await ledger.line('sent twice');
      expect(await ledger.saveLine('sent twice', { changedAt: 1, waiting }, rev)).toBe(true);
    }
    expect(await ledger.beginAmendment(run, 600)).toMatchObject({ amending: { attempt: 1, since: 600 } });
    expect(await ledger.amend(run, { attempt: 1, segments: 0, at: 700 })).toBe(true);
    expect(await ledger.close(run, 800)).toBe(true);
    client.destroy();
  });

  test('every item is forgotten some days after it was last written', async () => {
    const ledger = dynamo();
    const { run } = await startDump(ledger);
    await ledger.settle(chunkOf(run, 0, 0), delivered(10));
    expect(await ledger.saveLine('forgotten', EMPTY_LINE, undefined)).toBe(true);
    const items = [...(await itemsOf(dumpKey(run.dumpId).pk)), ...(await itemsOf(sourceKey('forgotten', 'line').pk))];
    const expiresAt = NOW / 1_000 + 30 * 86_400;
    expect(items.map((item) => Number(item.expiresAt?.N))).toEqual([expiresAt, expiresAt, expiresAt]);
  });

  test('a dump of many segments is read page by page, in order', async () => {
    const ledger = dynamo();
    const { run } = await startDump(ledger);
    const reasons = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`reason ${index}`.padEnd(400), 1]));
    const plans = Array.from({ length: 12 }, (_, segment) => ({ ...planOf(segment), reasons }));
    await Promise.all(plans.map((plan, segment) => ledger.planSegment(run, segment, plan)));
    expect((await ledger.segments(run)).map(({ plan }) => plan?.events)).toEqual([...plans.keys()]);
  });
});

/** Lives the schedule on both, and compares everything they said. */
async function agree(schedule: Schedule, ledger: Ledger): Promise<void> {
  const dump = newDump();
  expect(await live(ledger, dump, schedule)).toEqual(await live(modelLedger(), dump, schedule));
}

async function itemsOf(pk: string): Promise<Item[]> {
  const condition = '#pk = :pk';
  const query = { KeyConditionExpression: condition, ...placeholders([condition], { pk }) };
  const answer = await dynalite.client.send(new QueryCommand({ TableName: dynalite.table, ...query }));
  return answer.Items ?? [];
}

async function markNewer(pk: string): Promise<void> {
  for (const item of await itemsOf(pk)) {
    await dynalite.client.send(new PutItemCommand({ TableName: dynalite.table, Item: { ...item, v: { N: '2' } } }));
  }
}

/** As if the first answer had never come; what the second one says is all the ledger learns. */
function sendTwice<Request, Answer>(next: (request: Request) => Promise<Answer>) {
  return async (request: Request): Promise<Answer> => {
    await next(request).catch(() => undefined);
    return next(request);
  };
}
