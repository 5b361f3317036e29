/** A worker of the embedded engine: what a Lambda's event source mapping does with a batch of one. */
import type { EmbeddedQueue } from '../shared/embedded/queue.ts';
import type { ReceivedMessage } from '../shared/queue.ts';
import type { stoppable } from './clock.ts';

/** The milliseconds after which the message is to be seen again, or undefined when it is done with. */
export type Take = (message: ReceivedMessage) => Promise<number | undefined>;

type Shared = { readonly isIdle: () => boolean; readonly running: ReturnType<typeof stoppable> };

/** No message is handed out twice while this process lives, which is all that visibility is for. */
const VISIBILITY_MS = 12 * 3_600_000;
/** A message that comes ends the waiting; this only bounds one sleep. */
const WAIT_MS = 3_600_000;

/** Works until everybody is stopped. The worker after whose message nothing is left stops them all. */
export async function workOff(queue: EmbeddedQueue, take: Take, { isIdle, running }: Shared): Promise<void> {
  try {
    while (!running.isStopped()) {
      const message = await receiveOne(queue, running);
      if (!message) continue;
      const waitMs = await take(message);
      if (waitMs === undefined) await queue.remove(message.receipt);
      else await queue.hide(message.receipt, waitMs);
      if (isIdle()) running.stop();
    }
  } catch (error) {
    running.stop();
    throw error;
  }
}

async function receiveOne(queue: EmbeddedQueue, running: Shared['running']): Promise<ReceivedMessage | undefined> {
  try {
    const [message] = await queue.receive({ max: 1, visibilityMs: VISIBILITY_MS, waitMs: WAIT_MS });
    return message;
  } catch (error) {
    if (running.isStopped()) return undefined;
    throw error;
  }
}
