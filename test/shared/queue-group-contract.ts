/** What every adapter of the queue port does on a FIFO queue: groups in order, one message of each at a time, no repeats. */
import { expect, test } from 'vitest';
import type { Queue, ReceivedMessage } from '../../shared/queue.ts';
import { type QueueEngine, receiveAll, receiveOne, SECOND } from './queue-fixtures.ts';

export function groupContract(engine: () => QueueEngine): void {
  test('a group is handed out in order, one message at a time', async () => {
    const { queue } = await engine().open(true);
    const sent = ['a1', 'b1', 'a2', 'a3', 'b2', 'a4'].map((id) => ({ id, body: id, group: id.slice(0, 1) }));
    await queue.send(sent);
    const rounds: string[][] = [];
    for (;;) {
      const received = await receiveSingly(queue);
      if (received.length === 0) break;
      for (const { receipt, body, group } of received) {
        expect(group).toBe(body.slice(0, 1));
        await queue.remove(receipt);
      }
      rounds.push(received.map(({ body }) => body).sort());
    }
    expect(rounds).toEqual([['a1', 'b1'], ['a2', 'b2'], ['a3'], ['a4']]);
  });

  test('order within a group is kept over more messages than one request takes', async () => {
    const { queue } = await engine().open(true);
    const sent = Array.from({ length: 36 }, (_, n) => ({
      id: `${n}`,
      body: String(n).padStart(2, '0'),
      group: `${n % 3}`,
    }));
    await queue.send(sent);
    const received = await receiveAll(queue);
    for (const group of ['0', '1', '2']) {
      const bodies = received.filter((message) => message.group === group).map(({ body }) => body);
      expect(bodies).toEqual([...bodies].sort());
      expect(bodies).toHaveLength(12);
    }
  });

  test('several messages of a group may come at once, in order; what is given back keeps its place', async () => {
    const { queue } = await engine().open(true);
    const bodies = ['a1', 'a2', 'a3', 'a4'];
    await queue.send(bodies.map((id) => ({ id, body: id, group: 'a' })));
    const received = await queue.receive({ max: 3, visibilityMs: 30 * SECOND });
    expect(received.map(({ body }) => body)).toEqual(bodies.slice(0, Math.max(1, received.length)));
    const [first, ...others] = received;
    await queue.remove(first?.receipt ?? '');
    for (const message of others) await queue.hide(message.receipt, 0);
    expect((await receiveAll(queue)).map(({ body }) => body)).toEqual(bodies.slice(1));
  });

  test('a hidden message holds its group back and no other, and keeps its place', async () => {
    const { queue } = await engine().open(true);
    await queue.send(['a1', 'a2'].map((id) => ({ id, body: id, group: 'a' })));
    const head = await receiveOne(queue);
    await queue.hide(head.receipt, 60 * SECOND);
    await queue.send([{ id: 'b1', body: 'b1', group: 'b' }]);
    expect(await queue.receive({ max: 10, visibilityMs: 30 * SECOND })).toMatchObject([{ body: 'b1' }]);
    await queue.hide(head.receipt, 0);
    expect(await receiveOne(queue)).toMatchObject({ body: 'a1', receives: 2 });
  });

  test('an id sent again is delivered once, also when the first is removed already', async () => {
    const { queue } = await engine().open(true);
    const message = { id: 'same', body: 'a', group: 'g' };
    await queue.send([message]);
    await queue.send([message]);
    const received = await receiveAll(queue);
    await queue.send([message]);
    expect(received).toHaveLength(1);
    expect(await queue.size()).toEqual({ visible: 0, hidden: 0 });
  });

  test('on a standard queue an id may be sent again', async () => {
    const { queue } = await engine().open(false);
    await queue.send([{ id: 'same', body: 'a' }]);
    await queue.send([{ id: 'same', body: 'a' }]);
    expect(await receiveAll(queue)).toHaveLength(2);
  });

  test('what a FIFO queue cannot do is refused by name', async () => {
    const { queue } = await engine().open(true);
    await expect(queue.send([{ id: 'no-group', body: 'a' }])).rejects.toThrow(/no-group/);
    await expect(queue.send([{ id: 'late', body: 'a', group: 'g', delayMs: SECOND }])).rejects.toThrow(/late/);
    expect(await queue.size()).toEqual({ visible: 0, hidden: 0 });
  });
}

/** One by one, because of what is asked for at once SQS may take several from one group. */
async function receiveSingly(queue: Queue): Promise<ReceivedMessage[]> {
  const all: ReceivedMessage[] = [];
  for (;;) {
    const [message] = await queue.receive({ max: 1, visibilityMs: 30 * SECOND });
    if (!message) return all;
    all.push(message);
  }
}
