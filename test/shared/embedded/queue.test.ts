/** What the embedded queue does beyond the contract: it outlives its process, and nobody waits longer than needed. */
import { expect, onTestFinished, test } from 'vitest';
import { embeddedQueue } from '../../../shared/embedded/queue.ts';
import { openState } from '../../../shared/embedded/state.ts';
import { fakeClock } from '../fake-clock.ts';
import { receiveAll, receiveOne, SECOND } from '../queue-fixtures.ts';
import { temporaryDirectory } from '../temporary.ts';

const MINUTE = 60 * SECOND;

test('a queue is the same after its process was started again', async () => {
  const directory = temporaryDirectory();
  const clock = fakeClock();
  const before = openState(directory);
  const queue = embeddedQueue(before.db, 'upload', { fifo: true, clock });
  await queue.send(['a1', 'b1', 'c1', 'a2', 'b2'].map((id) => ({ id, body: id, group: id.slice(0, 1) })));
  const receive = async () => (await queue.receive({ max: 1, visibilityMs: 10 * MINUTE }))[0];
  const [a1, b1] = [await receive(), await receive(), await receive()];
  await queue.remove(a1?.receipt ?? '');
  await queue.hide(b1?.receipt ?? '', 10 * MINUTE);
  before.close();

  const after = openState(directory);
  onTestFinished(after.close);
  const again = embeddedQueue(after.db, 'upload', { fifo: true, clock });
  // c1 was in flight; b1 was hidden on purpose, and b2 is behind it.
  const received = await again.receive({ max: 10, visibilityMs: SECOND });
  expect(received).toMatchObject([
    { body: 'c1', receives: 2 },
    { body: 'a2', receives: 1 },
  ]);
  await again.send([{ id: 'a1', body: 'a1', group: 'a' }]);
  expect(await again.size()).toEqual({ visible: 1, hidden: 3 });
});

test('an id may be sent again after 5 minutes', async () => {
  const { queue, clock } = openQueue(true);
  const message = { id: 'same', body: 'a', group: 'g' };
  await queue.send([message]);
  clock.advance(5 * MINUTE - 1);
  await queue.send([message]);
  clock.advance(1);
  await queue.send([message]);
  expect(await receiveAll(queue)).toHaveLength(2);
});

test('the message that has been visible longest comes first, so that no group waits for ever', async () => {
  const { queue, clock } = openQueue(true);
  await queue.send([{ id: 'z1', body: 'z1', group: 'z' }]);
  clock.advance(1);
  await queue.send(['a1', 'a2'].map((id) => ({ id, body: id, group: 'a' })));
  const first = await receiveOne(queue);
  clock.advance(1);
  await queue.hide(first.receipt, 0);
  expect([first.body, (await receiveOne(queue)).body]).toEqual(['z1', 'a1']);
});

test('a lane is received alone, in order, and only as much of it as is small', async () => {
  const { queue } = openQueue(true);
  const large = 'x'.repeat(200_000);
  const bodies = { a: ['a1', 'a2', large, 'a4'], b: [large, large, 'b3'] };
  await queue.send(
    Object.entries(bodies).flatMap(([group, all]) => all.map((body, i) => ({ id: `${group}${i}`, body, group }))),
  );
  const receiveLane = async () => {
    const received = await queue.receiveLane({ max: 10, visibilityMs: SECOND });
    for (const { receipt } of received) await queue.remove(receipt);
    return received.map(({ body }) => body);
  };
  expect([await receiveLane(), await receiveLane(), await receiveLane()]).toEqual([bodies.a, [large], [large, 'b3']]);
  expect(await receiveLane()).toEqual([]);
});

test('behind a group’s dead messages the next one is received in the same go', async () => {
  const { queue, clock } = openQueue(true, 1);
  await queue.send(['a1', 'a2'].map((id) => ({ id, body: id, group: 'a' })));
  await receiveOne(queue, SECOND);
  clock.advance(SECOND);
  expect(await queue.receive({ max: 1, visibilityMs: SECOND })).toMatchObject([{ body: 'a2' }]);
});

test('a standard queue keeps the group of a message', async () => {
  const { queue } = openQueue(false);
  await queue.send([{ id: 'a', body: 'a', group: 'g' }]);
  expect(await receiveOne(queue)).toMatchObject({ group: 'g' });
});

test('the receipt of a removed message is not the receipt of the next one', async () => {
  const { queue } = openQueue(false);
  await queue.send([{ id: 'a', body: 'a' }]);
  const first = await receiveOne(queue);
  await queue.remove(first.receipt);
  await queue.send([{ id: 'b', body: 'b' }]);
  await receiveOne(queue);
  await queue.remove(first.receipt);
  await queue.remove('no receipt at all');
  expect(await queue.size()).toEqual({ visible: 0, hidden: 1 });
});

