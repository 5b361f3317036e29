/** What any released version wrote is read by this one: messages on the queues, ledger items half-way, receipts, rejects. */
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync } from 'node:zlib';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, onTestFinished, test } from 'vitest';
import { chunkDump } from '../lambdas/chunker/chunk-dump.ts';
import { readNotification } from '../lambdas/chunker/notification.ts';
import { takeChunk } from '../lambdas/uploader/take-chunk.ts';
import type { Item } from '../shared/aws/dynamo-values.ts';
import { dynamoLedger } from '../shared/aws/ledger.ts';
import { sumBooks } from '../shared/books.ts';
import { decodeChunkHeader } from '../shared/chunk.ts';
import { dumpId } from '../shared/dump.ts';
import { embeddedLedger } from '../shared/embedded/ledger.ts';
import type { Ledger } from '../shared/ledger.ts';
import type { Receipt } from '../shared/receipt.ts';
import { parseReject } from '../shared/rejects.ts';
import { startDynalite } from './dynalite.ts';
import { RECORDED_DUMP, RECORDED_LINES, RECORDED_VERSIONS, recorded } from './fixtures/recorded.ts';
import { openChunker } from './lambdas/chunker/chunker.ts';
import { openUploader } from './lambdas/uploader/uploader.ts';
import { start } from './lambdas/uploader/with-simulator.ts';
import { receiveAll } from './shared/queue-fixtures.ts';

const RUN = { dumpId: dumpId(RECORDED_DUMP), run: 1 };
const RECEIVED = { receives: 2, maxTries: 50, sentAt: 0, group: 'lane-0' };

test('there is a record of every released version', async () => {
  const { default: pack } = await import('../package.json', { with: { type: 'json' } });
  expect(RECORDED_VERSIONS).toContain(pack.version);
});

describe.each(RECORDED_VERSIONS)('what version %s wrote', (version) => {
  const textOf = (name: string) => recorded(version, name).toString();
  const chunks = () => JSON.parse(textOf('chunks.json')) as string[];

  const ENGINES: Readonly<Record<string, () => Promise<Ledger>>> = {
    embedded: async () => embeddedLedger(sqliteWith(JSON.parse(textOf('ledger.sqlite.json')) as Rows)),
    dynamo: () => dynamoWith(JSON.parse(textOf('ledger.dynamodb.json')) as Item[]),
  };

  test.each(Object.keys(ENGINES))(
    'is imported to the end: chunks, a parked one, a dead one and a checkpoint (%s)',
    async (engine) => {
      const ledger = await (ENGINES[engine] ?? expect.fail)();
      const before = sumBooks(await ledger.segments(RUN));
      expect(before).toMatchObject({
        read: 30,
        unusable: 1,
        events: 29,
        delivered: 6,
        refused: 1,
        parked: 2,
        dead: 10,
        inFlight: 10,
      });

      const { uploader } = await start();
      const ports = { ...uploader.ports, ledger, deadLetters: uploader.deadLetters.upload };
      const take = (body: string) => takeChunk(body, RECEIVED, ports);
      const [first = '', second = '', third = ''] = chunks();
      await take(first);
      expect(uploader.logs.at(-1)).toMatchObject({ message: 'chunk skipped', reason: 'settled' });
      const { segment, events } = decodeChunkHeader(third);
      await ledger.bookReplayed({ ...RUN, segment, unit: '0', events });
      for (const body of [second, third, textOf('parked-chunk.txt')]) {
        await take(body);
        expect(uploader.logs.at(-1)).toMatchObject({ message: 'chunk settled' });
      }

      const chunker = openChunker(RECORDED_LINES, { dump: RECORDED_DUMP });
      const outcome = await chunkDump(chunker.request, { ...chunker.ports, ledger });
      expect(outcome).toMatchObject({ kind: 'read', run: RUN, read: 10, chunks: 1 });
      for (const { body } of await receiveAll(chunker.uploads)) await take(body);
      expect(uploader.receipts).toMatchObject([
        { state: 'complete', read: 40, delivered: 38, refused: 1, rejected: 2 },
      ]);
    },
  );

  test.each(Object.keys(ENGINES))(
    'is begun anew where code or configuration is another by now (%s)',
    async (engine) => {
      const ledger = await (ENGINES[engine] ?? expect.fail)();
      const chunker = openChunker(RECORDED_LINES, { dump: RECORDED_DUMP, fingerprint: 'another' });
      const outcome = await chunkDump(chunker.request, { ...chunker.ports, ledger });
      expect(outcome).toMatchObject({ kind: 'read', run: { ...RUN, run: 2 }, read: 40 });
      expect(await ledger.unitState({ ...RUN, segment: 1, unit: '0', events: 10 })).toBe('superseded');
    },
  );

  test.each(Object.keys(ENGINES))('is the line of a source that takes its dumps in order (%s)', async (engine) => {
    const ledger = await (ENGINES[engine] ?? expect.fail)();
    const { line } = await ledger.line('ordered');
    expect(line).toMatchObject({ open: { key: 'day' }, waiting: [{ key: 'later.ndjson' }] });
  });

  test('are messages that name a dump', () => {
    const asked = readNotification(textOf('intake-import.json'));
    expect(asked).toEqual([{ dump: RECORDED_DUMP, source: 'web', again: 'once' }]);
    expect(readNotification(textOf('intake-s3.json'))).toEqual([{ dump: RECORDED_DUMP }]);
  });

  test('is a receipt and a rejects file', () => {
    const receipt = JSON.parse(textOf('receipt.json')) as Receipt;
    expect(receipt).toMatchObject({ ...RUN, state: 'incomplete', read: 30, finishedAt: null });
    const [line = ''] = gunzipSync(recorded(version, 'rejects.ndjson.gz')).toString().split('\n');
    expect(parseReject(line)).toMatchObject({
      kind: 'unusable',
      position: 1,
      bytes: Buffer.from('{"user_id":"nobody"}'),
    });
  });
});

