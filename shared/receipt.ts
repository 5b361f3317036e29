/** The receipt: the books of one dump as a person or a machine reads them. */
import { currentAttempt } from './amendment.ts';
import { type Books, sumBooks } from './books.ts';
import { dumpUrl, resultsPrefix } from './dump.ts';
import type { DumpEntry, SegmentCounts } from './ledger.ts';

/** `complete`: every event is delivered or refused. `failed`: the dump could not be read to its end. Otherwise `incomplete`. */
export type ReceiptState = 'complete' | 'failed' | 'incomplete';

export type Receipt = Omit<Books, 'firstTime' | 'lastTime'> & {
  readonly dump: string;
  readonly dumpId: string;
  readonly run: number;
  readonly source: string;
  readonly state: ReceiptState;
  /** Why the dump could not be read to its end. */
  readonly failure?: string;
  /** `unusable + refused`: each stands in a rejects file. */
  readonly rejected: number;
  /** Times of the first and the last event (ISO 8601). */
  readonly firstEventAt?: string;
  readonly lastEventAt?: string;
  readonly startedAt: string;
  /** Null while something is left to do. */
  readonly finishedAt: string | null;
  /** Times at which the rejects were run again and the books amended; left out when they never were. */
  readonly amendedAt?: readonly string[];
  /** Where the rejects files lie; null when there are none. */
  readonly rejectsAt: string | null;
};

/** `resultsUrl` turns a key of the results bucket into what a person can open. */
export function toReceipt(
  entry: DumpEntry,
  segments: readonly SegmentCounts[],
  resultsUrl: (key: string) => string,
): Receipt {
  const { firstTime, lastTime, ...books } = sumBooks(segments);
  const rejected = books.unusable + books.refused;
  return {
    dump: dumpUrl(entry.dump),
    dumpId: entry.dumpId,
    run: entry.run,
    source: entry.source,
    state: receiptState(entry, books),
    ...(entry.failure && { failure: entry.failure }),
    ...books,
    rejected,
    ...(firstTime !== undefined && { firstEventAt: toIso(firstTime) }),
    ...(lastTime !== undefined && { lastEventAt: toIso(lastTime) }),
    startedAt: toIso(entry.startedAt),
    finishedAt: entry.finishedAt === undefined ? null : toIso(entry.finishedAt),
    ...(entry.amendments && { amendedAt: entry.amendments.map(({ at }) => toIso(at)) }),
    rejectsAt: rejected > 0 ? resultsUrl(rejectsFolder(entry, currentAttempt(entry))) : null,
  };
}

/**
 * In it lie the rejects files of one run of a dump; after an amendment, those of the attempt that amended it. What lies
 * in an earlier folder stays as it was.
 */
export function rejectsFolder(
  of: { readonly dump: { readonly key: string }; readonly dumpId: string; readonly run: number },
  attempt = 0,
): string {
  const amended = attempt === 0 ? '' : `-amended-${attempt}`;
  return `${resultsPrefix('rejects', of.dump, of.dumpId)}/run-${of.run}${amended}`;
}

/** The one receipt of a dump; a later run replaces it. */
export function receiptKey(of: { readonly dump: { readonly key: string }; readonly dumpId: string }): string {
  return `${resultsPrefix('receipts', of.dump, of.dumpId)}.json`;
}

function receiptState(entry: DumpEntry, books: Pick<Books, 'parked' | 'dead' | 'inFlight'>): ReceiptState {
  if (entry.failure) return 'failed';
  const settled = books.parked + books.dead + books.inFlight === 0;
  return settled && entry.state !== 'reading' ? 'complete' : 'incomplete';
}

/** Event times come from the dump and may lie outside what a Date can hold (±8.64e15 ms). */
export function toIso(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}
