/** Both engines as a replay sees them, and dead chunks in them whose dump is read and booked. */
import { onTestFinished } from 'vitest';
import type { ReplayEngine } from '../../cli/replay-queues.ts';
import { dynamoLedger } from '../../shared/aws/ledger.ts';
import { dynamoLedgerView } from '../../shared/aws/ledger-view.ts';
import { sqsQueue } from '../../shared/aws/queue.ts';
import { sumBooks } from '../../shared/books.ts';
import { type Chunk, chunkId, decodeChunkHeader, encodeChunk, unitOf } from '../../shared/chunk.ts';
import type { Dump } from '../../shared/dump.ts';
import { embeddedLedger } from '../../shared/embedded/ledger.ts';
import { embeddedLedgerView } from '../../shared/embedded/ledger-view.ts';
import { embeddedQueue } from '../../shared/embedded/queue.ts';
import { openState } from '../../shared/embedded/state.ts';
import type { Ledger, UnitRef } from '../../shared/ledger.ts';
import type { LedgerView } from '../../shared/ledger-view.ts';
import type { Queue } from '../../shared/queue.ts';
import { startDynalite } from '../dynalite.ts';
import { startFauxqs } from '../fauxqs.ts';
import { chunkOf, DUMP, type Event, RUN } from '../lambdas/uploader/chunks.ts';
import { claimOf, delivered, planOf } from '../shared/ledger-fixtures.ts';
import { receiveAll } from '../shared/queue-fixtures.ts';
import { temporaryDirectory } from './run-cli.ts';

type Queues = Readonly<Record<'upload' | 'parked' | 'intake', Queue>>;

export type TestEngine = ReplayEngine & {
  readonly queues: Queues;
  readonly deadLetters: Queues;
  readonly ledger: Ledger;
  readonly view: LedgerView;
};

const FIFO = { upload: true, parked: false, intake: false } as const;

function openQueues<Opened>(open: (name: 'upload' | 'parked' | 'intake') => Opened) {
  return { upload: open('upload'), parked: open('parked'), intake: open('intake') };
}

export function openEmbedded() {
  const { db, close } = openState(temporaryDirectory());
  onTestFinished(close);
  return {
    queues: openQueues((name) => embeddedQueue(db, name, { fifo: FIFO[name] })),
    deadLetters: openQueues((name) => embeddedQueue(db, `${name}-dlq`, { fifo: FIFO[name] })),
    ledger: embeddedLedger(db),
    view: embeddedLedgerView(db),
    /** Every row there is. */
    rows: () => tableNames(db).map((table) => db.prepare(`SELECT * FROM ${table}`).all()),
  };
}

function tableNames(db: ReturnType<typeof openState>['db']): string[] {
  return db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
    .all()
    .map(({ name }) => String(name));
}

/** As fauxqs and dynalite have them. */
async function openAws(): Promise<TestEngine> {
  const { sqs, createQueue, stop } = await startFauxqs();
  const dynalite = await startDynalite();
  onTestFinished(async () => {
    await stop();
    await dynalite.stop();
  });
  const open = async (name: keyof Queues, suffix: string) => {
    const fifo = FIFO[name];
    return sqsQueue(sqs, await createQueue(`${name}${suffix}${fifo ? '.fifo' : ''}`), { fifo });
  };
  const openAll = async (suffix: string) => ({
    upload: await open('upload', suffix),
    parked: await open('parked', suffix),
    intake: await open('intake', suffix),
  });
  return {
    queues: await openAll(''),
    deadLetters: await openAll('-dlq'),
    ledger: dynamoLedger(dynalite.client, dynalite.table, { retentionDays: 30 }),
    view: dynamoLedgerView(dynalite.client, dynalite.table),
  };
}

export const ENGINES: readonly [string, () => Promise<TestEngine>][] = [
  ['embedded', async () => openEmbedded()],
  ['SQS and DynamoDB', openAws],
];

export type DeadChunk = { readonly lane: number; readonly reason?: string; readonly events?: readonly Event[] };

/** Reads the dump at `startedAt`, one segment with these chunks, and lets them all die; the messages' bodies. */
export async function killChunks(
  { ledger, deadLetters }: TestEngine,
  dead: readonly DeadChunk[],
  startedAt = Date.now(),
): Promise<readonly string[]> {
  const chunks: Chunk[] = [];
  for (const [number, { lane, events = [{ device_id: `device ${number}` }] }] of dead.entries()) {
    const texts = events.map((event) => JSON.stringify(event));
    const positions = texts.map((_, i) => number * 100 + i + 1);
    chunks.push({ ...(await chunkOf(number, texts, positions)), lane });
  }
  await readDump(ledger, DUMP, chunks, startedAt);
  for (const [i, chunk] of chunks.entries()) {
    const reason = dead[i]?.reason ?? 'HTTP 400: Invalid API key';
    await ledger.bookDead(unitRefOf(chunk), reason);
    const message = { id: chunkId(chunk), body: encodeChunk(chunk), group: `lane-${chunk.lane}` };
    await deadLetters.upload.send([{ ...message, attributes: { reason } }]);
  }
  return chunks.map(encodeChunk);
}

async function readDump(ledger: Ledger, dump: Dump, chunks: readonly Chunk[], startedAt: number): Promise<void> {
  await ledger.claim(claimOf(dump, { now: startedAt, leaseUntil: startedAt + 1_000_000_000_000 }));
  await ledger.planSegment(RUN, 0, planOf(...chunks.map(({ events }) => events)));
  await ledger.endDump(RUN, 'anna', { segments: 1 });
}

function unitRefOf(chunk: Chunk | ReturnType<typeof decodeChunkHeader>): UnitRef {
  return { ...RUN, segment: chunk.segment, unit: unitOf(chunk), events: chunk.events };
}

/** What the uploader would do with what is on its queue now; the bodies it would send, in their order. */
export async function deliverAll({ queues, ledger }: TestEngine): Promise<readonly string[]> {
  const sent: string[] = [];
  for (const { body } of await receiveAll(queues.upload)) {
    const header = decodeChunkHeader(body);
    const unit = unitRefOf(header);
    if (!['open', 'dead'].includes(await ledger.unitState(unit))) continue;
    sent.push(body);
    await ledger.settle(unit, delivered(header.events));
  }
  return sent;
}

export async function booksOf({ ledger }: TestEngine) {
  const { events, delivered: done, dead, inFlight } = sumBooks(await ledger.segments(RUN));
  return { events, delivered: done, dead, inFlight };
}

/** How many messages lie on each side. */
export async function sizesOf({ queues, deadLetters }: TestEngine) {
  const total = async (queue: Queue) => {
    const { visible, hidden } = await queue.size();
    return visible + hidden;
  };
  return { queue: await total(queues.upload), dead: await total(deadLetters.upload) };
}
