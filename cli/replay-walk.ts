/** Walks through dead letters, each message once: what is not removed stays where it was. */
import type { EmbeddedQueue } from '../shared/embedded/queue.ts';
import type { Queue, ReceivedMessage } from '../shared/queue.ts';

/** The embedded engine's can be looked into without receiving, so that nothing hides what lies behind it in its lane. */
export type DeadLetters = Pick<Queue, 'receive' | 'remove' | 'hide' | 'size'> & Partial<Pick<EmbeddedQueue, 'peek'>>;

export type Walk = {
  /** The next messages, those of one lane in their order; none at the end. */
  next(max: number): Promise<readonly ReceivedMessage[]>;
  remove(message: ReceivedMessage): Promise<void>;
  /** What was not removed can be received again. */
  end(): Promise<void>;
};

export function startWalk(deadLetters: DeadLetters, now: () => number): Walk {
  const { peek } = deadLetters;
  return peek ? walkByPeeking(deadLetters, peek) : walkByReceiving(deadLetters, now);
}

function walkByPeeking(deadLetters: DeadLetters, peek: EmbeddedQueue['peek']): Walk {
  let last: string | undefined;
  return {
    async next(max) {
      const messages = await peek(max, last);
      last = messages.at(-1)?.receipt ?? last;
      return messages;
    },
    remove: ({ receipt }) => deadLetters.remove(receipt),
    end: async () => undefined,
  };
}

/** Long enough to move ten messages at the slowest rate, one a second. */
const VISIBILITY_MS = 60_000;
/** What stays is held so long, and again before that is over: a killed replay leaves it hidden for no longer. */
const HOLD_MS = 900_000;
const RENEW_MS = 300_000;
/** SQS asks all of its servers only when it may wait; otherwise it may find nothing where there is something. */
const WAIT_MS = 1_000;

/** What stays is held, that is invisible, until the end: otherwise the walk would meet it again and again. */
function walkByReceiving(deadLetters: DeadLetters, now: () => number): Walk {
  /** Receipts of the last receive that are not removed. */
  const fresh = new Set<string>();
  /** Receipt → held until; the first to be renewed comes first. */
  const held = new Map<string, number>();
  const hold = async (receipt: string) => {
    held.delete(receipt);
    held.set(receipt, now() + HOLD_MS);
    await deadLetters.hide(receipt, HOLD_MS);
  };
  return {
    async next(max) {
      for (const receipt of fresh) await hold(receipt);
      fresh.clear();
      for (const [receipt, until] of held) {
        if (until - now() > RENEW_MS) break;
        await hold(receipt);
      }
      const messages = await deadLetters.receive({ max, visibilityMs: VISIBILITY_MS, waitMs: WAIT_MS });
      for (const { receipt } of messages) fresh.add(receipt);
      return messages;
    },
    async remove({ receipt }) {
      await deadLetters.remove(receipt);
      fresh.delete(receipt);
    },
    async end() {
      for (const receipt of [...held.keys(), ...fresh]) await deadLetters.hide(receipt, 0);
    },
  };
}
