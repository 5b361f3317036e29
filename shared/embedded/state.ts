/** The state directory of the embedded engine: queues and ledger in one SQLite file, and a lock that one import holds. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createLedgerTables } from './ledger-rows.ts';
import { createQueueTables, releaseAll } from './message-rows.ts';
import { inTransaction } from './transaction.ts';

export type State = {
  /** Absolute. */
  readonly directory: string;
  readonly db: DatabaseSync;
  close(): void;
};

/** Counted up when a version could not go on with the state of an older one. */
const STATE_VERSION = 1;

/** How long a statement waits while another process writes or checkpoints, ms. */
const BUSY_MS = 10_000;

/** How long who wants the lock waits: whoever only asks whether it is held has it for less than that, ms. */
const LOCK_MS = 200;

/** The write-ahead log is cut back to this after a checkpoint, bytes; a long reader may let it grow further meanwhile. */
const LOG_BYTES = 64 * 1_048_576;

/** A database that nothing refers to is collected and closed, and the lock would be free while the import goes on. */
const heldLocks = new Set<DatabaseSync>();

/** SQLITE_BUSY and SQLITE_CANTOPEN (https://www.sqlite.org/rescode.html). */
const BUSY = 5;
const CANNOT_OPEN = 14;

/**
 * Opens the state, or makes a new one, for the one process that imports with it; what an earlier process had in flight
 * when it died is receivable again. With `readOnly` it only looks, beside whoever imports, and takes no lock.
 */
export function openState(directory: string, options: { readonly readOnly?: boolean } = {}): State {
  const absolute = resolve(directory);
  return options.readOnly ? openToLook(absolute) : openToImport(absolute);
}

function openToImport(directory: string): State {
  // What is imported is somebody's behaviour: for this user's eyes only.
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = takeLock(directory);
  try {
    const db = open(directory, false);
    // NORMAL: a crash of the process loses nothing. A power cut may lose the last transactions, but queues and ledger
    // are one file and lose the same ones: what had been sent since is sent again, with the same insert_ids.
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = ${LOG_BYTES}`);
    inTransaction(db, () => {
      createQueueTables(db);
      createLedgerTables(db);
      releaseAll(db);
      db.exec(`PRAGMA user_version = ${STATE_VERSION}`);
    });
    return { directory, db, close: () => closeAll(db, lock) };
  } catch (error) {
    closeAll(lock);
    throw error;
  }
}

function openToLook(directory: string): State {
  const db = open(directory, true);
  return { directory, db, close: () => closeAll(db) };
}

/**
 * A transaction that never ends, on a file of its own: the operating system frees it however the process ends, and the
 * state itself stays open to readers.
 */
function takeLock(directory: string): DatabaseSync {
  const lock = new DatabaseSync(join(directory, 'lock.sqlite'), { timeout: LOCK_MS });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    heldLocks.add(lock);
    return lock;
  } catch (cause) {
    lock.close();
    if (sqliteCode(cause) !== BUSY) throw new Error(`cannot lock the state in ${directory}`, { cause });
    throw new Error(`${directory} is in use by another import; wait for it or choose another --state`, { cause });
  }
}

/** Whether an import is at work with this state now. */
export function isInUse(directory: string): boolean {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(directory, 'lock.sqlite'), { readOnly: true, timeout: 0 });
    lock.prepare('SELECT 1 FROM sqlite_schema').all();
    return false;
  } catch (error) {
    const code = sqliteCode(error);
    if (code !== BUSY && code !== CANNOT_OPEN) throw error;
    return code === BUSY;
  } finally {
    lock?.close();
  }
}

function open(directory: string, readOnly: boolean): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(join(directory, 'state.sqlite'), { readOnly, timeout: BUSY_MS });
    checkVersion(Number(db.prepare('PRAGMA user_version').get()?.user_version), directory, readOnly);
    return db;
  } catch (cause) {
    db?.close();
    if (cause instanceof Error && sqliteCode(cause) === undefined) throw cause;
    if (readOnly && sqliteCode(cause) === CANNOT_OPEN) throw nothingIn(directory);
    throw new Error(`cannot open the state in ${directory}`, { cause });
  }
}

function checkVersion(version: number, directory: string, readOnly: boolean): void {
  if (version > STATE_VERSION) {
    throw new Error(
      `the state in ${directory} has version ${version}, made by a newer release; this one knows up to version ` +
        `${STATE_VERSION}: use the newer release or choose another --state`,
    );
  }
  // Version 0: whoever made the file was stopped before its first transaction.
  if (version === 0 && readOnly) throw nothingIn(directory);
}

function nothingIn(directory: string): Error {
  return new Error(`no state in ${directory}: nothing has been imported with it; is --state right?`);
}

function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined;
}

function closeAll(...databases: readonly DatabaseSync[]): void {
  for (const db of databases) {
    heldLocks.delete(db);
    if (db.isOpen) db.close();
  }
}
