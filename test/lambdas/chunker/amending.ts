/** A dump that was imported under a configuration that is mended later: what was delivered, and what lies in its rejects files. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { amendDump } from '../../../lambdas/chunker/amend-dump.ts';
import type { ChunkDumpPorts } from '../../../lambdas/chunker/chunk-dump.ts';
import { attemptOf, currentAttempt } from '../../../shared/amendment.ts';
import { addCounts, sumBooks } from '../../../shared/books.ts';
import { unitOf } from '../../../shared/chunk.ts';
import { closeBooks } from '../../../shared/close-books.ts';
import type { Source } from '../../../shared/config.ts';
import type { DumpEntry } from '../../../shared/ledger.ts';
import { rejectsFolder } from '../../../shared/receipt.ts';
import { formatReject, parseReject, type Reject, rejectsName } from '../../../shared/rejects.ts';
import type { RetryRequest } from '../../../lambdas/chunker/retry-rejects.ts';
import { type Chunker, eventTexts, takeChunks } from './chunker.ts';

/** Whether Amplitude will never take an event with this text. */
export type Refuses = (text: string) => boolean;

/** Reads the dump to its end and delivers all of it. */
export async function importDump(chunker: Chunker, refuses?: Refuses): Promise<readonly string[]> {
  const outcome = await chunker.run();
  if (outcome.kind !== 'read') throw new Error(`unexpected: ${outcome.kind}`);
  return deliverQueue(chunker, refuses);
}

export async function entryOf({ ports, receipts }: Chunker): Promise<DumpEntry> {
  const entry = await ports.ledger.entry(receipts[0]?.dumpId ?? '');
  if (!entry) throw new Error('expected a dump with a receipt');
  return entry;
}

export type AmendChanges = Partial<ChunkDumpPorts> & Partial<RetryRequest> & { readonly signal?: AbortSignal };

export async function amend(chunker: Chunker, source: Source, changes: AmendChanges = {}) {
  const { importer } = chunker.request;
  const entry = await entryOf(chunker);
  return amendDump({ entry, source, importer, ...changes }, { ...chunker.ports, ...changes });
}

/** What the uploader does with what is on its queue; the texts of the events it delivered. */
export async function deliverQueue(chunker: Chunker, refuses: Refuses = () => false): Promise<readonly string[]> {
  const delivered: string[] = [];
  const { ledger, results } = chunker.ports;
  for (const chunk of await takeChunks(chunker)) {
    const { dumpId, run, segment, events, positions } = chunk;
    const unit = { dumpId, run, segment, unit: unitOf(chunk), events };
    if ((await ledger.unitState(unit)) !== 'open') continue;
    const texts = eventTexts(chunk);
    const rejects = texts.flatMap((text, i): Reject[] =>
      refuses(text) ? [{ ...REFUSED, position: positions[i] ?? 0, bytes: Buffer.from(text) }] : [],
    );
    if (rejects.length > 0) {
      const folder = rejectsFolder({ dump: chunk, ...unit }, attemptOf(segment));
      await results.put(
        `${folder}/${rejectsName(segment, unit.unit)}`,
        gzipSync(rejects.map((reject) => formatReject(reject)).join('')),
      );
    }
    delivered.push(...texts.filter((text) => !refuses(text)));
    const reasons = rejects.length > 0 ? { [REFUSED.reason]: rejects.length } : {};
    const counts = { delivered: events - rejects.length, refused: rejects.length, parked: 0 };
    await ledger.settle(unit, { ...counts, requests: 1, reasons });
    await closeBooks({ dumpId, run }, segment, chunker.ports);
  }
  return delivered;
}

const REFUSED = { kind: 'refused', reason: 'silenced', detail: 'answered by Amplitude' } as const;

/** The books but for what counts messages, and the rejects that the receipt points to; both agree. */
export async function outcomeOf(chunker: Chunker) {
  const entry = await entryOf(chunker);
  const { chunks: _chunks, requests: _requests, ...books } = sumBooks(await chunker.ports.ledger.segments(entry));
  const rejects = await currentRejects(chunker);
  const reasons: Record<string, number> = {};
  for (const { reason } of rejects) addCounts(reasons, { [reason]: 1 });
  return {
    state: entry.state,
    books,
    rejects: rejects.map((reject) => formatReject(reject)).toSorted(),
    /** From the files; the books must say the same. */
    reasons,
    unusable: rejects.filter(({ kind }) => kind === 'unusable').length,
  };
}

export async function currentRejects(chunker: Chunker): Promise<readonly Reject[]> {
  const entry = await entryOf(chunker);
  const rejects: Reject[] = [];
  for (const key of await chunker.results.list(`${rejectsFolder(entry, currentAttempt(entry))}/`)) {
    const text = gunzipSync((await chunker.results.get(key)) ?? Buffer.alloc(0)).toString();
    for (const line of text.split('\n').slice(0, -1)) rejects.push(parseReject(line));
  }
  return rejects;
}
