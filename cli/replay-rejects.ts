/** Fix then replay: a dump's rejects are run again through the configuration of now, after a look at what that would do. */
import { type AmendPorts, amendDump } from '../lambdas/chunker/amend-dump.ts';
import { type RetryRequest, retryRejects } from '../lambdas/chunker/retry-rejects.ts';
import { sumBooks } from '../shared/books.ts';
import { closeBooks } from '../shared/close-books.ts';
import type { Importer, Source } from '../shared/config.ts';
import { type Dump, dumpUrl } from '../shared/dump.ts';
import type { DumpEntry, Ledger } from '../shared/ledger.ts';
import type { Dumps, Results } from '../shared/objects.ts';
import type { Queue } from '../shared/queue.ts';
import { findReceipt, nameOf } from './find-receipt.ts';
import { startRejectsTally, type TalliedRejects } from './rejects-tally.ts';
import { formatRejects, rejectsJson } from './rejects-report.ts';
import { WINDOW_MS } from './replay-messages.ts';
import type { Output } from './replay-queues.ts';
import { UsageError } from './usage.ts';

/** Either engine. */
export type RejectsEngine = {
  readonly ledger: Ledger;
  readonly results: Results;
  readonly queues: { readonly upload: Pick<Queue, 'send'> };
  /** To read a dump's records once more; undefined when it is gone or has changed. */
  openDump(dump: Dump): Promise<Dumps | undefined>;
  readonly announce: AmendPorts['announce'];
  readonly transformOf: AmendPorts['transformOf'];
  /** Works off what an earlier run left on the queues, where that is up to this process. */
  workOff?(entry: DumpEntry): Promise<void>;
};

export type RejectsRequest = {
  /** Its id, its path or address, or a part of that. */
  readonly dump: string;
  /** In the reason of a reject, whatever the case of its letters. */
  readonly reason?: string | undefined;
  readonly limit: number;
  readonly dryRun: boolean;
  /** Also when Amplitude may no longer recognise what a stopped amendment had sent. */
  readonly force: boolean;
  readonly json: boolean;
  readonly signal?: AbortSignal;
};

export type RejectsOutcome = {
  readonly dumpId: string;
  /** `unchanged`: nothing would become of any reject but what it is. */
  readonly kind: 'looked' | 'unchanged' | 'amended' | 'stopped';
  readonly rejects: TalliedRejects;
};

/** Throws a UsageError before anything is changed when the dump cannot be amended. */
export async function replayRejects(
  engine: RejectsEngine,
  importer: Importer,
  request: RejectsRequest,
  output: Output,
  now: () => number = Date.now,
): Promise<RejectsOutcome> {
  // Its report says what became of it, and metrics are of functions.
  const untold = { log: () => undefined, measure: () => undefined };
  const ports: AmendPorts = { ...engine, ...untold, uploads: engine.queues.upload, now };
  const entry = await closedEntry(engine, request, ports);
  const { dumpId } = entry;
  const source = sourceOf(entry, importer);
  if (!request.dryRun && !request.force) refuseLate(entry, now());
  const { limit, signal } = request;
  const retry: RetryRequest = { entry, source, limit, isWanted: wantedBy(request) };
  const dumps = await engine.openDump(entry.dump);

  const tally = startRejectsTally();
  for await (const retried of retryRejects(retry, { ...ports, dumps })) {
    if (signal?.aborted) return { dumpId, kind: 'stopped', rejects: tally.result() };
    tally.add(retried);
  }
  const rejects = tally.result();
  const kind = request.dryRun ? 'looked' : rejects.changed === 0 ? 'unchanged' : 'amended';
  if (kind === 'amended') {
    const outcome = await amendDump({ ...retry, importer, ...(signal && { signal }) }, { ...ports, dumps });
    if (outcome === 'stopped') return { dumpId, kind: 'stopped', rejects };
    if (outcome === 'lost') {
      throw new Error(
        `${nameOf(entry)} was amended or read again by somebody else meanwhile; nothing of this one counts`,
      );
    }
  }
  report({ dump: dumpUrl(entry.dump), dumpId, kind, rejects }, request.json, output);
  return { dumpId, kind, rejects };
}

/** Makes good what a crash may have left: uploads on this machine, and a receipt that is not written yet. */
async function closedEntry(
  engine: RejectsEngine,
  { dump, dryRun }: RejectsRequest,
  ports: AmendPorts,
): Promise<DumpEntry> {
  const { ledger, workOff } = engine;
  const found = await findReceipt(dump, engine);
  if (found.state === 'read' && !dryRun) {
    await workOff?.(found);
    await closeBooks(found, undefined, ports);
  }
  const entry = (await ledger.entry(found.dumpId)) ?? found;
  if (entry.state === 'closed') return entry;
  if (entry.state === 'reading') {
    throw new UsageError(`${nameOf(entry)} is still being read; its rejects can be run again when it has its receipt`);
  }
  const { inFlight, parked, dead } = sumBooks(await ledger.segments(entry));
  const advice = dead > 0 ? 'replay what is dead first' : 'wait until they are delivered';
  throw new UsageError(
    `${nameOf(entry)} is not closed: ${inFlight} events are in flight, ${parked} parked, ${dead} dead, and may be rejected ` +
      `yet; ${advice}, then run this again`,
  );
}

function sourceOf(entry: DumpEntry, importer: Importer): Source {
  const source = importer.sources.find(({ name }) => name === entry.source);
  if (source) return source;
  const names = importer.sources.map(({ name }) => name).join(', ');
  throw new UsageError(
    `${nameOf(entry)} is of source "${entry.source}"; the configuration has ${names}: is --config right?`,
  );
}

/** What was never delivered is never late; what a stopped amendment may have delivered counts nowhere, and is sent again. */
function refuseLate(entry: DumpEntry, now: number): void {
  const { amending } = entry;
  if (!amending || now - amending.since <= WINDOW_MS) return;
  throw new UsageError(
    `an amendment of ${nameOf(entry)} was begun on ${new Date(amending.since).toISOString()} and stopped; Amplitude would ` +
      'store once more what that had delivered more than 7 days ago; nothing was changed: --force runs all of it again',
  );
}

function wantedBy({ reason }: RejectsRequest): NonNullable<RetryRequest['isWanted']> {
  if (reason === undefined) return () => true;
  const text = reason.toLowerCase();
  return (reject) => reject.reason.toLowerCase().includes(text);
}

function report(reported: Parameters<typeof formatRejects>[0], json: boolean, { out, err }: Output): void {
  if (json) out(rejectsJson(reported));
  (json ? err : out)(formatRejects(reported));
}
