/** The benches' dump: the same whenever it is made, of events that Amplitude takes, each known again by its time. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { FIRST_TIME, generateDump, TIME_STEP_MS } from '../bench/generate-dump.ts';
import { findFault } from '../lambdas/chunker/check-event.ts';
import { temporaryDirectory } from './cli/run-cli.ts';

async function generate(plan: { readonly gzip: boolean; readonly hotShare?: number }) {
  const path = join(temporaryDirectory(), 'dump');
  const made = await generateDump(path, { rawBytes: 3_000_000, ...plan });
  const bytes = plan.gzip ? gunzipSync(readFileSync(path)) : readFileSync(path);
  const lines = bytes.toString().trimEnd().split('\n');
  return { made, bytes, events: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test('it is as large as asked, and the same with gzip and without', async () => {
  const plain = await generate({ gzip: false });
  const zipped = await generate({ gzip: true });
  expect(plain.bytes.equals(zipped.bytes)).toBe(true);
  expect(plain.made).toEqual({ events: plain.events.length, rawBytes: plain.bytes.length });
  expect(plain.bytes.length).toBeGreaterThanOrEqual(3_000_000);
  expect(plain.bytes.length / plain.events.length).toBeCloseTo(600, -2);
});

test('every event is one that Amplitude takes, with a time of its own', async () => {
  const { events } = await generate({ gzip: false });
  expect(events.filter((event) => findFault(event))).toEqual([]);
  expect(events.every(({ time }, n) => time === FIRST_TIME + n * TIME_STEP_MS)).toBe(true);
});

test("devices are spread by Zipf's law, and none is too fast for Amplitude, but for a hot one", async () => {
  const spread = sharesOf((await generate({ gzip: false })).events);
  expect(spread[0]).toBeGreaterThan(0.003);
  expect(spread[0]).toBeLessThan(0.01);
  const ofTen = spread.slice(0, 10).reduce((sum, share) => sum + share, 0);
  expect(ofTen / (spread[0] ?? 0)).toBeGreaterThan(5);
  expect(spread.filter((share) => share <= 1 / 5_000).length).toBeGreaterThan(1_000);
  const hot = await generate({ gzip: false, hotShare: 0.2 });
  expect(sharesOf(hot.events)[0]).toBeCloseTo(0.2, 1);
});

/** Of each device, the largest first. */
function sharesOf(events: readonly Record<string, unknown>[]): number[] {
  const counts = new Map<unknown, number>();
  for (const { device_id } of events) counts.set(device_id, (counts.get(device_id) ?? 0) + 1);
  return [...counts.values()].map((count) => count / events.length).toSorted((a, b) => b - a);
}
