/** All or nothing, also when the process is killed in between. */
import type { DatabaseSync } from 'node:sqlite';

/** `work` may not wait for anything: while it does, everything else in the process would be part of the transaction. */
export function inTransaction<Result>(db: DatabaseSync, work: () => Result): Result {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
