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

test('devices are even, but for the share of a hot one', async () => {
  const even = await generate({ gzip: false });
  expect(largestShare(even.events)).toBeLessThan(0.005);
  const hot = await generate({ gzip: false, hotShare: 0.2 });
  expect(largestShare(hot.events)).toBeCloseTo(0.2, 1);
});

function largestShare(events: readonly Record<string, unknown>[]): number {
  const counts = new Map<unknown, number>();
  for (const { device_id } of events) counts.set(device_id, (counts.get(device_id) ?? 0) + 1);
  return Math.max(...counts.values()) / events.length;
}
