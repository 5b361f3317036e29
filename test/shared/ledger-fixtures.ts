/** What the ledger's tests talk about: dumps, claims, plans and units. */
import { expect } from 'vitest';
import { type Dump, dumpId, type Run } from '../../shared/dump.ts';
import type { ClaimRequest, Ledger, SegmentPlan, Settlement, UnitRef } from '../../shared/ledger.ts';

export const OWNERS = ['anna', 'ben', 'cleo', 'dora', 'emil'];

let dumps = 0;

/** Another dump each time, so that tests may share a ledger. */
export function newDump(): Dump {
  dumps += 1;
  return { bucket: 'landing', key: `day-${dumps}.ndjson`, etag: 'e', size: 1_000 };
}

export function claimOf(dump: Dump, changes: Partial<ClaimRequest> = {}): ClaimRequest {
  return { dump, source: 'web', fingerprint: 'f', owner: 'anna', now: 100, leaseUntil: 200, ...changes };
}

/** A dump that `anna` reads. */
export async function startDump(ledger: Ledger): Promise<{ dump: Dump; run: Run }> {
  const dump = newDump();
  const run = { dumpId: dumpId(dump), run: 1 };
  expect(await ledger.claim(claimOf(dump))).toMatchObject({ kind: 'claimed', run });
  return { dump, run };
}

/** Of a segment whose chunks have so many events. */
export function planOf(...chunks: readonly number[]): SegmentPlan {
  const events = chunks.reduce((sum, count) => sum + count, 0);
  const records = { read: events + 3, filtered: 2, unusable: 1, mapped: events };
  return { ...records, events, refused: 0, chunks: chunks.length, reasons: { 'no event_type': 1 } };
}

export function chunkOf(run: Run, segment: number, unit: number, events = 10): UnitRef {
  return { ...run, segment, unit: String(unit), events };
}

/** What a unit left behind on the parked queue. */
export function remainderOf(parent: UnitRef, unit: string, events: number): UnitRef {
  const { dumpId: id, run, segment } = parent;
  return { dumpId: id, run, segment, unit, parent: parent.unit, events };
}

export function delivered(count: number): Settlement {
  return { delivered: count, refused: 0, parked: 0, requests: 1, reasons: {} };
}

export function parked(unit: string, counts: Pick<Settlement, 'delivered' | 'refused' | 'parked'>): Settlement {
  return {
    ...counts,
    parkedUnit: unit,
    requests: 2,
    reasons: counts.refused > 0 ? { 'invalid time': counts.refused } : {},
  };
}
