/** A worker of the embedded engine: what a Lambda's event source mapping does with a batch. */
import type { EmbeddedQueue } from '../shared/embedded/queue.ts';
import { MAX_BATCH, type ReceivedMessage } from '../shared/queue.ts';
import type { stoppable } from './clock.ts';

/** For each message the milliseconds after which it is to be seen again, or undefined when it is done with. */
export type Take = (messages: readonly ReceivedMessage[]) => Promise<readonly (number | undefined)[]>;

type Shared = { readonly isIdle: () => boolean; readonly running: ReturnType<typeof stoppable> };

/** No message is handed out twice while this process lives, which is all that visibility is for. */
const VISIBILITY_MS = 12 * 3_600_000;
/** A message that comes ends the waiting; this only bounds one sleep. */
const WAIT_MS = 3_600_000;

/** Works until everybody is stopped. The worker after whose message nothing is left stops them all. */
export async function workOff(queue: EmbeddedQueue, take: Take, { isIdle, running }: Shared): Promise<void> {
  try {
    while (!running.isStopped()) {
      const messages = await receiveSome(queue, running);
      if (messages.length === 0) continue;
      const waits = await take(messages);
      for (const [i, { receipt }] of messages.entries()) {
        const waitMs = waits[i];
        if (waitMs === undefined) await queue.remove(receipt);
        else await queue.hide(receipt, waitMs);
      }
      if (isIdle()) running.stop();
    }
  } catch (error) {
    running.stop();
    throw error;
  }
}

async function receiveSome(queue: EmbeddedQueue, running: Shared['running']): Promise<readonly ReceivedMessage[]> {
  try {
    return await queue.receiveLane({ max: MAX_BATCH, visibilityMs: VISIBILITY_MS, waitMs: WAIT_MS });
  } catch (error) {
    if (running.isStopped()) return [];
    throw error;
  }
}
