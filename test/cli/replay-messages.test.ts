/** What a replay does to dead letters, queue and ledger: the same on both engines. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type ReplayOptions, replayMessages } from '../../cli/replay-messages.ts';
import { chunkId, decodeChunkHeader } from '../../shared/chunk.ts';
import type { OutgoingMessage } from '../../shared/queue.ts';
import { receiveAll } from '../shared/queue-fixtures.ts';
import { booksOf, deliverAll, ENGINES, killChunks, openEmbedded, sizesOf, type TestEngine } from './replay-engines.ts';

const ALL: ReplayOptions = { limit: Number.POSITIVE_INFINITY, dryRun: false };

function replayUploads({ queues, deadLetters, ledger }: TestEngine, options: Partial<ReplayOptions> = {}) {
  const ports = { queue: queues.upload, deadLetters: deadLetters.upload, ledger, now: Date.now };
  return replayMessages({ ...ALL, ...options }, ports);
}

test.each(ENGINES)('%s: everything goes back, in order per lane, and is booked back', async (_, open) => {
  const engine = await open();
  const bodies = await killChunks(
    engine,
    [0, 1, 0, 1, 0].map((lane) => ({ lane })),
  );
  expect(await booksOf(engine)).toMatchObject({ dead: 5, inFlight: 0 });
  const replayed = await replayUploads(engine);
  expect(replayed).toMatchObject({ messages: 5, events: 5, unmatched: 0, unseen: 0 });
  expect(replayed.reasons).toEqual({ 'HTTP 400: Invalid API key': 5 });
  expect(await booksOf(engine)).toMatchObject({ dead: 0, inFlight: 5 });
  expect(await sizesOf(engine)).toEqual({ queue: 5, dead: 0 });
  const sent = await deliverAll(engine);
  expect(byLane(sent)).toEqual(byLane(bodies));
});

test.each(ENGINES)('%s: a dry run changes nothing', async (_, open) => {
  const engine = await open();
  const bodies = await killChunks(
    engine,
    [0, 1, 2].map((lane) => ({ lane })),
  );
  const before = [await booksOf(engine), await sizesOf(engine)];
  const looked = await replayUploads(engine, { dryRun: true });
  expect(looked).toMatchObject({ messages: 3, events: 3, sample: [{ reason: 'HTTP 400: Invalid API key' }, {}, {}] });
  expect([await booksOf(engine), await sizesOf(engine)]).toEqual(before);
  expect(byLane((await receiveAll(engine.deadLetters.upload)).map(({ body }) => body))).toEqual(byLane(bodies));
});

test('embedded: after a dry run not even the number of receives is another', async () => {
  const engine = openEmbedded();
  await killChunks(
    engine,
    [0, 0, 1].map((lane) => ({ lane })),
  );
  const before = engine.rows();
  expect(await replayUploads(engine, { dryRun: true, late: 'move' })).toMatchObject({ messages: 3, late: 0 });
  expect(engine.rows()).toEqual(before);
});

test.each(ENGINES)('%s: what was delivered meanwhile is not delivered again', async (_, open) => {
  const engine = await open();
  const bodies = await killChunks(engine, [{ lane: 0 }, { lane: 1 }]);
  // Another copy of the first was on the queue and went through.
  await engine.queues.upload.send([{ id: 'copy', body: bodies[0] ?? '', group: 'lane-0' }]);
  expect(await deliverAll(engine)).toEqual([bodies[0]]);
  await replayUploads(engine);
  expect(await deliverAll(engine)).toEqual([bodies[1]]);
  expect(await booksOf(engine)).toMatchObject({ delivered: 2, dead: 0, inFlight: 0 });
});

test.each(ENGINES)('%s: --limit and Ctrl-C leave the rest as it was, and the next replay goes on', async (_, open) => {
  const engine = await open();
  await killChunks(
    engine,
    [0, 1, 2, 3, 4, 5].map((lane) => ({ lane })),
  );
  expect(await replayUploads(engine, { limit: 1 })).toMatchObject({ messages: 1, unseen: 5 });
  const interrupt = new AbortController();
  const progress = (messages: number) => void (messages === 2 && interrupt.abort());
  expect(await replayUploads(engine, { signal: interrupt.signal, progress })).toMatchObject({ messages: 2, unseen: 3 });
  expect(await sizesOf(engine)).toEqual({ queue: 3, dead: 3 });
  expect(await replayUploads(engine)).toMatchObject({ messages: 3, unseen: 0 });
  expect(await deliverAll(engine)).toHaveLength(6);
});

test.each(ENGINES)('%s: what dies again at once is left for the next replay', async (_, open) => {
  const engine = await open();
  await killChunks(engine, [{ lane: 0 }, { lane: 1 }]);
  let deaths = 0;
  const refusing = {
    ...engine.queues.upload,
    async send(messages: readonly OutgoingMessage[]) {
      await sleep(2);
      deaths += 1;
      await engine.deadLetters.upload.send(messages.map((message) => ({ ...message, id: `death ${deaths}` })));
    },
  };
  const replayed = await replayUploads({ ...engine, queues: { ...engine.queues, upload: refusing } });
  expect(replayed.messages).toBe(2);
  expect(await sizesOf(engine)).toEqual({ queue: 0, dead: 2 });
});

test('a rate is kept, and Ctrl-C does not wait for the next turn', async () => {
  const engine = openEmbedded();
  await killChunks(
    engine,
    [0, 0, 0, 0, 0, 0].map((lane) => ({ lane })),
  );
  const began = Date.now();
  await replayUploads(engine, { rate: 20, limit: 5 });
  expect(Date.now() - began).toBeGreaterThanOrEqual(4 * 50 - 5);
  await killOne(engine);
  const interrupt = new AbortController();
  const progress = () => interrupt.abort();
  const stopped = await replayUploads(engine, { rate: 1, signal: interrupt.signal, progress });
  expect(stopped).toMatchObject({ messages: 1 });
});

test('a message leaves the dead letters only after its successor is durable: killed at any call and run again, nothing is left behind and nothing doubled', async () => {
  for (const hasEffect of [false, true]) {
    for (let killAt = 0; ; killAt += 1) {
      const engine = openEmbedded();
      const bodies = await killChunks(
        engine,
        [0, 0, 1].map((lane) => ({ lane })),
      );
      const isKilled = await replayUploads(mortal(engine, killAt, hasEffect)).then(
        () => false,
        (error: Error) => error.message === 'killed' || Promise.reject(error),
      );
      const { queue, dead } = await sizesOf(engine);
      expect(queue + dead).toBeGreaterThanOrEqual(3);
      // Half the time what was moved is delivered before the replay goes on.
      const first = killAt % 2 === 0 ? await deliverAll(engine) : [];
      await replayUploads(engine);
      const sent = [...first, ...(await deliverAll(engine))];
      expect(sent.toSorted()).toEqual(bodies.toSorted());
      expect(await sizesOf(engine)).toEqual({ queue: 0, dead: 0 });
      expect(await booksOf(engine)).toEqual({ events: 3, delivered: 3, dead: 0, inFlight: 0 });
      if (!isKilled) break;
    }
  }
});

test('embedded: 1,000 dead chunks go back, in order per lane', async () => {
  const engine = openEmbedded();
  const bodies = await killChunks(
    engine,
    Array.from({ length: 1_000 }, (_, i) => ({ lane: (i * 7) % 32 })),
  );
  expect(await replayUploads(engine, { late: 'stay' })).toMatchObject({ messages: 1_000, late: 0, unseen: 0 });
  expect(await sizesOf(engine)).toEqual({ queue: 1_000, dead: 0 });
  expect(byLane(await deliverAll(engine))).toEqual(byLane(bodies));
  expect(await booksOf(engine)).toEqual({ events: 1_000, delivered: 1_000, dead: 0, inFlight: 0 });
});

/** Names of chunks, a list for each lane. */
function byLane(bodies: readonly string[]): Record<string, string[]> {
  const lanes: Record<string, string[]> = {};
  for (const header of bodies.map(decodeChunkHeader)) (lanes[header.lane] ??= []).push(chunkId(header));
  return lanes;
}

async function killOne({ deadLetters, queues }: TestEngine): Promise<void> {
  const [message] = await queues.upload.receive({ max: 1, visibilityMs: 60_000 });
  await deadLetters.upload.send([{ id: 'one more', body: message?.body ?? '', group: message?.group ?? '' }]);
}

/** From its n-th call on nothing works any more; that one call still has its effect, or not. */
function mortal(engine: TestEngine, killAt: number, hasEffect: boolean): TestEngine {
  let calls = 0;
  const wrap = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get(target, name) {
        const original: unknown = Reflect.get(target, name);
        if (typeof original !== 'function') return original;
        return (...args: unknown[]): unknown => {
          calls += 1;
          if (calls <= killAt) return original.apply(target, args) as unknown;
          if (calls === killAt + 1 && hasEffect) {
            const result = original.apply(target, args) as unknown;
            return Promise.resolve(result).then(() => Promise.reject(new Error('killed')));
          }
          throw new Error('killed');
        };
      },
    });
  return {
    queues: { ...engine.queues, upload: wrap(engine.queues.upload) },
    deadLetters: { ...engine.deadLetters, upload: wrap(engine.deadLetters.upload) },
    ledger: wrap(engine.ledger),
    view: engine.view,
  };
}