test('it says when the next message is to be had', async () => {
  const { queue, clock } = openQueue(true);
  const start = clock.now();
  expect(queue.nextVisibleAt()).toBeUndefined();
  await queue.send(['a1', 'a2'].map((id) => ({ id, body: id, group: 'a' })));
  expect(queue.nextVisibleAt()).toBe(start);
  const head = await receiveOne(queue, MINUTE);
  expect(queue.nextVisibleAt()).toBe(start + MINUTE);
  await queue.hide(head.receipt, 2 * MINUTE);
  expect(queue.nextVisibleAt()).toBe(start + 2 * MINUTE);
  await queue.remove(head.receipt);
  expect(queue.nextVisibleAt()).toBe(start);
});

test('peek shows every message in the order it was sent, changes nothing, and its receipts remove', async () => {
  const { queue, clock } = openQueue(true);
  await queue.send(['a1', 'a2', 'b1', 'a3'].map((id) => ({ id, body: id, group: id.slice(0, 1), attributes: { id } })));
  const a1 = await receiveOne(queue, MINUTE);
  const first = await queue.peek(2);
  expect(first).toEqual([a1, { ...a1, body: 'a2', receives: 0, receipt: first[1]?.receipt, attributes: { id: 'a2' } }]);
  const rest = await queue.peek(10, first[1]?.receipt);
  expect(rest.map(({ body }) => body)).toEqual(['b1', 'a3']);
  expect(await queue.peek(10)).toEqual([...first, ...rest]);
  expect(await queue.size()).toEqual({ visible: 3, hidden: 1 });

  // Behind the head of its group, and then the head itself.
  for (const { receipt } of first.toReversed()) await queue.remove(receipt);
  expect(await queue.peek(10, first[1]?.receipt)).toEqual(rest);
  clock.advance(MINUTE);
  expect((await receiveAll(queue)).map(({ body }) => body)).toEqual(['b1', 'a3']);
});

test('who waits sleeps exactly until the next message is visible, or until something changes', async () => {
  const { queue, clock, slept } = openQueue(true);
  await queue.send(['a1', 'a2'].map((id) => ({ id, body: id, group: 'a' })));
  const head = await receiveOne(queue, MINUTE);
  const waiting = queue.receive({ max: 1, visibilityMs: SECOND, waitMs: 5 * MINUTE });
  await queue.remove(head.receipt);
  expect(await waiting).toMatchObject([{ body: 'a2' }]);
  expect(await receiveOne(queue, MINUTE)).toMatchObject({ body: 'a2', receives: 2 });
  expect(await queue.receive({ max: 1, visibilityMs: 1, waitMs: 5 })).toEqual([]);
  // Woken by the removal; by a2's visibility; by the end of the wait.
  expect(slept).toEqual([MINUTE, SECOND, 5]);
  expect(clock.now()).toBe(fakeClock().now() + SECOND + 5);
});

test('changes are announced, also those that another object or a dying message makes', async () => {
  const changed: string[] = [];
  const { db } = openTemporary();
  const clock = fakeClock();
  const announce = (name: string) => ({ clock, fifo: false, onChange: () => changed.push(name) });
  const queue = embeddedQueue(db, 'q', { ...announce('q'), deadLetters: { queue: 'dead', maxReceives: 1 } });
  embeddedQueue(db, 'dead', announce('dead'));
  embeddedQueue(db, 'other', announce('other'));
  await embeddedQueue(db, 'q', { fifo: false, clock }).send([{ id: 'a', body: 'a' }]);
  const { receipt } = await receiveOne(queue);
  await queue.hide(receipt, 0);
  await queue.receive({ max: 1, visibilityMs: 1 });
  expect(changed).toEqual(['q', 'q', 'dead']);
});

function openQueue(fifo: boolean, maxReceives = 3) {
  const { db } = openTemporary();
  const clock = fakeClock();
  const slept: number[] = [];
  const noted = {
    now: clock.now,
    sleep(ms: number, signal?: AbortSignal) {
      slept.push(ms);
      return clock.sleep(ms, signal);
    },
  };
  const queue = embeddedQueue(db, 'q', { fifo, clock: noted, deadLetters: { queue: 'dead', maxReceives } });
  return { queue, clock, slept };
}

function openTemporary() {
  const state = openState(temporaryDirectory());
  onTestFinished(state.close);
  return state;
}
