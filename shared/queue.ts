/** The queue port: at-least-once messages with groups (lanes), visibility and dead letters, as SQS has them. */

/** A message to send. */
export type OutgoingMessage = {
  /** On a FIFO queue the deduplication id (5 minutes); elsewhere only a name for error messages. At most 128 characters. */
  readonly id: string;
  readonly body: string;
  /** On a FIFO queue: messages of one group are handed out one at a time, in the order they were sent. */
  readonly group?: string;
  /** On a standard queue: not visible before this many milliseconds, at most 15 minutes. */
  readonly delayMs?: number;
  readonly attributes?: Readonly<Record<string, string>>;
};

/** A message as received: ours until its visibility timeout ends. */
export type ReceivedMessage = {
  readonly body: string;
  /** What `remove` and `hide` take; valid for this receive only. */
  readonly receipt: string;
  /** How often it has been received, this time included. */
  readonly receives: number;
  /** When it was first sent to this queue, ms since epoch. */
  readonly sentAt: number;
  readonly group?: string;
  readonly attributes: Readonly<Record<string, string>>;
};

export type Queue = {
  /**
   * Resolves only when the queue holds every message; one that SQS names in `Failed[]` is tried again, and if it still
   * fails this throws. Messages of one group keep their order.
   */
  send(messages: readonly OutgoingMessage[]): Promise<void>;
  /**
   * At most `max` (1-10) visible messages, invisible to others for `visibilityMs`. Waits at most `waitMs` for the first. Of
   * one group there may be several, in their order; the group is held back as long as the first of them is hidden.
   */
  receive(options: {
    readonly max: number;
    readonly visibilityMs: number;
    readonly waitMs?: number;
  }): Promise<readonly ReceivedMessage[]>;
  /** Acknowledges: the message is gone. A receipt that is no longer valid is ignored. */
  remove(receipt: string): Promise<void>;
  /** The message becomes visible again after `ms` (0: at once; at most 12 hours), counted from now. */
  hide(receipt: string, ms: number): Promise<void>;
  /** About how many messages it holds. */
  size(): Promise<{ readonly visible: number; readonly hidden: number }>;
};

/** Messages in one receive, one send or one batch of a function: SQS's own limit, for a FIFO queue that of Lambda too. */
export const MAX_BATCH = 10;

/** SQS refuses larger messages, and batches larger in sum (SQS quotas: 1 MiB; attributes and ids count). */
export const MAX_MESSAGE_BYTES = 1_048_576;
