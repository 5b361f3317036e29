/** With one device throttled for ten minutes, every event of every other device is delivered without waiting for it. */
import { PORTS } from '../lambdas/chunker/making.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isOwnLane } from '../../lambdas/chunker/lanes.ts';
import { importMessage } from '../../lambdas/chunker/notification.ts';
import { type Amplitude, inflateText } from '../../lambdas/uploader/amplitude.ts';
import { openEngine } from '../../local/engine.ts';
import { virtualClock } from '../../local/virtual-clock.ts';
import { defineImporter } from '../../shared/config.ts';
import { dumpId } from '../../shared/dump.ts';
import { describeFile } from '../../shared/embedded/files.ts';
import { openState } from '../../shared/embedded/state.ts';
import { randomFrom } from './scenario.ts';

const START = Date.UTC(2026, 10, 21);
const TEN_MINUTES_MS = 600_000;
const HOT = 'device-hot';
const EVENTS = 6_000;
/** A tenth of them is the hot device's. */
const HOT_SHARE = 0.1;
const DEVICES = 300;
const REQUEST_MS = 500;

type Stored = { readonly device: string; readonly number: number; readonly at: number };

/** What was stored, in the order it was, and when. */
async function importWhile(throttledMs: number) {
  const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-throttled-'));
  const clock = virtualClock(START);
  const stored: Stored[] = [];
  const lanes = new Set<number>();
  let throttled = 0;

  /** Refuses a request as Amplitude does: whole, naming the device. */
  const upload: Amplitude['upload'] = async ({ events: texts }) => {
    await clock.sleep(REQUEST_MS);
    for (const text of texts) if ('lane' in text) lanes.add(Number(text.lane));
    const text = (await Promise.all(texts.map(inflateText))).join(',');
    const events = JSON.parse(`[${text}]`) as { device_id: string; insert_id: string }[];
    const hot = events.flatMap(({ device_id: device }, i) => (device === HOT ? [i] : []));
    if (hot.length > 0 && clock.now() - START < throttledMs) {
      throttled += 1;
      const body = { code: 429, throttled_devices: { [HOT]: 31 }, throttled_events: hot };
      return { kind: 'answer', status: 429, body: JSON.stringify(body) };
    }
    for (const event of events) {
      stored.push({ device: event.device_id, number: Number(event.insert_id.slice(6)), at: clock.now() - START });
    }
    return { kind: 'answer', status: 200, body: '{"code":200}' };
  };

  const random = randomFrom(1);
  const lines = Array.from({ length: EVENTS }, (_, i) => {
    const device = random() < HOT_SHARE ? HOT : `device-${Math.floor(random() * DEVICES)}`;
    return `{"event_type":"Seen","device_id":"${device}","insert_id":"event-${i}"}\n`;
  });
  const path = join(directory, 'dump.ndjson');
  writeFileSync(path, lines.join(''));
  const state = openState(join(directory, 'state'));
  try {
    const engine = openEngine({
      state,
      importer: defineImporter({
        lanes: 8,
        uploaders: 4,
        sources: [{ name: 'web', project: { secret: 'key' }, api: 'http-v2', caps: { eventsPerChunk: 50 } }],
      }),
      fingerprint: 'f',
      amplitude: { upload },
      apiKey: async () => 'key',
      transforms: PORTS,
      log: () => undefined,
      clock,
      random,
      workers: clock.setSleepers,
    });
    const dump = await describeFile(path);
    await engine.queues.intake.send([{ id: 'drop', body: importMessage({ dump }) }]);
    await engine.run();
    expect((await engine.ledger.entry(dumpId(dump)))?.state).toBe('closed');
  } finally {
    state.close();
    rmSync(directory, { recursive: true, force: true });
  }
  return {
    throttled,
    hasOwnLane: [...lanes].some(isOwnLane),
    stored,
    hot: stored.filter(({ device }) => device === HOT),
    others: stored.filter(({ device }) => device !== HOT),
  };
}

const lastAt = (events: readonly Stored[]) => Math.max(...events.map(({ at }) => at));
const sorted = (events: readonly Stored[]) => events.map(({ number }) => number).toSorted((a, b) => a - b);

test('while one device is throttled for ten minutes, all others are through as soon as without that, and its own events come after', async () => {
  const [free, throttled] = [await importWhile(0), await importWhile(TEN_MINUTES_MS)];
  for (const run of [free, throttled]) {
    expect(sorted(run.stored)).toEqual(Array.from({ length: EVENTS }, (_, i) => i));
    expect(run.hasOwnLane).toBe(true);
    expect(run.hot.length).toBeGreaterThan(500);
    expect(run.others.length).toBeGreaterThan(5_000);
  }
  expect([free.throttled, throttled.throttled > 10]).toEqual([0, true]);
  expect(lastAt(throttled.others)).toBeLessThanOrEqual(lastAt(free.others) + 2 * REQUEST_MS);
  expect(Math.min(...throttled.hot.map(({ at }) => at))).toBeGreaterThanOrEqual(TEN_MINUTES_MS);
  expect(lastAt(throttled.hot)).toBeLessThan(3 * TEN_MINUTES_MS);
}, 60_000);
