/** Throttled events wait on the parked queue without holding up the others, until Amplitude takes them. */
import { describe, expect, test } from 'vitest';
import { FAULTS } from '../../../local/simulator-faults.ts';
import type { TakeChunkPorts } from '../../../lambdas/uploader/take-chunk.ts';
import { decodeChunk } from '../../../shared/chunk.ts';
import { eventsOf } from './chunks.ts';
import type { Process, Uploader } from './uploader.ts';
import { start } from './with-simulator.ts';
import { deadOf, idsOf, rejectsOf, storedIds } from './written.ts';

/** 30 events of a device in 30 seconds. */
const SLOW = { switches: { batchEventsPerSecond: 1 } };
const HOUR = 3_600_000;

test('only the throttled events are parked, in one message of their own, and the rest are delivered at once', async () => {
  const { uploader, simulator } = await start(SLOW);
  const [first, fine, hot] = [
    eventsOf(30, 'hot'),
    eventsOf(3, 'fine'),
    eventsOf(2, 'hotter', { device_id: 'device hot' }),
  ];
  await uploader.importChunks(first, [...fine.slice(0, 1), ...hot, ...fine.slice(1)]);
  await uploader.step();
  await uploader.step();
  expect(storedIds(simulator)).toEqual(idsOf([...first, ...fine]));
  expect(await uploader.books()).toMatchObject({ delivered: 33, parked: 2, inFlight: 0, requests: 3 });
  const [parked] = await peek(uploader);
  expect(parked).toMatchObject({ events: 2, hottest: 2, positions: [32, 33], number: 1, parked: { parent: '1' } });
  expect(uploader.receipts).toEqual([]);
});

test('they are delivered when the window has passed, and with them the books are closed', async () => {
  const { uploader, simulator } = await start(SLOW);
  const events = [eventsOf(30, 'hot'), eventsOf(5, 'hotter', { device_id: 'device hot' })];
  const began = uploader.clock.now();
  await uploader.importChunks(...events);
  await uploader.work();
  expect(storedIds(simulator)).toEqual(idsOf(events.flat()));
  expect(uploader.receipts).toMatchObject([{ state: 'complete', delivered: 35, parked: 0, refused: 0 }]);
  expect(uploader.clock.now() - began).toBeGreaterThanOrEqual(30_000);
  expect(uploader.clock.now() - began).toBeLessThan(60_000);
});

test('while they are still throttled the same message waits on, longer each time', async () => {
  const { uploader, simulator } = await start({ faults: [{ ...throttling('device hot'), times: 4 }] });
  const events = eventsOf(3, 'hot');
  await uploader.importChunks(events);
  await uploader.work();
  expect(uploader.logs).toMatchObject([
    { message: 'chunk settled', delivered: 0, parked: 3 },
    { level: 'warn', message: 'chunk wait', reason: 'throttled', waitMs: 33_000, receives: 1 },
    { level: 'warn', message: 'chunk wait', reason: 'throttled', waitMs: 66_000, receives: 2 },
    { level: 'warn', message: 'chunk wait', reason: 'throttled', waitMs: 132_000, receives: 3 },
    { message: 'chunk settled', delivered: 3, parked: 0, receives: 4 },
  ]);
  expect(storedIds(simulator)).toEqual(idsOf(events));
});

test('when some of them get through, what is left is parked anew, and less each time', async () => {
  const { uploader, simulator } = await start();
  const { clock } = uploader;
  const until: readonly (readonly [string, number])[] = [
    ['device a', clock.now() + 20_000],
    ['device b', clock.now() + 60_000],
    ['device c', clock.now() + 90_000],
  ];
  simulator.setFaults(({ body }) => {
    const throttled = until.filter(([device, at]) => at > clock.now() && body.includes(device));
    return throttled.length > 0 ? throttling(...throttled.map(([device]) => device)) : undefined;
  });
  const events = [...eventsOf(3, 'a'), ...eventsOf(2, 'b'), ...eventsOf(1, 'c'), ...eventsOf(4, 'fine')];
  await uploader.importChunks(events);
  const parked: number[] = [];
  while (await uploader.step()) parked.push((await uploader.books()).parked);
  expect(parked).toEqual([6, 3, 1, 0]);
  expect(storedIds(simulator)).toEqual(idsOf(events));
  expect(uploader.receipts).toMatchObject([{ state: 'complete', delivered: 10 }]);
});

