/** Looking into the ledger of the embedded engine, also beside whoever imports. */
import type { DatabaseSync } from 'node:sqlite';
import { type LedgerView, viewOf } from '../ledger-view.ts';
import { ledgerRows } from './ledger-rows.ts';

export function embeddedLedgerView(db: DatabaseSync): LedgerView {
  const rows = ledgerRows(db, Date.now);
  return {
    async *list(state, since) {
      for (const { entry } of rows.dumps(state, since)) {
        const { dumpId, run, dump, source, startedAt } = entry;
        yield { dumpId, run, dump, source, state, startedAt };
      }
    },
    async view(dumpId) {
      const item = rows.dump(dumpId);
      return item && viewOf(item, rows.segments(item.entry));
    },
  };
}
