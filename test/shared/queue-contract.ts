/** What every adapter of the queue port does. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OutgoingMessage } from '../../shared/queue.ts';
import { groupContract } from './queue-group-contract.ts';
import { type Exceptions, type QueueEngine, receiveAll, receiveInVain, receiveOne, SECOND } from './queue-fixtures.ts';

export function queueContract(
  name: string,
  startEngine: () => Promise<QueueEngine>,
  exceptions: Exceptions = {},
): void {
  describe(name, () => {
    let engine: QueueEngine;
    beforeAll(async () => {
      engine = await startEngine();
    });
    afterAll(() => engine.stop());
    messages(() => engine, exceptions);
    visibility(() => engine);
    deadLetters(() => engine, exceptions);
    groupContract(() => engine);
  });
}

function messages(engine: () => QueueEngine, { refusesEmoji }: Exceptions): void {
  test('a message is received as it was sent', async () => {
    const { queue } = await engine().open(false);
    const sent = { id: 'a', body: '{"größe":1}\n', attributes: { dump: 'd1', 'reason.code': '429' } };
    const before = engine().now();
    await queue.send([sent]);
    const [message] = await queue.receive({ max: 1, visibilityMs: 30 * SECOND });
    expect(message).toMatchObject({ body: sent.body, attributes: sent.attributes, receives: 1 });
    expect(message?.sentAt).toBeGreaterThanOrEqual(before);
    expect(message?.sentAt).toBeLessThanOrEqual(engine().now());
    expect(message).not.toHaveProperty('group');
  });

  test('a message may hold any character of Unicode', async () => {
    const { queue } = await engine().open(false);
    const body = refusesEmoji ? 'ÄЖ中\u2028' : 'ÄЖ中\u2028😀';
    await queue.send([{ id: 'a', body }]);
    expect(await receiveAll(queue)).toMatchObject([{ body }]);
  });

  test('all of more messages than one request takes arrive', async () => {
    const { queue } = await engine().open(false);
    const sent = numbered(25);
    await queue.send(sent);
    expect((await receiveAll(queue)).map(({ body }) => body).sort()).toEqual(sent.map(({ body }) => body).sort());
  });

  test('all of more bytes than one request takes arrive', async () => {
    const { queue } = await engine().open(true);
    const body = 'x'.repeat(500_000);
    await queue.send(['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, body, group: id })));
    expect((await receiveAll(queue)).map((message) => message.body.length)).toEqual(Array(5).fill(500_000));
  });

  test('sending nothing does nothing', async () => {
    const { queue } = await engine().open(true);
    await queue.send([]);
    expect(await queue.size()).toEqual({ visible: 0, hidden: 0 });
  });

  test('a message larger than SQS takes is refused by name, and nothing is sent', async () => {
    const { queue } = await engine().open(false);
    const large = { id: 'large', body: 'x'.repeat(1_048_577) };
    await expect(queue.send([{ id: 'small', body: 'x' }, large])).rejects.toThrow(/message large .* 1048582 bytes/);
    expect(await queue.size()).toEqual({ visible: 0, hidden: 0 });
  });

  test('a removed message is gone', async () => {
    const { queue } = await engine().open(false);
    await queue.send([{ id: 'a', body: 'a' }]);
    const message = await receiveOne(queue);
    await queue.remove(message.receipt);
    expect(await queue.size()).toEqual({ visible: 0, hidden: 0 });
    await queue.remove(message.receipt);
  });

  test('an empty queue answers at once with nothing, or after the time it may wait', async () => {
    const { queue } = await engine().open(false);
    expect(await queue.receive({ max: 10, visibilityMs: SECOND })).toEqual([]);
    expect(await queue.receive({ max: 10, visibilityMs: SECOND, waitMs: SECOND })).toEqual([]);
  });

  test('a receive that waits gets what is sent meanwhile', async () => {
    const { queue } = await engine().open(false);
    const waiting = queue.receive({ max: 1, visibilityMs: SECOND, waitMs: 20 * SECOND });
    await queue.send([{ id: 'a', body: 'a' }]);
    expect(await waiting).toMatchObject([{ body: 'a' }]);
  });
}

function visibility(engine: () => QueueEngine): void {
  test('a received message is invisible until its visibility ends, then received once more', async () => {
    const { queue } = await engine().open(false);
    await queue.send([{ id: 'a', body: 'a' }]);
    await receiveOne(queue, SECOND);
    expect(await queue.receive({ max: 1, visibilityMs: SECOND })).toEqual([]);
    expect(await receiveOne(queue, SECOND)).toMatchObject({ body: 'a', receives: 2 });
  });

  test('a receipt is good for its own receive only', async () => {
    const { queue } = await engine().open(false);
    await queue.send([{ id: 'a', body: 'a' }]);
    const first = await receiveOne(queue);
    await queue.hide(first.receipt, 0);
    const second = await receiveOne(queue);
    await queue.remove(first.receipt);
    await queue.hide(first.receipt, 0);
    expect(await queue.size()).toEqual({ visible: 0, hidden: 1 });
    await queue.remove(second.receipt);
    expect(await queue.size()).toEqual({ visible: 0, hidden: 0 });
  });

  test('a hidden message comes back after the time given, not after its visibility', async () => {
    const { queue } = await engine().open(false);
    await queue.send([{ id: 'a', body: 'a' }]);
    const message = await receiveOne(queue, 60 * SECOND);
    await queue.hide(message.receipt, SECOND);
    expect(await queue.receive({ max: 1, visibilityMs: SECOND })).toEqual([]);
    expect(await receiveOne(queue)).toMatchObject({ receives: 2 });
  });

  test('a delayed message is invisible at first', async () => {
    const { queue } = await engine().open(false);
    await queue.send([{ id: 'a', body: 'a', delayMs: SECOND }]);
    expect(await queue.receive({ max: 1, visibilityMs: SECOND })).toEqual([]);
    expect(await queue.size()).toEqual({ visible: 0, hidden: 1 });
    expect(await receiveOne(queue)).toMatchObject({ receives: 1 });
  });

  test('the size tells visible from hidden messages', async () => {
    const { queue } = await engine().open(false);
    await queue.send(numbered(5));
    await queue.receive({ max: 2, visibilityMs: 30 * SECOND });
    expect(await queue.size()).toEqual({ visible: 3, hidden: 2 });
  });
}

function deadLetters(engine: () => QueueEngine, { keepsSentAtOfDeadFifo }: Exceptions): void {
  test('a message received 3 times in vain goes to the dead letters as it was', async () => {
    const { queue, deadLetters } = await engine().open(false);
    await queue.send([{ id: 'a', body: 'a', attributes: { dump: 'd1' } }]);
    const sentAt = await receiveInVain(queue, 3);
    expect(await queue.receive({ max: 1, visibilityMs: SECOND })).toEqual([]);
    expect(await queue.size()).toEqual({ visible: 0, hidden: 0 });
    expect(await receiveOne(deadLetters)).toMatchObject({ body: 'a', attributes: { dump: 'd1' }, sentAt });
  });

  test('a dead message of a group goes with its group, and the next one of the group has its turn', async () => {
    const { queue, deadLetters } = await engine().open(true);
    await queue.send(['a', 'b'].map((id) => ({ id, body: id, group: 'g' })));
    const sentAt = await receiveInVain(queue, 3);
    // The wait lets a clock that is not the machine's go on.
    expect(await deadLetters.receive({ max: 1, visibilityMs: SECOND, waitMs: SECOND })).toEqual([]);
    expect(await receiveOne(queue)).toMatchObject({ body: 'b', receives: 1 });
    const dead = await receiveOne(deadLetters);
    expect(dead).toMatchObject({ body: 'a', group: 'g' });
    if (keepsSentAtOfDeadFifo) expect(dead.sentAt).toBe(sentAt);
    else expect(dead.sentAt).toBeGreaterThan(sentAt);
  });
}

function numbered(count: number): OutgoingMessage[] {
  return Array.from({ length: count }, (_, n) => ({ id: `id-${n}`, body: `body ${n}` }));
}
