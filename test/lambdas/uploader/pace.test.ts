/** Lanes rest as long as arithmetic says that Amplitude's limits need, and no longer. */
import { expect, test } from 'vitest';
import { type PaceRules, restAfter, type Sent } from '../../../lambdas/uploader/pace.ts';
import type { TakeChunkPorts } from '../../../lambdas/uploader/take-chunk.ts';
import { eventsOf } from './chunks.ts';
import { start } from './with-simulator.ts';
import { idsOf, storedIds } from './written.ts';

const RULES: PaceRules = { api: 'batch', uploaders: 8 };
const SENT: Sent = { hottest: 0, spread: 1, events: 2_000, tookMs: 500, wasThrottled: false };

test.each<[string, Partial<Sent>, Partial<PaceRules>, number]>([
  ['nobody is hot', { hottest: 1 }, {}, 2],
  ['one device has the whole chunk', { hottest: 2_000 }, {}, 2_151],
  ['HTTP V2 takes 30 events/s', { hottest: 60 }, { api: 'http-v2' }, 2_151],
  ['the project is capped, and each uploader keeps its share', {}, { projectEventsPerSecond: 1_000 }, 16_000],
  ['the tighter of the two counts', { hottest: 2_000 }, { projectEventsPerSecond: 1_000 }, 16_000],
  [
    'a device in many lanes is cool, and all uploaders at once cannot be too fast for it',
    { hottest: 50, spread: 32 },
    {},
    0,
  ],
  ['a device in many lanes is too warm: as if each of them held as much of it', { hottest: 93, spread: 20 }, {}, 1_500],
  ['a device in two lanes meets itself at most once', { hottest: 200, spread: 2 }, {}, 0],
  ['somebody was throttled all the same', { hottest: 1, wasThrottled: true }, {}, 30_000],
])('a lane rests: %s', (_, sent, rules, ms) => {
  expect(restAfter({ ...SENT, ...sent }, { ...RULES, ...rules }).hiddenMs).toBe(ms);
});

function holding(maxMs: number, held: number[]) {
  const hold = { maxMs, sleep: async (ms: number) => void held.push(ms) };
  return (ports: TakeChunkPorts) => ({ ports: { ...ports, hold }, isAlive: () => true });
}

test('a short rest is held, and the message is acknowledged', async () => {
  const { uploader } = await start();
  await uploader.importChunks(eventsOf(93, 'a'));
  const held: number[] = [];
  await uploader.step(holding(2_000, held));
  expect(held).toEqual([100]);
  expect(await uploader.queues.upload.size()).toEqual({ visible: 0, hidden: 0 });
});

test('a long rest is taken with the message invisible, its chunk settled already; then it is acknowledged without a request', async () => {
  const { uploader, simulator } = await start();
  const [first, second] = [eventsOf(93, 'a'), eventsOf(1, 'b')];
  await uploader.importChunks(first, second);
  await uploader.step(holding(50, []));
  expect(await uploader.books()).toMatchObject({ delivered: 93, inFlight: 1 });
  expect(await uploader.queues.upload.size()).toMatchObject({ hidden: 1 });
  const before = uploader.clock.now();
  await uploader.step(holding(50, []));
  expect(uploader.clock.now() - before).toBe(100);
  await uploader.work(holding(50, []));
  expect(storedIds(simulator)).toEqual(idsOf([...first, ...second]));
  expect(simulator.counts().requests.batch).toEqual({ 200: 2 });
});

test('HTTP V2 is sent to where it lives, with the same books', async () => {
  const { uploader, simulator } = await start({}, { source: { api: 'http-v2' } });
  await uploader.importChunks(eventsOf(5, 'a'));
  await uploader.work();
  expect(simulator.counts().requests).toMatchObject({ httpapi: { 200: 1 } });
  expect(uploader.receipts).toMatchObject([{ state: 'complete', delivered: 5 }]);
});
