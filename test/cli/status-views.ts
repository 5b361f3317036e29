/** Dumps as the ledger shows them, of one segment, made of what a test is about. */
import { type Dump, dumpId } from '../../shared/dump.ts';
import type { DumpState } from '../../shared/ledger.ts';
import { START } from '../../shared/ledger.ts';
import { EMPTY_SEGMENT } from '../../shared/ledger-items.ts';
import type { DumpView } from '../../shared/ledger-view.ts';

type Of = Partial<{
  state: DumpState;
  bucket: string;
  key: string;
  etag: string;
  startedAt: number;
  changedAt: number;
  failure: string;
  amending: boolean;
  events: number;
  unusable: number;
  delivered: number;
  refused: number;
  parked: number;
  dead: number;
  lastFailure: string;
  tries: Record<string, number>;
  settled: readonly string[];
}>;

/** What is not said to have become of its events is in flight. */
export function viewOfDump(of: Of): DumpView {
  const { bucket = 'landing', key = 'days/2026-11-20.ndjson', etag = 'e', state = 'read', startedAt = 0 } = of;
  const { events = 0, unusable = 0, delivered = 0, refused = 0, parked = 0, dead = 0, failure, changedAt } = of;
  const dump: Dump = { bucket, key, etag, size: 1_000 };
  const plan = {
    read: events + unusable,
    filtered: 0,
    unusable,
    mapped: events,
    events,
    refused: 0,
    chunks: 3,
    reasons: {},
  };
  const segment = {
    ...EMPTY_SEGMENT,
    plan,
    delivered,
    refused,
    parked,
    dead,
    tries: of.tries ?? {},
    settled: new Set(of.settled ?? []),
    ...(of.lastFailure !== undefined && { lastFailure: { reason: of.lastFailure, at: 5 } }),
  };
  return {
    entry: {
      dumpId: dumpId(dump),
      run: 1,
      dump,
      source: 'web',
      state,
      fingerprint: 'f',
      checkpoint: START,
      ...(state !== 'reading' && { segments: 1 }),
      ...(state === 'closed' && { finishedAt: startedAt + 1_000 }),
      ...(failure !== undefined && { failure }),
      ...(of.amending && { amending: { attempt: 1, since: 1 } }),
      startedAt,
    },
    leaseUntil: 0,
    segments: [[0, segment]],
    ...(changedAt !== undefined && { changedAt }),
  };
}
