/** The simulator throttles devices, users and projects by a sliding window, and spammers by a daily quota. */
import { expect, test } from 'vitest';
import type { Simulator } from '../../local/simulator.ts';
import { anonymous, clockAt, type Fields, HOUR_MS, NOON, send, simulate } from './simulator-requests.ts';

async function sendMany(simulator: Simulator, requests: number, fields: Fields = {}): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < requests; i++) statuses.push((await send(simulator, anonymous(2_000, fields))).status);
  return statuses;
}

test('a device may have 30,000 events in any 30 seconds on /batch', async () => {
  const clock = clockAt(NOON);
  const simulator = await simulate({ clock, keep: 'hashes' });
  expect(await sendMany(simulator, 10)).not.toContain(429);
  clock.advance(20_000);
  expect(await sendMany(simulator, 5)).not.toContain(429);
  expect(await send(simulator, [...anonymous(1, { device_id: 'device-2' }), ...anonymous(2)])).toEqual({
    status: 429,
    body: {
      code: 429,
      error: 'Too many requests for some devices and users',
      eps_threshold: 1_000,
      throttled_devices: { 'device-1': 1_000 },
      throttled_users: {},
      exceeded_daily_quota_devices: {},
      exceeded_daily_quota_users: {},
      throttled_events: [1, 2],
    },
  });
  clock.advance(9_999);
  expect(await sendMany(simulator, 1)).toEqual([429]);
  clock.advance(1);
  expect(await sendMany(simulator, 11)).toEqual([...Array<number>(10).fill(200), 429]);
  expect(simulator.counts().stored).toBe(50_000);
});

test("users are throttled as devices are, and a project does not share another one's window", async () => {
  const simulator = await simulate({ switches: { batchEventsPerSecond: 1 } });
  const ofUser = (device: string): Fields[] => anonymous(16, { user_id: 'user-1', device_id: device });
  expect((await send(simulator, ofUser('device-1'))).status).toBe(200);
  const { body } = await send(simulator, ofUser('device-2'));
  expect(body).toMatchObject({ throttled_devices: {}, throttled_users: { 'user-1': 1 } });
  expect((await send(simulator, ofUser('device-1'), { apiKey: 'key-2' })).status).toBe(200);
});

test('HTTP V2 allows 30 events a second, so never more than 900 in one request, and has a window of its own', async () => {
  const simulator = await simulate();
  const path = '/2/httpapi';
  expect((await send(simulator, anonymous(900), { path })).status).toBe(200);
  expect((await send(simulator, anonymous(1), { path })).body).toMatchObject({ code: 429, eps_threshold: 30 });
  expect((await send(simulator, anonymous(901, { device_id: 'device-2' }), { path })).status).toBe(429);
  expect((await send(simulator, anonymous(2_000))).status).toBe(200);
});

test('refused events count in the window only by a switch', async () => {
  const attempt = async (refusedEventsCount: boolean): Promise<number> => {
    const clock = clockAt(NOON);
    const simulator = await simulate({ clock, switches: { batchEventsPerSecond: 1, refusedEventsCount } });
    await send(simulator, anonymous(20));
    clock.advance(20_000);
    await send(simulator, anonymous(20));
    clock.advance(10_000);
    return (await send(simulator, anonymous(20))).status;
  };
  expect(await attempt(false)).toBe(200);
  expect(await attempt(true)).toBe(429);
});

test('by a switch an id stays throttled for a while, however slow it is', async () => {
  const clock = clockAt(NOON);
  const simulator = await simulate({ clock, switches: { batchEventsPerSecond: 1, throttlePauseSeconds: 60 } });
  expect((await send(simulator, anonymous(31))).status).toBe(429);
  clock.advance(59_999);
  expect((await send(simulator, anonymous(1))).status).toBe(429);
  clock.advance(1);
  expect((await send(simulator, anonymous(1))).status).toBe(200);
});

