/** The ledger's SQLite tables: a row of JSON per dump, per segment, per line and per budget, read and written inside transactions. */
import type { DatabaseSync } from 'node:sqlite';
import { type Budget, EMPTY_BUDGET } from '../budget.ts';
import type { Run } from '../dump.ts';
import { EMPTY_LINE, type Line } from '../ledger.ts';
import { checkVersion, type DumpItem, EMPTY_SEGMENT, ITEM_VERSION, type SegmentItem } from '../ledger-items.ts';
import { inTransaction } from './transaction.ts';

export type SegmentRef = Run & { readonly segment: number };
export type LineItem = { readonly rev: number; readonly line: Line };
export type BudgetItem = { readonly rev: number; readonly budget: Budget };
export type LedgerRows = ReturnType<typeof ledgerRows>;

const TABLES = `
  CREATE TABLE IF NOT EXISTS ledger_dumps (dump_id TEXT PRIMARY KEY, item TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS ledger_segments (
    dump_id TEXT, run INTEGER, segment INTEGER, item TEXT NOT NULL, PRIMARY KEY (dump_id, run, segment)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS ledger_lines (source TEXT PRIMARY KEY, item TEXT NOT NULL) WITHOUT ROWID;`;

/** Changes nothing where they are there already, so that a reader may do it too. */
export function createLedgerTables(db: DatabaseSync): void {
  db.exec(TABLES);
}

export function ledgerRows(db: DatabaseSync, now: () => number) {
  createLedgerTables(db);
  const getDump = db.prepare('SELECT item FROM ledger_dumps WHERE dump_id = ?');
  const putDump = db.prepare('INSERT OR REPLACE INTO ledger_dumps VALUES (?, ?)');
  const listDumps = db.prepare(
    `SELECT item FROM ledger_dumps WHERE item ->> '$.entry.state' = ? AND item ->> '$.entry.startedAt' >= ?
      ORDER BY item ->> '$.entry.startedAt' DESC, dump_id`,
  );
  const getSegment = db.prepare('SELECT item FROM ledger_segments WHERE dump_id = ? AND run = ? AND segment = ?');
  const putSegment = db.prepare('INSERT OR REPLACE INTO ledger_segments VALUES (?, ?, ?, ?)');
  const getSegments = db.prepare(
    'SELECT segment, item FROM ledger_segments WHERE dump_id = ? AND run = ? ORDER BY segment',
  );
  const getLine = db.prepare('SELECT item FROM ledger_lines WHERE source = ?');
  const putLine = db.prepare('INSERT OR REPLACE INTO ledger_lines VALUES (?, ?)');
  // No source has a name like this. A table more would be missing where an older state is only looked at.
  const budgetKey = (source: string) => `budget ${source}`;
  return {
    /** All of `work` or nothing of it; nobody else writes meanwhile. */
    transact: <T>(work: () => T): T => inTransaction(db, work),
    dump(id: string): DumpItem | undefined {
      const row = getDump.get(id);
      return row && decodeDump(String(row.item), `dump ${id}`);
    },
    putDump(item: DumpItem): void {
      putDump.run(item.entry.dumpId, encode({ ...item, done: [...item.done], changedAt: now() }));
    },
    /** Those in this state that were begun at `since` or later, the newest first. */
    dumps(state: string, since: number): DumpItem[] {
      return listDumps.all(state, since).map(({ item }) => decodeDump(String(item), 'a dump'));
    },
    /** An empty one when nothing is booked yet. */
    segment({ dumpId, run, segment }: SegmentRef): SegmentItem {
      const row = getSegment.get(dumpId, run, segment);
      return row ? decodeSegment(String(row.item), `segment ${segment} of dump ${dumpId}`) : EMPTY_SEGMENT;
    },
    putSegment({ dumpId, run, segment }: SegmentRef, item: SegmentItem): void {
      const { settled, parkedSent, deadUnits } = item;
      const sets = { settled: [...settled], parkedSent: [...parkedSent], deadUnits: [...deadUnits] };
      putSegment.run(dumpId, run, segment, encode({ ...item, ...sets, changedAt: now() }));
    },
    /** Each with its number. */
    segments({ dumpId, run }: Run): (readonly [number, SegmentItem])[] {
      const found = getSegments.all(dumpId, run);
      return found.map(({ segment, item }) => [
        Number(segment),
        decodeSegment(String(item), `segment ${String(segment)} of dump ${dumpId}`),
      ]);
    },
    /** `rev` counts its changes; 0 when there was none. */
    line(source: string): LineItem {
      const row = getLine.get(source);
      const what = `the line of source ${source}`;
      return row ? decodeSourceItem<LineItem>(String(row.item), what) : { rev: 0, line: EMPTY_LINE };
    },
    putLine(source: string, item: LineItem): void {
      putLine.run(source, encode(item));
    },
    /** As of a line. */
    budget(source: string): BudgetItem {
      const row = getLine.get(budgetKey(source));
      const what = `the budget of source ${source}`;
      return row ? decodeSourceItem<BudgetItem>(String(row.item), what) : { rev: 0, budget: EMPTY_BUDGET };
    },
    putBudget(source: string, item: BudgetItem): void {
      putLine.run(budgetKey(source), encode(item));
    },
  };
}

function encode(item: object): string {
  return JSON.stringify({ v: ITEM_VERSION, ...item });
}

/** Rows are written by this file alone: of the version just checked, they are what `encode` made of the item. */
function decodeDump(text: string, what: string): DumpItem {
  const { v, done, ...item } = JSON.parse(text) as { v: unknown; done: number[] } & Omit<DumpItem, 'done'>;
  checkVersion(v, what);
  return { ...item, done: new Set(done) };
}

type SetName = 'settled' | 'parkedSent' | 'deadUnits';

function decodeSegment(text: string, what: string): SegmentItem {
  type Row = { v: unknown } & Record<SetName, string[]> & Omit<SegmentItem, SetName>;
  const { v, settled, parkedSent, deadUnits, ...item } = JSON.parse(text) as Row;
  checkVersion(v, what);
  return { ...item, settled: new Set(settled), parkedSent: new Set(parkedSent), deadUnits: new Set(deadUnits) };
}

function decodeSourceItem<T extends LineItem | BudgetItem>(text: string, what: string): T {
  const { v, ...item } = JSON.parse(text) as { v: unknown } & T;
  checkVersion(v, what);
  return item as unknown as T;
}
