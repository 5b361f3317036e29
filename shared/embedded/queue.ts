/** The queue port on SQLite: what SQS does, within one process, on one file. */
import { EventEmitter } from 'node:events';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { messageBytes } from '../message-bytes.ts';
import type { OutgoingMessage, Queue, ReceivedMessage } from '../queue.ts';
import { messageRows, type QueueKind } from './message-rows.ts';
import { inTransaction } from './transaction.ts';

/** Time as a queue sees it. `sleep` ends after `ms`, or (whether it resolves or rejects then) when the signal aborts. */
export type Clock = {
  /** Ms since epoch. */
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

export const systemClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) => wait(ms, undefined, signal && { signal }),
};

export type EmbeddedQueue = Queue & {
  /** As on SQS, but with the messages of one group only, and no more of those than are small. */
  receiveLane(options: Parameters<Queue['receive']>[0]): Promise<readonly ReceivedMessage[]>;
  /** When the next message is to be had, ms since epoch, in the past if there is one already; undefined if there is none. */
  nextVisibleAt(): number | undefined;
  /** Whether the message of this receipt is there and has not been received again since. */
  holds(receipt: string): boolean;
  /** How many messages it holds, visible or not. */
  count(): number;
  /**
   * At most `max` messages as they lie, in the order they were sent, also those that cannot be received now: the first
   * ones, or those after the message with the receipt `after`. Changes nothing. `remove` takes their receipts, for him
   * who knows that nobody receives from this queue meanwhile.
   */
  peek(max: number, after?: string): Promise<readonly ReceivedMessage[]>;
};

/** SQS: DelaySeconds is at most 900. */
const MAX_DELAY_MS = 900_000;

/** One emitter per database, so that queues of one name hear of each other, and a dead-letter queue of its source. */
const emitters = new WeakMap<DatabaseSync, EventEmitter>();

export type EmbeddedQueueOptions = QueueKind & {
  /** @default systemClock */
  readonly clock?: Clock;
  /** Called when a message may have become receivable, now or at another time than before. */
  readonly onChange?: () => void;
};

/** A queue of a state that `openState` opened. */
export function embeddedQueue(db: DatabaseSync, name: string, options: EmbeddedQueueOptions): EmbeddedQueue {
  const { clock = systemClock, deadLetters, onChange } = options;
  const rows = messageRows(db, name, options);
  const changes = changesOf(db);
  if (onChange) changes.on(name, onChange);

  async function receive(
    { max, visibilityMs, waitMs = 0 }: Parameters<Queue['receive']>[0],
    maxGroups: number,
  ): Promise<readonly ReceivedMessage[]> {
    const until = clock.now() + waitMs;
    for (;;) {
      const now = clock.now();
      const { messages, buried } = inTransaction(db, () => rows.take({ max, maxGroups, visibilityMs, now }));
      if (buried > 0 && deadLetters) changes.emit(deadLetters.queue);
      if (messages.length > 0 || now >= until) return messages;
      await changeWithin(Math.min(until, rows.nextVisibleAt() ?? until) - now, name, changes, clock);
    }
  }

  return {
    async send(messages) {
      for (const message of messages) checkMessage(message, name, options.fifo);
      const now = clock.now();
      inTransaction(db, () => {
        rows.forgetIds(now);
        for (const message of messages) rows.add(message, now);
      });
      changes.emit(name);
    },
    receive: (wanted) => receive(wanted, wanted.max),
    receiveLane: (wanted) => receive(wanted, 1),
    async remove(receipt) {
      inTransaction(db, () => rows.remove(receipt, clock.now()));
      changes.emit(name);
    },
    async hide(receipt, ms) {
      rows.hide(receipt, clock.now() + ms);
      changes.emit(name);
    },
    size: async () => rows.count(clock.now()),
    nextVisibleAt: () => rows.nextVisibleAt(),
    holds: (receipt) => rows.holds(receipt),
    peek: async (max, after = '') => rows.peek(max, after),
    count() {
      const { visible, hidden } = rows.count(clock.now());
      return visible + hidden;
    },
  };
}

function changesOf(db: DatabaseSync): EventEmitter {
  const known = emitters.get(db);
  if (known) return known;
  // Every receive that waits listens: as many as there are workers.
  const changes = new EventEmitter().setMaxListeners(0);
  emitters.set(db, changes);
  return changes;
}

/** What SQS would refuse is refused here too, so that what runs on one engine runs on the other. */
function checkMessage(message: OutgoingMessage, queue: string, fifo: boolean): void {
  messageBytes(message, queue);
  const what = `message ${message.id} for queue ${queue}`;
  if (fifo && message.group === undefined) throw new Error(`${what} has no group; on a FIFO queue each has one`);
  const { delayMs = 0 } = message;
  if (fifo && delayMs > 0) throw new Error(`${what} has a delay of ${delayMs} ms; a FIFO queue knows no delays`);
  if (delayMs > MAX_DELAY_MS)
    throw new Error(`${what} has a delay of ${delayMs} ms, at most ${MAX_DELAY_MS} are allowed`);
}

async function changeWithin(ms: number, queue: string, changes: EventEmitter, clock: Clock): Promise<void> {
  const change = new AbortController();
  const noticed = () => change.abort();
  changes.once(queue, noticed);
  try {
    await clock.sleep(ms, change.signal);
  } catch (error) {
    if (!change.signal.aborted) throw error;
  } finally {
    changes.off(queue, noticed);
  }
}
