/** What the tests of queues have in common: the engine under test, and ways to receive. */
import type { Queue, ReceivedMessage } from '../../shared/queue.ts';

export type QueuePair = { readonly queue: Queue; readonly deadLetters: Queue };

export type QueueEngine = {
  /** An empty queue and its dead-letter queue of the same kind, which takes what was received 3 times in vain. */
  open(fifo: boolean): Promise<QueuePair>;
  /** Ms since epoch, as the queue sees it. */
  now(): number;
  stop(): Promise<void>;
};

/** What an engine cannot do, each with the reason: where it is set, the contract expects less, or another thing. */
export type Exceptions = {
  /** It keeps the time a message was first sent when a FIFO message goes to the dead letters; SQS starts it anew. */
  readonly keepsSentAtOfDeadFifo?: string;
  /** It refuses some characters that SQS takes. */
  readonly refusesEmoji?: string;
};

/** SQS knows no finer time. */
export const SECOND = 1_000;

/** The next message, which may take until something hidden for a second is visible. */
export async function receiveOne(queue: Queue, visibilityMs = 30 * SECOND): Promise<ReceivedMessage> {
  const [message] = await queue.receive({ max: 1, visibilityMs, waitMs: 5 * SECOND });
  if (!message) throw new Error('expected a message, got none');
  return message;
}

/** Receives and removes until nothing is left. */
export async function receiveAll(queue: Queue): Promise<ReceivedMessage[]> {
  const all: ReceivedMessage[] = [];
  for (;;) {
    const received = await queue.receive({ max: 10, visibilityMs: 30 * SECOND });
    if (received.length === 0) return all;
    for (const { receipt } of received) await queue.remove(receipt);
    all.push(...received);
  }
}

/** When the message was sent. */
export async function receiveInVain(queue: Queue, times: number): Promise<number> {
  let sentAt = 0;
  for (let n = 0; n < times; n += 1) {
    const message = await receiveOne(queue);
    sentAt = message.sentAt;
    await queue.hide(message.receipt, 0);
  }
  return sentAt;
}
