/** The ledger of the embedded engine: items are read, changed by pure functions and written back in one transaction. */
import type { DatabaseSync } from 'node:sqlite';
import { withAmendment, withAttempt } from '../amendment.ts';
import type { Budget } from '../budget.ts';
import { type Booking, book, dying, reviving, settling, standingOf, tryAgain, unitStateOf } from '../book-unit.ts';
import { decideClaim } from '../claim.ts';
import { dumpId, type Run } from '../dump.ts';
import type { Claim, ClaimRequest, Ledger, Line, Settlement, UnitRef } from '../ledger.ts';
import { countsOf, type DumpItem, isDumpComplete, isSegmentComplete, toClaim } from '../ledger-items.ts';
import { type LedgerRows, ledgerRows, type SegmentRef } from './ledger-rows.ts';

/** Creates its tables in `db`, which stays its owner's to configure and to close. */
export function embeddedLedger(db: DatabaseSync, now: () => number = Date.now): Ledger {
  const rows = ledgerRows(db, now);
  return {
    claim: async (request) => rows.transact(() => claim(rows, request)),
    planSegment: async (run, segment, plan) =>
      rows.transact(() => rows.putSegment({ ...run, segment }, { ...rows.segment({ ...run, segment }), plan })),
    saveCheckpoint: async (run, owner, checkpoint, leaseUntil) =>
      changeDump(rows, run, (item) => isLeasedTo(item, owner) && withEntry({ ...item, leaseUntil }, { checkpoint })),
    endDump: async (run, owner, end) =>
      changeDump(
        rows,
        run,
        (item) => isLeasedTo(item, owner) && withEntry({ ...item, leaseUntil: 0 }, { state: 'read', ...end }),
      ),
    async release(run, owner) {
      changeDump(rows, run, (item) => isLeasedTo(item, owner) && { ...item, leaseUntil: 0 });
    },
    unitState: async (unit) => unitStateOf(rows.dump(unit.dumpId)?.entry, rows.segment(unit), unit),
    settle: async (unit, settlement) => rows.transact(() => settle(rows, unit, settlement)),
    bookDead: async (unit, reason) => rows.transact(() => bookIfThere(rows, dying(unit, reason, now()))),
    countTry: async (unit) => rows.transact(() => countTry(rows, unit)),
    bookReplayed: async (unit) => rows.transact(() => bookIfThere(rows, reviving(unit))),
    completeSegment: async (run, segment) => completeSegment(rows, { ...run, segment }),
    isComplete: async (run) => isDumpComplete(rows.dump(run.dumpId), run),
    close: async (run, finishedAt) =>
      changeDump(rows, run, (item) => item.entry.state === 'read' && withEntry(item, { state: 'closed', finishedAt })),
    beginAmendment: async (run, now) => changeEntry(rows, run, (entry) => withAttempt(entry, run, now)),
    amend: async (run, amendment) =>
      changeEntry(rows, run, (entry) => withAmendment(entry, run, amendment)) !== undefined,
    entry: async (id) => rows.dump(id)?.entry,
    segments: async (run) => countsOf(rows.dump(run.dumpId)?.entry, run, rows.segments(run)),
    async line(source) {
      const { line, rev } = rows.line(source);
      return { line, rev: String(rev) };
    },
    saveLine: async (source, line, seen) => rows.transact(() => saveLine(rows, source, line, seen)),
    async budget(source) {
      const { budget, rev } = rows.budget(source);
      return { budget, rev: String(rev) };
    },
    saveBudget: async (source, budget, seen) => rows.transact(() => saveBudget(rows, source, budget, seen)),
  };
}

function claim(rows: LedgerRows, request: ClaimRequest): Claim {
  const item = rows.dump(dumpId(request.dump));
  const decision = decideClaim(item, request);
  if (decision.kind === 'busy' || decision.kind === 'done') return decision;
  rows.putDump(decision.item);
  return toClaim(decision.item);
}

function settle(rows: LedgerRows, unit: UnitRef, settlement: Settlement): 'settled' | 'repeat' {
  const segment = rows.segment(unit);
  const place = standingOf(segment, unit);
  if (place === 'settled' || place === 'unknown') return 'repeat';
  rows.putSegment(unit, book(segment, settling(unit, place, settlement)));
  return 'settled';
}

function countTry(rows: LedgerRows, unit: UnitRef): number {
  const { segment, tries } = tryAgain(rows.segment(unit), unit);
  rows.putSegment(unit, segment);
  return tries;
}

function bookIfThere(rows: LedgerRows, booking: Booking): void {
  const segment = rows.segment(booking.unit);
  if (standingOf(segment, booking.unit) === booking.from) rows.putSegment(booking.unit, book(segment, booking));
}

function completeSegment(rows: LedgerRows, segment: SegmentRef): boolean {
  if (!isSegmentComplete(rows.segment(segment))) return false;
  changeDump(rows, segment, (item) => {
    return !item.done.has(segment.segment) && { ...item, done: new Set(item.done).add(segment.segment) };
  });
  return isDumpComplete(rows.dump(segment.dumpId), segment);
}

function saveLine(rows: LedgerRows, source: string, line: Line, seen: string | undefined): boolean {
  const { rev } = rows.line(source);
  if (String(rev) !== seen) return false;
  rows.putLine(source, { rev: rev + 1, line });
  return true;
}

function saveBudget(rows: LedgerRows, source: string, budget: Budget, seen: string | undefined): boolean {
  const { rev } = rows.budget(source);
  if (String(rev) !== seen) return false;
  rows.putBudget(source, { rev: rev + 1, budget });
  return true;
}

/** Writes what `change` makes of the dump; false when that is nothing, or `run` is not its current one. */
function changeDump(rows: LedgerRows, run: Run, change: (item: DumpItem) => DumpItem | false): boolean {
  return rows.transact(() => {
    const item = rows.dump(run.dumpId);
    const changed = item?.entry.run === run.run && change(item);
    if (changed) rows.putDump(changed);
    return Boolean(changed);
  });
}

/** The dump as `change` leaves it; undefined when that is nothing. */
function changeEntry(
  rows: LedgerRows,
  { dumpId: id }: Run,
  change: (entry: DumpItem['entry']) => DumpItem['entry'] | undefined,
): DumpItem['entry'] | undefined {
  return rows.transact(() => {
    const item = rows.dump(id);
    const entry = item && change(item.entry);
    if (entry) rows.putDump({ ...item, entry });
    return entry;
  });
}

function isLeasedTo(item: DumpItem, owner: string): boolean {
  return item.owner === owner && item.leaseUntil > 0;
}

function withEntry(item: DumpItem, changes: Partial<DumpItem['entry']>): DumpItem {
  return { ...item, entry: { ...item.entry, ...changes } };
}
