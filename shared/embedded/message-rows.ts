/** The messages of the embedded queues as rows: what SQS does to a message, in SQL. */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { OutgoingMessage, ReceivedMessage } from '../queue.ts';

export type QueueKind = {
  readonly fifo: boolean;
  /** The queue (of the same kind, in the same database) that takes what was received `maxReceives` times in vain. */
  readonly deadLetters?: { readonly queue: string; readonly maxReceives: number };
};

/** SQS: an id sent again within 5 minutes is accepted and not delivered, even when the first one is deleted already. */
const DEDUPLICATION_MS = 300_000;

/** Messages of one group that are received together have at most so many bytes: full chunks go out one by one anyway. */
const MAX_GROUP_BYTES = 256 * 1024;

/**
 * `turn` is 1 where a message may be received as soon as it is visible: everywhere on a standard queue, on a FIFO queue
 * only at the head of its group. As the head stays the head until it is removed, a group has one message in flight.
 * `leased` is 1 where a message is invisible only because someone received it. Numbers are never used twice
 * (AUTOINCREMENT), because receipts are made of them. Bodies lie apart, so that no search reads through them.
 */
export function createQueueTables(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE IF NOT EXISTS message (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, grp TEXT, sent_at REAL NOT NULL,
      visible_at REAL NOT NULL, receives INTEGER NOT NULL, turn INTEGER NOT NULL, leased INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS message_turn ON message (queue, turn, visible_at);
    CREATE INDEX IF NOT EXISTS message_group ON message (queue, grp, seq) WHERE grp IS NOT NULL;
    CREATE TABLE IF NOT EXISTS message_body (
      seq INTEGER PRIMARY KEY, text TEXT NOT NULL, attributes TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS message_id (
      queue TEXT NOT NULL, id TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (queue, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS message_id_until ON message_id (queue, until);`);
}

/**
 * For the start of a process: what was in flight in one that died is visible at once. Its receives still count, and what
 * was hidden on purpose stays hidden.
 */
export function releaseAll(db: DatabaseSync): void {
  db.exec('UPDATE message SET visible_at = sent_at, leased = 0 WHERE leased = 1');
}

/** The rows of one queue. `now` is ms since epoch; what writes more than one row wants a transaction around it. */
export function messageRows(db: DatabaseSync, name: string, kind: QueueKind) {
  const { fifo } = kind;
  const sql = statements(db);
  return {
    add(message: OutgoingMessage, now: number): void {
      if (fifo && sql.remember.run(name, message.id, now + DEDUPLICATION_MS).changes === 0) return;
      const group = message.group ?? null;
      const visibleAt = now + (message.delayMs ?? 0);
      const { lastInsertRowid } = sql.add.run(name, group, now, visibleAt, turnIn(name, group, sql, fifo));
      sql.addBody.run(lastInsertRowid, message.body, JSON.stringify(message.attributes ?? {}));
    },
    /** The ids that may be sent again are forgotten. */
    forgetIds(now: number): void {
      sql.forget.run(name, now);
    },
    /** Receives what is to be had now, the longest visible first; `buried` of them went to the dead letters instead. */
    take({ max, maxGroups, visibilityMs, now }: Take): { messages: ReceivedMessage[]; buried: number } {
      const messages: ReceivedMessage[] = [];
      let buried = 0;
      // Again and again, because behind a dead head of a group there is a next one.
      for (let groups = 0; messages.length < max && groups < maxGroups; ) {
        const found = sql.find.all(name, now, Math.min(max - messages.length, maxGroups - groups)).map(toFound);
        if (found.length === 0) break;
        for (const head of found) {
          // At least 1 ms, or the search would find it once more.
          const until = now + Math.max(1, visibilityMs);
          if (bury(head, name, now, sql, kind)) {
            buried += 1;
            continue;
          }
          if (messages.length >= max) break;
          groups += 1;
          const group = fifo ? behind(head, max - messages.length - 1, name, now, sql) : [];
          for (const message of [head, ...group]) messages.push(lease(message, until, sql));
        }
      }
      return { messages, buried };
    },
    remove(receipt: string, now: number): void {
      const gone = sql.remove.get(name, ...numbersOf(receipt));
      if (!gone) return;
      sql.removeBody.run(gone.seq ?? null);
      if (fifo) sql.promote.run(now, name, gone.grp ?? null);
    },
    hide(receipt: string, until: number): void {
      sql.hide.run(until, name, ...numbersOf(receipt));
    },
    /** At most `max` messages after the one with this receipt, in the order they were sent; none of them is received by it. */
    peek(max: number, after: string): ReceivedMessage[] {
      return sql.peek.all(name, numbersOf(after)[0], max).map((row) => toReceived(row, toFound(row)));
    },
    /** Whether the message is there and has not been received again since. */
    holds: (receipt: string): boolean => sql.holds.get(name, ...numbersOf(receipt)) !== undefined,
    count(now: number): { visible: number; hidden: number } {
      const row = sql.count.get(now, name);
      const hidden = Number(row?.hidden);
      return { visible: Number(row?.messages) - hidden, hidden };
    },
    nextVisibleAt(): number | undefined {
      const at = sql.next.get(name)?.at;
      return typeof at === 'number' ? at : undefined;
    },
  };
}

type Take = {
  readonly max: number;
  readonly maxGroups: number;
  readonly visibilityMs: number;
  readonly now: number;
};

/** The visible messages right behind the head of a group, so many that all together are small. */
function behind(head: Found, max: number, queue: string, now: number, sql: Statements): Found[] {
  const found: Found[] = [];
  let bytes = 0;
  for (const row of sql.group.iterate(queue, head.grp, head.seq, max + 1)) {
    bytes += Number(row.bytes);
    if (bytes > MAX_GROUP_BYTES || Number(row.visible_at) > now) break;
    if (row.seq !== head.seq) found.push(toFound(row));
  }
  return found;
}

function turnIn(queue: string, group: string | null, sql: Statements, fifo: boolean): number {
  return fifo && sql.hasGroup.get(queue, group) ? 0 : 1;
}

/** Moves the message to the dead letters if it is due there. */
function bury(
  { seq, grp, sentAt, receives }: Found,
  from: string,
  now: number,
  sql: Statements,
  kind: QueueKind,
): boolean {
  const { fifo, deadLetters } = kind;
  if (!deadLetters || receives < deadLetters.maxReceives) return false;
  const { queue } = deadLetters;
  // As in SQS: on a FIFO queue the time it was sent starts anew, on a standard queue it stays.
  sql.move.run(queue, turnIn(queue, grp, sql, fifo), now, fifo ? now : sentAt, seq);
  if (fifo) sql.promote.run(now, from, grp);
  return true;
}

function lease(message: Found, until: number, sql: Statements): ReceivedMessage {
  const { seq, receives } = message;
  sql.lease.run(until, seq);
  return toReceived(sql.body.get(seq), { ...message, receives: receives + 1 });
}

/** `body` is the row with its text and attributes. */
function toReceived(body: Row | undefined, { seq, grp, sentAt, receives }: Found): ReceivedMessage {
  return {
    body: String(body?.text),
    // The number of the receive is in it, so that the next receive makes it invalid.
    receipt: `${seq}.${receives}`,
    receives,
    sentAt,
    ...(grp !== null && { group: grp }),
    attributes: JSON.parse(String(body?.attributes)),
  };
}

type Row = Record<string, SQLOutputValue>;
type Found = { readonly seq: number; readonly grp: string | null; readonly sentAt: number; readonly receives: number };

function toFound(row: Row): Found {
  const grp = typeof row.grp === 'string' ? row.grp : null;
  return { seq: Number(row.seq), grp, sentAt: Number(row.sent_at), receives: Number(row.receives) };
}

/** Anything that is no receipt of ours becomes numbers that no message has. */
function numbersOf(receipt: string): [seq: number, receives: number] {
  const [seq, receives] = receipt.split('.');
  return [Number(seq ?? -1), Number(receives ?? -1)];
}

type Statements = ReturnType<typeof statements>;

function statements(db: DatabaseSync) {
  const thisReceive = 'queue = ? AND seq = ? AND receives = ?';
  return {
    forget: db.prepare('DELETE FROM message_id WHERE queue = ? AND until <= ?'),
    remember: db.prepare('INSERT OR IGNORE INTO message_id (queue, id, until) VALUES (?, ?, ?)'),
    hasGroup: db.prepare('SELECT 1 FROM message WHERE queue = ? AND grp = ? LIMIT 1'),
    add: db.prepare(`INSERT INTO message (queue, grp, sent_at, visible_at, turn, receives, leased)
      VALUES (?, ?, ?, ?, ?, 0, 0)`),
    addBody: db.prepare('INSERT INTO message_body (seq, text, attributes) VALUES (?, ?, ?)'),
    find: db.prepare(`SELECT seq, grp, sent_at, receives FROM message
      WHERE queue = ? AND turn = 1 AND visible_at <= ? ORDER BY visible_at, seq LIMIT ?`),
    // From the head on. The length of a text is in its row's header.
    group: db.prepare(`SELECT seq, grp, sent_at, receives, visible_at, octet_length(text) AS bytes FROM message
      JOIN message_body USING (seq) WHERE queue = ? AND grp = ? AND seq >= ? ORDER BY seq LIMIT ?`),
    lease: db.prepare('UPDATE message SET visible_at = ?, receives = receives + 1, leased = 1 WHERE seq = ?'),
    body: db.prepare('SELECT text, attributes FROM message_body WHERE seq = ?'),
    // Along the numbers: an index on the queue would have to be sorted for every page.
    peek: db.prepare(`SELECT seq, grp, sent_at, receives, text, attributes FROM message NOT INDEXED
      JOIN message_body USING (seq) WHERE queue = ? AND seq > ? ORDER BY seq LIMIT ?`),
    move: db.prepare('UPDATE message SET queue = ?, turn = ?, visible_at = ?, sent_at = ?, leased = 0 WHERE seq = ?'),
    // Visible from now on and not since it was sent: groups take turns.
    promote: db.prepare(`UPDATE message SET turn = 1, visible_at = max(visible_at, ?)
      WHERE seq = (SELECT min(seq) FROM message WHERE queue = ? AND grp = ?)`),
    remove: db.prepare(`DELETE FROM message WHERE ${thisReceive} RETURNING seq, grp`),
    holds: db.prepare(`SELECT 1 FROM message WHERE ${thisReceive}`),
    removeBody: db.prepare('DELETE FROM message_body WHERE seq = ?'),
    hide: db.prepare(`UPDATE message SET visible_at = ?, leased = 0 WHERE ${thisReceive}`),
    next: db.prepare('SELECT min(visible_at) AS at FROM message WHERE queue = ? AND turn = 1'),
    count: db.prepare(`SELECT count(*) AS messages, count(*) FILTER (WHERE visible_at > ?) AS hidden
      FROM message WHERE queue = ?`),
  };
}
