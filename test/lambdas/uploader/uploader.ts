/** The uploader with queues and ledger in memory, and a clock that goes on only when all that is left to do lies ahead. */
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished } from 'vitest';
import { amplitude } from '../../../lambdas/uploader/amplitude.ts';
import { PARKED_MAX_TRIES } from '../../../lambdas/uploader/back-off.ts';
import { takeChunk, type TakeChunkPorts } from '../../../lambdas/uploader/take-chunk.ts';
import { type Books, sumBooks } from '../../../shared/books.ts';
import { type Chunk, chunkId, encodeChunk } from '../../../shared/chunk.ts';
import { defineImporter, type ImporterInput } from '../../../shared/config.ts';
import { embeddedLedger } from '../../../shared/embedded/ledger.ts';
import { createQueueTables } from '../../../shared/embedded/message-rows.ts';
import { embeddedQueue } from '../../../shared/embedded/queue.ts';
import type { Figures } from '../../../shared/metrics.ts';
import type { ReceivedMessage } from '../../../shared/queue.ts';
import type { Receipt } from '../../../shared/receipt.ts';
import { type FakeClock, fakeClock } from '../../shared/fake-clock.ts';
import { chunksOf, DUMP, type Event, RUN } from './chunks.ts';
import { memoryResults } from '../../memory-results.ts';

export const KEY = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
/** What a crashed process had in flight comes back after so long. */
const VISIBILITY_MS = 600_000;
/** No life of a few chunks takes so many steps; one that does never ends. */
const MAX_STEPS = 300;

export type UploaderOptions = {
  readonly endpoint: string;
  readonly clock?: FakeClock;
  readonly apiKey?: () => Promise<string>;
  readonly maxTries?: number;
  readonly source?: Partial<ImporterInput['sources'][number]>;
};

export type Uploader = ReturnType<typeof openUploader>;
type QueueName = 'upload' | 'parked';
/** The ports for the next message, and whether whoever took it is still there afterwards. */
export type Process = { readonly ports: TakeChunkPorts; isAlive(): boolean };

export function openUploader(options: UploaderOptions) {
  const { endpoint, clock = fakeClock(), apiKey = async () => KEY, maxTries = 50 } = options;
  const db = new DatabaseSync(':memory:');
  createQueueTables(db);
  const open = (name: string, fifo: boolean) => embeddedQueue(db, name, { fifo, clock });
  const queues = { upload: open('upload', true), parked: open('parked', false) };
  const deadLetters = { upload: open('upload-dlq', true), parked: open('parked-dlq', false) };
  const uploads = amplitude({ uploads: 'gzip', timeoutMs: 10_000, connections: 1, endpoint });
  onTestFinished(uploads.close);
  /** What it said of chunks. */
  const logs: Readonly<Record<string, unknown>>[] = [];
  const measured: Figures[] = [];
  const receipts: Receipt[] = [];
  const source = { name: 'web', project: { secret: 'name-of-the-secret' }, ...options.source };
  const ports = {
    importer: defineImporter({ sources: [source], maxTries }),
    amplitude: uploads,
    ledger: embeddedLedger(db, clock.now),
    results: memoryResults(),
    parked: queues.parked,
    apiKey,
    now: clock.now,
    random: () => 0.5,
    // Lanes rest without time passing: what their rest is for has tests of its own (pace.test.ts).
    hold: { maxMs: Number.POSITIVE_INFINITY, sleep: async () => undefined },
    announce: async (receipt: Receipt) => void receipts.push(receipt),
    measure: (figures: Figures) => void measured.push(figures),
    log: (level: string, message: string, fields: object) =>
      void (message.startsWith('chunk') && logs.push({ level, message, ...fields })),
  };
  const books = async (): Promise<Books> => sumBooks(await ports.ledger.segments(RUN));

  function nextQueue(): QueueName | undefined {
    const [upload, parked] = [queues.upload.nextVisibleAt(), queues.parked.nextVisibleAt()];
    if (upload === undefined && parked === undefined) return undefined;
    return (upload ?? Infinity) <= (parked ?? Infinity) ? 'upload' : 'parked';
  }

  /** Takes the message that is to be had first, as Lambda would; false when there is none. */
  async function step(process?: (ports: TakeChunkPorts) => Process): Promise<boolean> {
    const from = nextQueue();
    if (!from) return false;
    const queue = queues[from];
    clock.advance(Math.max(0, (queue.nextVisibleAt() ?? 0) - clock.now()));
    const [message] = await queue.receive({ max: 1, visibilityMs: VISIBILITY_MS });
    if (!message) throw new Error(`queue ${from} promised a message and has none`);
    const itsPorts = { ...ports, deadLetters: deadLetters[from] };
    const { ports: used, isAlive } = process?.(itsPorts) ?? { ports: itsPorts, isAlive: () => true };
    const taken = await takeChunk(message.body, receivedFrom(from, message, maxTries), used);
    if (isAlive() && taken.kind === 'done') await queue.remove(message.receipt);
    if (isAlive() && taken.kind === 'again') await queue.hide(message.receipt, taken.afterMs);
    expectClosed(await books());
    return true;
  }

  return {
    db,
    clock,
    ports,
    queues,
    deadLetters,
    logs,
    measured,
    receipts,
    books,
    step,
    /** Until nothing is left on a queue but dead letters. */
    async work(process?: (ports: TakeChunkPorts) => Process): Promise<void> {
      for (let steps = 0; await step(process); steps += 1) {
        if (steps > MAX_STEPS) throw new Error(`the uploader never ends: ${JSON.stringify(logs.slice(-3))}`);
      }
    },
    /** A dump of one segment, read to its end; a chunk for each list of events. */
    async importChunks(...lists: readonly (readonly Event[])[]): Promise<readonly Chunk[]> {
      const chunks = await chunksOf(lists);
      const events = lists.flat().length;
      const read = { read: events, filtered: 0, unusable: 0, mapped: events };
      const now = clock.now();
      await ports.ledger.claim({ dump: DUMP, source: 'web', fingerprint: '', owner: 'me', now, leaseUntil: now + 1 });
      const plan = { ...read, events, refused: 0, chunks: chunks.length, reasons: {} };
      await ports.ledger.planSegment(RUN, 0, plan);
      await ports.ledger.endDump(RUN, 'me', { segments: 1 });
      for (const chunk of chunks) await send(chunk);
      return chunks;
    },
    send,
  };

  async function send(chunk: Chunk): Promise<void> {
    await queues.upload.send([{ id: chunkId(chunk), body: encodeChunk(chunk), group: `lane-${chunk.lane}` }]);
  }
}

function receivedFrom(from: QueueName, { receives, sentAt, group }: ReceivedMessage, maxTries: number) {
  const most = from === 'upload' ? maxTries : PARKED_MAX_TRIES;
  return { receives, maxTries: most, sentAt, ...(group !== undefined && { group }) };
}

function expectClosed({ events, delivered, refused, parked, dead, inFlight }: Books): void {
  expect(delivered + refused + parked + dead + inFlight).toBe(events);
  expect(Math.min(delivered, refused, parked, dead, inFlight)).toBeGreaterThanOrEqual(0);
}
