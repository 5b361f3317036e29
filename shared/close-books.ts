/** Closes a dump's books when its last unit is settled: the receipt is written, then announced. */
import type { Run } from './dump.ts';
import type { Ledger } from './ledger.ts';
import type { Log } from './log.ts';
import type { Measure } from './metrics.ts';
import type { Results } from './objects.ts';
import { type Receipt, receiptKey, toReceipt } from './receipt.ts';

export type CloseBooksPorts = {
  readonly ledger: Pick<Ledger, 'completeSegment' | 'isComplete' | 'close' | 'entry' | 'segments'>;
  readonly results: Pick<Results, 'put' | 'url'>;
  /** Tells whoever waits for the dump that it is in; perhaps twice, after a crash or when two settle the last units at once. */
  announce(receipt: Receipt): Promise<void>;
  now(): number;
  readonly log: Log;
  readonly measure: Measure;
};

/**
 * To be called after every step that may have been the last: a unit settled, a segment planned, the dump read. It may be
 * called again at any time. The receipt is written before the dump is closed, so that a crash in between repeats it.
 * `segment` is the one that may be complete now; left out when the dump's end was reached.
 */
export async function closeBooks(run: Run, segment: number | undefined, ports: CloseBooksPorts): Promise<void> {
  const { ledger, results } = ports;
  const isComplete = segment === undefined ? await ledger.isComplete(run) : await ledger.completeSegment(run, segment);
  if (!isComplete) return;
  const entry = await ledger.entry(run.dumpId);
  if (!entry || entry.run !== run.run || entry.state !== 'read') return;
  const finishedAt = ports.now();
  const receipt = toReceipt({ ...entry, finishedAt }, await ledger.segments(run), results.url);
  await results.put(receiptKey(entry), Buffer.from(`${JSON.stringify(receipt, undefined, 2)}\n`));
  await ports.announce(receipt);
  if (await ledger.close(run, finishedAt)) reportClosed(receipt, finishedAt - entry.startedAt, ports);
}

/** `ms`: since the dump was first taken. */
function reportClosed(receipt: Receipt, ms: number, { log, measure }: CloseBooksPorts): void {
  const { reasons: _, rejectsAt, failure, ...books } = receipt;
  measure({ DumpsCompleted: 1, DumpSeconds: ms / 1_000 });
  log('info', 'dump completed', { ...books, ...(failure !== undefined && { failure }), rejectsAt, ms });
}