test('events that turn out to be invalid when they are tried again are rejected with where they stood', async () => {
  const { uploader, simulator } = await start({ faults: [{ ...throttling('device hot'), times: 1 }] });
  const hot = [...eventsOf(2, 'hot'), ...eventsOf(1, 'late', { device_id: 'device hot', time: 'late' })];
  const fine = eventsOf(2, 'fine');
  await uploader.importChunks([...fine, ...hot]);
  await uploader.work();
  expect(storedIds(simulator)).toEqual(idsOf([...fine, ...hot.slice(0, 2)]));
  expect(await rejectsOf(uploader)).toMatchObject([{ position: 5, reason: 'Amplitude: invalid value of time' }]);
  expect(uploader.receipts).toMatchObject([{ state: 'complete', delivered: 4, refused: 1 }]);
});

test('events over their daily quota wait for an hour, not for seconds', async () => {
  const quota = { code: 429, exceeded_daily_quota_devices: { 'device hot': 500_001 } };
  const { uploader } = await start({ faults: [{ ...FAULTS.answer(429, quota), times: 2 }] });
  await uploader.importChunks(eventsOf(3, 'hot'));
  await uploader.work();
  expect(uploader.logs).toMatchObject([{ parked: 3 }, { waitMs: 3_960_000 }, { delivered: 3 }]);
});

describe('given up', () => {
  test('after more than a day of being throttled they are dead, and booked so', async () => {
    const { uploader } = await start({ faults: [throttling('device hot')] });
    const began = uploader.clock.now();
    await uploader.importChunks(eventsOf(3, 'hot'));
    await uploader.work();
    expect(uploader.clock.now() - began).toBeGreaterThan(24 * HOUR);
    expect(await uploader.books()).toMatchObject({ dead: 3, parked: 0 });
    expect(await deadOf(uploader)).toMatchObject([{ attributes: { reason: 'throttled' } }]);
  });

  test('an outage gives them no less time than throttling does', async () => {
    const { uploader } = await start({ faults: [{ ...throttling('device hot'), times: 1 }, FAULTS.unavailable()] });
    const began = uploader.clock.now();
    await uploader.importChunks(eventsOf(3, 'hot'));
    await uploader.work();
    expect(uploader.clock.now() - began).toBeGreaterThan(24 * HOUR);
    expect(await uploader.books()).toMatchObject({ dead: 3, parked: 0 });
  });
});

describe('a remainder whose parent did not live to be settled', () => {
  test('waits until the parent is settled, and is then nothing but a left-over', async () => {
    const { uploader, simulator } = await start({ faults: [{ ...throttling('device hot'), times: 1 }] });
    const events = eventsOf(3, 'hot');
    await uploader.importChunks(events);
    await uploader.step(dieBeforeSettling);
    await uploader.step();
    expect(uploader.logs).toMatchObject([{}, { message: 'chunk wait', reason: 'its parent is not settled yet' }]);
    await uploader.work();
    expect(uploader.logs.at(-1)).toMatchObject({ message: 'chunk skipped', reason: 'settled' });
    expect(storedIds(simulator)).toEqual(idsOf(events));
    expect(uploader.receipts).toMatchObject([{ state: 'complete', delivered: 3 }]);
  });

  test('outlasts hours in which the parent cannot be sent', async () => {
    const faults = [
      { ...throttling('device hot'), times: 1 },
      { ...FAULTS.unavailable(), times: 20 },
    ];
    const { uploader, simulator } = await start({ faults });
    const events = eventsOf(3, 'hot');
    await uploader.importChunks(events);
    await uploader.step(dieBeforeSettling);
    await uploader.work();
    expect(uploader.logs.every(({ receives }) => Number(receives) <= 22)).toBe(true);
    expect(await deadOf(uploader)).toEqual([]);
    expect(storedIds(simulator)).toEqual(idsOf(events));
  });
});

function throttling(...devices: readonly string[]) {
  const throttled_devices = Object.fromEntries(devices.map((device) => [device, 2_000]));
  return FAULTS.answer(429, { code: 429, error: 'Too many requests for some devices and users', throttled_devices });
}

function dieBeforeSettling(ports: TakeChunkPorts): Process {
  const settle = () => Promise.reject(new Error('the process is gone'));
  return { ports: { ...ports, ledger: { ...ports.ledger, settle } }, isAlive: () => false };
}

async function peek({ queues, clock }: Uploader) {
  clock.advance(60_000);
  const messages = await queues.parked.receive({ max: 10, visibilityMs: 0 });
  return messages.map(({ body }) => decodeChunk(body));
}
