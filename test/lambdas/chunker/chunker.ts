/** A chunker on an engine in memory: a dump goes in, and everything that was written can be looked at. */
import { DatabaseSync } from 'node:sqlite';
import { constants, gunzipSync, inflateRawSync } from 'node:zlib';
import { type ChunkDumpPorts, type ChunkDumpRequest, chunkDump } from '../../../lambdas/chunker/chunk-dump.ts';
import { bodyBytes, type Chunk, chunkId, decodeChunk, unitOf } from '../../../shared/chunk.ts';
import { closeBooks } from '../../../shared/close-books.ts';
import type { Dump, Run } from '../../../shared/dump.ts';
import { embeddedLedger } from '../../../shared/embedded/ledger.ts';
import { createQueueTables } from '../../../shared/embedded/message-rows.ts';
import { embeddedQueue } from '../../../shared/embedded/queue.ts';
import type { Figures } from '../../../shared/metrics.ts';
import type { Receipt } from '../../../shared/receipt.ts';
import { fakeClock } from '../../shared/fake-clock.ts';
import { receiveAll } from '../../shared/queue-fixtures.ts';
import { openTransforms } from '../../../lambdas/chunker/transform.ts';
import { dumpOf, memoryDumps, sourceOf } from './fixtures.ts';
import { PORTS } from './making.ts';
import { memoryResults } from '../../memory-results.ts';

/** Lambda's 15 minutes. */
export const LEASE_MS = 900_000;

/** For one call. */
export type RunChanges = Partial<ChunkDumpRequest & ChunkDumpPorts>;

export type Chunker = ReturnType<typeof openChunker>;

type Changes = Partial<Omit<ChunkDumpRequest, 'importer'>> & {
  readonly importer?: Omit<ChunkDumpRequest['importer'], 'partBytes'> & { readonly partBytes?: number };
};

/** Unless it says otherwise, dumps are read as one. */
export function openChunker(bytes: Buffer | string, { importer, ...changes }: Changes = {}) {
  const db = new DatabaseSync(':memory:');
  createQueueTables(db);
  const clock = fakeClock();
  const uploads = embeddedQueue(db, 'upload', { fifo: true, clock });
  const results = memoryResults();
  const measured: Figures[] = [];
  const receipts: Receipt[] = [];
  const ports: ChunkDumpPorts = {
    dumps: memoryDumps(Buffer.from(bytes)),
    ledger: embeddedLedger(db, clock.now),
    results,
    uploads,
    transformOf: openTransforms(PORTS),
    references: PORTS.references,
    announce: async (receipt) => void receipts.push(receipt),
    now: clock.now,
    log: () => undefined,
    measure: (figures) => void measured.push(figures),
    msLeft: () => LEASE_MS,
  };
  const request: ChunkDumpRequest = {
    dump: dumpOf(Buffer.from(bytes)),
    source: sourceOf(),
    importer: { lanes: 4, uploaders: 8, segmentRecords: 10, partBytes: 1e12, ...importer },
    fingerprint: 'code and config',
    owner: 'anna',
    ...changes,
  };
  return {
    request,
    ports,
    clock,
    uploads,
    results,
    measured,
    /** Announced. */
    receipts,
    run: (now: RunChanges = {}) => chunkDump({ ...request, ...now }, { ...ports, ...now }),
  };
}

/** Stops at every checkpoint, as if time were always running out. */
export const HURRIED = { msLeft: () => 30_000 };

/** The messages of the upload queue, in order, as chunks; takes them off it. */
export async function takeChunks({ uploads }: Pick<Chunker, 'uploads'>): Promise<Chunk[]> {
  return (await receiveAll(uploads)).map(({ body }) => decodeChunk(body));
}

/** Without those that were sent before. */
export function withoutRepeats(chunks: readonly Chunk[]): Chunk[] {
  return [...new Map(chunks.toReversed().map((chunk) => [chunkId(chunk), chunk])).values()].toReversed();
}

/** Events as the texts they are sent as. */
export function eventTexts({ body }: Chunk): string[] {
  return inflateRawSync(bodyBytes(body), { finishFlush: constants.Z_SYNC_FLUSH }).toString().split(',\n');
}

/** Books every chunk as delivered, as the uploader does. */
export async function deliver(chunks: readonly Chunk[], ports: ChunkDumpPorts): Promise<void> {
  for (const chunk of chunks) {
    const { dumpId, run, segment, events } = chunk;
    const unit = { dumpId, run, segment, unit: unitOf(chunk), events };
    await ports.ledger.settle(unit, { delivered: events, refused: 0, parked: 0, requests: 1, reasons: {} });
    await closeBooks({ dumpId, run }, segment, ports);
  }
}

/** The lines of all rejects files, in the order of segments. */
export async function rejectLines({ results }: Pick<Chunker, 'results'>): Promise<Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = [];
  for (const key of await results.list('rejects/')) {
    const text = gunzipSync((await results.get(key)) ?? Buffer.alloc(0)).toString();
    for (const line of text.split('\n').slice(0, -1)) lines.push(JSON.parse(line) as Record<string, unknown>);
  }
  return lines;
}

/** All that must be the same however often reading was interrupted: the chunks, and what the ledger and the results hold. */
export async function outcomeOf(chunker: Chunker, run: Run) {
  const { ports, results } = chunker;
  const chunks = withoutRepeats(await takeChunks(chunker));
  const byGroup = Map.groupBy(chunks, ({ lane, project = '' }) => `${lane} ${project}`);
  const rejects = await Promise.all((await results.list('rejects/')).map(async (key) => [key, await results.get(key)]));
  const entry = await ports.ledger.entry(run.dumpId);
  return {
    chunks: chunks.toSorted((a, b) => a.segment - b.segment || a.number - b.number),
    order: [...byGroup].toSorted(([a], [b]) => a.localeCompare(b)).map(([lane, group]) => [lane, group.map(chunkId)]),
    segments: await ports.ledger.segments(run),
    entry: { state: entry?.state, segments: entry?.segments, failure: entry?.failure },
    rejects,
  };
}

/** The dump half read by another: its lease is taken over as if its time had run out. */
export function takeOver({ request, ports, clock }: Chunker, dump: Dump = request.dump) {
  const now = clock.now() + 2 * LEASE_MS;
  const { fingerprint } = request;
  return ports.ledger.claim({ dump, source: 'web', fingerprint, owner: 'ben', now, leaseUntil: now + LEASE_MS });
}