test('by a switch a project as a whole is throttled, and nobody is named', async () => {
  const simulator = await simulate({ switches: { projectEventsPerSecond: 1, projectRequestsPerSecond: 1 } });
  expect((await send(simulator, anonymous(30))).status).toBe(200);
  expect(await send(simulator, anonymous(1, { device_id: 'device-2' }))).toEqual({
    status: 429,
    body: { code: 429, error: 'Rate limit exceeded' },
  });
});

test('an invalid request that is also throttled is answered 400, by a switch 429', async () => {
  const list = [...anonymous(31), { event_type: 'view' }];
  const status = async (throttledBeforeInvalid: boolean): Promise<number> =>
    (await send(await simulate({ switches: { batchEventsPerSecond: 1, throttledBeforeInvalid } }), list)).status;
  expect(await status(false)).toBe(400);
  expect(await status(true)).toBe(429);
});

test('memory does not grow with time: ids that left the window are forgotten', async () => {
  const clock = clockAt(NOON);
  const simulator = await simulate({ clock, keep: 'hashes' });
  for (let i = 0; i < 20; i++) {
    const list = anonymous(100).map((event, index) => ({
      ...event,
      device_id: `device-${i}-${index}`,
      user_id: `user-${i}-${index}`,
    }));
    await send(simulator, list);
    clock.advance(10_000);
  }
  expect(simulator.rememberedIds()).toBe(3 * 200);
  clock.advance(30_000);
  await send(simulator, anonymous(1));
  expect(simulator.rememberedIds()).toBe(1);
});

test('a device taken for spam has a daily quota that moves by the hour', async () => {
  const clock = clockAt(NOON);
  const simulator = await simulate({ clock, spammy: ['device-1'], switches: { dailyQuota: 100 } });
  expect((await send(simulator, anonymous(60))).status).toBe(200);
  clock.advance(HOUR_MS);
  expect((await send(simulator, anonymous(40))).status).toBe(200);
  const mixed = [...anonymous(1, { device_id: 'device-2' }), ...anonymous(1)];
  expect((await send(simulator, mixed)).body).toMatchObject({
    code: 429,
    throttled_devices: {},
    exceeded_daily_quota_devices: { 'device-1': 101 },
    throttled_events: [1],
  });
  clock.advance(22 * HOUR_MS);
  expect((await send(simulator, mixed)).status).toBe(429);
  clock.advance(HOUR_MS);
  expect((await send(simulator, anonymous(60))).status).toBe(200);
  expect((await send(simulator, anonymous(1))).status).toBe(429);
});

test('who is not taken for spam has no daily quota', async () => {
  const simulator = await simulate({ switches: { dailyQuota: 100 } });
  expect((await send(simulator, anonymous(200))).status).toBe(200);
});

test('by a switch an id is taken for spam after some throttles, and counting starts then', async () => {
  const clock = clockAt(NOON);
  const switches = { dailyQuota: 30, batchEventsPerSecond: 1, spammyAfterThrottles: 2 };
  const simulator = await simulate({ clock, switches });
  expect((await send(simulator, anonymous(30))).status).toBe(200);
  await send(simulator, anonymous(1));
  await send(simulator, anonymous(1));
  clock.advance(30_000);
  expect((await send(simulator, anonymous(30))).status).toBe(200);
  clock.advance(30_000);
  expect((await send(simulator, anonymous(1))).body['exceeded_daily_quota_devices']).toEqual({ 'device-1': 31 });
});

test("by switches, quota events are not throttled events, and the quota is the project's", async () => {
  const switches = { dailyQuota: 100, quotaEventsInThrottledEvents: false, quotaScope: 'project' } as const;
  const simulator = await simulate({ spammy: ['device-1', 'user-1'], switches });
  expect((await send(simulator, anonymous(80))).status).toBe(200);
  const { body } = await send(simulator, anonymous(21, { device_id: 'device-2', user_id: 'user-1' }));
  expect(body).toMatchObject({ code: 429, exceeded_daily_quota_users: { 'user-1': 101 }, throttled_events: [] });
});
