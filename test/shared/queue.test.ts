/** One contract for the queues of both engines: embedded, and SQS as fauxqs has it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqsQueue } from '../../shared/aws/queue.ts';
import { embeddedQueue } from '../../shared/embedded/queue.ts';
import { openState } from '../../shared/embedded/state.ts';
import { startFauxqs } from '../fauxqs.ts';
import { fakeClock } from './fake-clock.ts';
import { queueContract } from './queue-contract.ts';
import type { QueueEngine } from './queue-fixtures.ts';

const MAX_RECEIVES = 3;

queueContract('embedded queue', async (): Promise<QueueEngine> => {
  const directory = mkdtempSync(join(tmpdir(), 'queue-'));
  const state = openState(directory);
  const clock = fakeClock();
  let count = 0;
  return {
    async open(fifo) {
      count += 1;
      const name = `queue-${count}`;
      const dead = `${name}-dead`;
      const deadLetters = { queue: dead, maxReceives: MAX_RECEIVES };
      return {
        queue: embeddedQueue(state.db, name, { fifo, deadLetters, clock }),
        deadLetters: embeddedQueue(state.db, dead, { fifo, clock }),
      };
    },
    now: clock.now,
    async stop() {
      state.close();
      rmSync(directory, { recursive: true });
    },
  };
});

queueContract('SQS queue (fauxqs)', startSqs, {
  refusesEmoji: 'fauxqs 2.4.1 takes U+0000 to U+FFFF only; SQS also takes U+10000 to U+10FFFF',
  keepsSentAtOfDeadFifo: 'fauxqs 2.4.1 moves the message as it is; SQS sets the time anew on FIFO queues',
});

async function startSqs(): Promise<QueueEngine> {
  const { sqs, createQueue, stop } = await startFauxqs();
  let count = 0;
  return {
    async open(fifo) {
      count += 1;
      const suffix = fifo ? '.fifo' : '';
      const dead = `queue-${count}-dead${suffix}`;
      const deadUrl = await createQueue(dead);
      const url = await createQueue(`queue-${count}${suffix}`, { queue: dead, maxReceives: MAX_RECEIVES });
      return { queue: sqsQueue(sqs, url, { fifo }), deadLetters: sqsQueue(sqs, deadUrl, { fifo }) };
    },
    now: Date.now,
    stop,
  };
}
