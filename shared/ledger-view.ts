/** The ledger as whoever only watches sees it: which dumps there are, and all that is known of one. Changes nothing. */
import { isCounted } from './amendment.ts';
import type { Dump, Run } from './dump.ts';
import type { DumpEntry, DumpState } from './ledger.ts';
import type { DumpItem, SegmentItem } from './ledger-items.ts';

/** A dump as a list has it. */
export type ListedDump = Run & {
  readonly dump: Dump;
  readonly source: string;
  readonly state: DumpState;
  readonly startedAt: number;
};

/** One dump in its current run. */
export type DumpView = {
  readonly entry: DumpEntry;
  /** The dump is leased to its reader until then, ms since epoch; 0 once it is free. */
  readonly leaseUntil: number;
  /** Those that count, each with its number, in order. */
  readonly segments: readonly (readonly [number, SegmentItem])[];
  /** When any of it was last written; undefined when only a release that did not note it wrote it. */
  readonly changedAt?: number;
};

export type LedgerView = {
  /** The dumps in this state that were begun at `since` (ms since epoch) or later, the newest first; perhaps a second late. */
  list(state: DumpState, since: number): AsyncIterable<ListedDump>;
  view(dumpId: string): Promise<DumpView | undefined>;
};

/** The ledger was made by an earlier release and cannot list its dumps yet. Those that are known by their id can be viewed. */
export class LedgerNotIndexed extends Error {
  override readonly name = 'LedgerNotIndexed';
}

export function viewOf(
  { entry, leaseUntil, changedAt }: DumpItem,
  segments: readonly (readonly [number, SegmentItem])[],
): DumpView {
  const counted = segments.filter(([number]) => isCounted(entry, number));
  const times = [changedAt, ...counted.map(([, segment]) => segment.changedAt)].filter((at) => at !== undefined);
  return { entry, leaseUntil, segments: counted, ...(times.length > 0 && { changedAt: Math.max(...times) }) };
}
