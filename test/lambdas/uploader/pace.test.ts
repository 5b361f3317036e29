/** Lanes rest as long as arithmetic says that Amplitude's limits need, and no longer. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PaceRules, restAfter, type Sent } from '../../../lambdas/uploader/pace.ts';
import { API_LIMITS, EVENTS_PER_REQUEST, eventsPerId, RATE_WINDOW_MS } from '../../../shared/amplitude-limits.ts';
import type { TakeChunkPorts } from '../../../lambdas/uploader/take-chunk.ts';
import { eventsOf } from './chunks.ts';
import { start } from './with-simulator.ts';
import { idsOf, storedIds } from './written.ts';
import { runs } from '../../runs.ts';

const RULES: PaceRules = { api: 'batch', uploaders: 8, lanes: 32 };
const SENT: Sent = { hottest: 0, spread: 1, events: 2_000, tookMs: 500, wasThrottled: false };

test.each<[string, Partial<Sent>, Partial<PaceRules>, number]>([
  ['nobody is hot, and the upload took longer than one event needs', { hottest: 1 }, {}, 0],
  // From one beginning to the next 31 s × 2,000 of 28,000: 2,214.3 ms.
  ['one device has the whole chunk', { hottest: 2_000 }, {}, 1_715],
  ['what the upload took counts, up to a second', { hottest: 2_000, tookMs: 9_000 }, {}, 1_215],
  // 31 s × 60 of 810: 2,296.3 ms.
  ['HTTP V2 takes 30 events/s', { hottest: 60 }, { api: 'http-v2' }, 1_797],
  ['the project is capped, and each lane keeps to its share', {}, { projectEventsPerSecond: 1_000 }, 64_000],
  ['the tighter of the two counts', { hottest: 2_000 }, { projectEventsPerSecond: 64_000 }, 1_715],
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

const anyUploads = fc.constantFrom('batch' as const, 'http-v2' as const).chain((api) =>
  fc.record({
    api: fc.constant(api),
    uploads: fc.array(
      fc.record({
        hottest: fc.oneof(
          fc.integer({ min: 1, max: Math.min(EVENTS_PER_REQUEST, eventsPerId(api)) }),
          fc.constantFrom(1, Math.min(EVENTS_PER_REQUEST, eventsPerId(api))),
        ),
        tookMs: fc.oneof(fc.integer({ min: 0, max: 1_000 }), fc.constantFrom(0, 1_000)),
        /** When in its course Amplitude counts it, 0 to 1. */
        counted: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1)),
      }),
      { minLength: 30, maxLength: 200, size: 'max' },
    ),
  }),
);

/** The most that any window of Amplitude's holds of a device whose uploads go one after the other, each after its rest. */
function fullestWindow({ api, uploads }: typeof anyUploads extends fc.Arbitrary<infer Any> ? Any : never): number {
  let now = 0;
  const counts = uploads.map(({ hottest, tookMs, counted }) => {
    const at = now + tookMs * counted;
    now += tookMs + restAfter({ ...SENT, hottest, tookMs }, { ...RULES, api }).heldMs;
    return { at, hottest };
  });
  const held = counts.map(({ at }) => {
    const inWindow = counts.filter((other) => other.at >= at && other.at < at + RATE_WINDOW_MS);
    return inWindow.reduce((sum, { hottest }) => sum + hottest, 0);
  });
  return Math.max(...held);
}

test('whatever a lane sends of a device and whenever in an upload Amplitude counts it, no window holds more than is allowed', () => {
  const property = fc.property(anyUploads, (sent) => {
    expect(fullestWindow(sent)).toBeLessThanOrEqual((API_LIMITS[sent.api].eventsPerSecond * RATE_WINDOW_MS) / 1_000);
  });
  fc.assert(property, { numRuns: runs(500) });
});

test('a small upload leaves room for the largest one behind it', () => {
  const least = { tookMs: 0, counted: 0 };
  for (const hottest of [1, 10, 89]) {
    const uploads = Array.from({ length: 900 }, () => ({ ...least, hottest }));
    for (let i = 1; i < 12; i += 1) uploads.splice(Math.floor((900 * i) / 12), 0, { ...least, hottest: 90 });
    expect(fullestWindow({ api: 'http-v2', uploads })).toBeLessThanOrEqual(900);
  }
});

test('a device that fills every chunk gets seven eighths of what Amplitude takes of it', () => {
  const { heldMs } = restAfter({ ...SENT, hottest: 2_000, tookMs: 0 }, RULES);
  expect((1_000 * 2_000) / heldMs).toBeGreaterThan(900);
  const slow = restAfter({ ...SENT, hottest: 90, tookMs: 0 }, { ...RULES, api: 'http-v2' });
  expect((1_000 * 90) / slow.heldMs).toBeGreaterThan(26);
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
  expect(held).toEqual([103]); // 31 s × 93 of 28,000
  expect(await uploader.queues.upload.size()).toEqual({ visible: 0, hidden: 0 });
});

test('a long rest is taken with the message invisible, its chunk settled already; then it is acknowledged without a request', async () => {
  const { uploader, simulator } = await start();
  const [first, second] = [eventsOf(1_900, 'a'), eventsOf(1, 'b')];
  const held: number[] = [];
  const patient = holding(2_000, held);
  await uploader.importChunks(first, second);
  await uploader.step(patient);
  expect(await uploader.books()).toMatchObject({ delivered: 1_900, inFlight: 1 });
  expect(await uploader.queues.upload.size()).toMatchObject({ hidden: 1 });
  // 31 s × 1,900 of 28,000 are 2,104 ms. SQS hides for whole seconds, so that the rest is held.
  expect(held).toEqual([104]);
  const before = uploader.clock.now();
  await uploader.step(patient);
  expect(uploader.clock.now() - before).toBe(2_000);
  await uploader.work(patient);
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