describe('what a newer version wrote is an error that says what to do, and stays where it is', () => {
  test('a chunk', async () => {
    const [chunk = ''] = JSON.parse(recorded('0.1.0', 'chunks.json').toString()) as string[];
    const uploader = openUploader({ endpoint: 'http://127.0.0.1:1' });
    const newer = chunk.replace('"v":1', '"v":2');
    const taken = await takeChunk(newer, RECEIVED, { ...uploader.ports, deadLetters: uploader.deadLetters.upload });
    expect(taken).toMatchObject({ kind: 'again', isSettled: false });
    const error = 'chunk has version 2; this code reads version 1: deploy a newer one';
    expect(uploader.logs).toMatchObject([{ level: 'warn', message: 'chunk is tried again', error }]);
    expect(await uploader.deadLetters.upload.size()).toEqual({ visible: 0, hidden: 0 });
  });

  test('an import request', () => {
    const newer = recorded('0.1.0', 'intake-import.json').toString().replace('"v":1', '"v":2');
    expect(() => readNotification(newer)).toThrow('version 2; this code reads version 1: deploy a newer one');
  });

  test.each(['dump', 'segment'])('a ledger item: the %s', async (kind) => {
    const items = JSON.parse(recorded('0.1.0', 'ledger.dynamodb.json').toString()) as Item[];
    const isIt = ({ sk }: Item) => (kind === 'dump' ? sk?.S === 'dump' : sk?.S?.includes('segment'));
    const newer = items.map((item) => (isIt(item) ? { ...item, v: { N: '2' } } : item));
    const ledger = await dynamoWith(newer);
    const unit = { ...RUN, segment: 1, unit: '0', events: 10 };
    await expect(ledger.unitState(unit)).rejects.toThrow(/has version 2; .*deploy a newer one/);
  });
});

type Rows = Readonly<Record<string, readonly Readonly<Record<string, string | number>>[]>>;

function sqliteWith(rows: Rows): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  embeddedLedger(db);
  for (const [table, some] of Object.entries(rows)) {
    for (const row of some) {
      const marks = Object.keys(row).map(() => '?');
      db.prepare(`INSERT INTO ledger_${table} (${Object.keys(row).join()}) VALUES (${marks.join()})`).run(
        ...Object.values(row),
      );
    }
  }
  return db;
}

async function dynamoWith(items: readonly Item[]): Promise<Ledger> {
  const { client, table, stop } = await startDynalite();
  onTestFinished(stop);
  for (const Item of items) await client.send(new PutItemCommand({ TableName: table, Item }));
  return dynamoLedger(client, table, { retentionDays: 30 });
}
