/** What the ledger keeps of a dump and of a segment, whatever the engine. */
import { countedSegments, isCounted } from './amendment.ts';
import { dumpId, type Run } from './dump.ts';
import { type Claim, type ClaimRequest, type DumpEntry, type SegmentCounts, START } from './ledger.ts';

/** Version of both items; each carries it as `v`. Code reads every version ever released, and writes this one. */
export const ITEM_VERSION = 1;

export type DumpItem = {
  readonly entry: DumpEntry;
  /** The last reader; the dump is leased to it until `leaseUntil`, which is 0 once it is free. */
  readonly owner: string;
  readonly leaseUntil: number;
  /** Of the last request to read it once more. */
  readonly again?: string;
  /** The segments noted as complete. */
  readonly done: ReadonlySet<number>;
  /** When it was last written, ms since epoch; the adapters note it. */
  readonly changedAt?: number;
};

export type SegmentItem = SegmentCounts & {
  /** Units that are booked for good. Chunks and parked remainders in one set: every unit has its own name. */
  readonly settled: ReadonlySet<string>;
  /** Parked remainders that a settled unit left behind. */
  readonly parkedSent: ReadonlySet<string>;
  readonly deadUnits: ReadonlySet<string>;
  /** How often units were tried in vain: unit → tries. */
  readonly tries: Readonly<Record<string, number>>;
  /** Why a unit was last booked as dead, and when. */
  readonly lastFailure?: { readonly reason: string; readonly at: number };
  /** As of a dump. */
  readonly changedAt?: number;
};

export const EMPTY_SEGMENT: SegmentItem = {
  delivered: 0,
  refused: 0,
  parked: 0,
  dead: 0,
  requests: 0,
  reasons: {},
  settled: new Set(),
  parkedSent: new Set(),
  deadUnits: new Set(),
  tries: {},
};

/** A dump at the start of a run, leased to who asked for it. */
export function startOfRun(run: number, request: ClaimRequest, again: string | undefined): DumpItem {
  const { dump, source, fingerprint, owner, leaseUntil, now, receives } = request;
  const entry: DumpEntry = {
    dumpId: dumpId(dump),
    run,
    dump,
    source,
    state: 'reading',
    fingerprint,
    // What was received in vain before is not this run's.
    checkpoint: receives === undefined ? START : { ...START, receives: receives - 1 },
    startedAt: now,
  };
  return { entry, owner, leaseUntil, ...(again !== undefined && { again }), done: new Set() };
}

export function toClaim({ entry }: DumpItem): Claim {
  return { kind: 'claimed', run: { dumpId: entry.dumpId, run: entry.run }, checkpoint: entry.checkpoint };
}

/** Settled units are either the plan's chunks or remainders in `parkedSent`, so that counting them is enough. */
export function isSegmentComplete({ plan, settled, parkedSent, deadUnits }: SegmentItem): boolean {
  return plan !== undefined && settled.size === plan.chunks + parkedSent.size && deadUnits.size === 0;
}

/** True when this is the dump's current run, it is read, and every segment that counts is noted as complete. */
export function isDumpComplete(item: DumpItem | undefined, { run }: Run): boolean {
  if (item?.entry.run !== run || item.entry.state === 'reading') return false;
  return countedSegments(item.entry).every((segment) => item.done.has(segment));
}

/** The counts of the segments that count, as the port hands them out. `entry` is that of the dump, perhaps of a newer run. */
export function countsOf(
  entry: DumpEntry | undefined,
  { run }: Run,
  segments: readonly (readonly [number, SegmentItem])[],
): SegmentCounts[] {
  const current = entry?.run === run ? entry : undefined;
  return segments.filter(([number]) => isCounted(current, number)).map(([, segment]) => toCounts(segment));
}

function toCounts(segment: SegmentItem): SegmentCounts {
  const { plan, delivered, refused, parked, dead, requests, reasons } = segment;
  return { ...(plan && { plan }), delivered, refused, parked, dead, requests, reasons };
}

/** Throws when an item was written by a newer version. `what` names the item. */
export function checkVersion(version: unknown, what: string): void {
  if (typeof version === 'number' && version >= 1 && version <= ITEM_VERSION) return;
  throw new Error(
    `${what} in the ledger has version ${String(version)}; this code reads versions up to ${ITEM_VERSION}: deploy a newer one`,
  );
}
