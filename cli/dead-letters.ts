/** Looks at what lies in a dead-letter queue; nothing of it is moved or deleted. */
import { type DeadMessage, readDeadMessage } from './replay-dead-message.ts';
import { type DeadLetters, startWalk } from './replay-walk.ts';

export type Looked = {
  /** How many were seen. */
  readonly seen: number;
  /** About how many were not: behind others of their lane, held by a replay, or because it was stopped. */
  readonly unseen: number;
};

const BATCH = 10;

export async function lookAtDead(
  deadLetters: DeadLetters,
  visit: (dead: DeadMessage) => void | Promise<void>,
  { now = Date.now, signal }: { readonly now?: () => number; readonly signal?: AbortSignal | undefined } = {},
): Promise<Looked> {
  const { visible, hidden } = await deadLetters.size();
  if (visible === 0) return { seen: 0, unseen: hidden };
  const walk = startWalk(deadLetters, now);
  let seen = 0;
  try {
    while (!signal?.aborted) {
      const messages = await walk.next(BATCH);
      if (messages.length === 0) break;
      for (const message of messages) await visit(readDeadMessage(message));
      seen += messages.length;
    }
  } finally {
    await walk.end();
  }
  return { seen, unseen: Math.max(0, visible + hidden - seen) };
}
