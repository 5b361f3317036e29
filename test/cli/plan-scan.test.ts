/** Reading a dump for a plan: what is counted, what is extrapolated, and what it says of a dump that breaks off. */
import { hash } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { type ScannedDump, scanDump } from '../../cli/plan-scan.ts';
import { startTally } from '../../cli/plan-tally.ts';
import { openTransforms } from '../../lambdas/chunker/transform.ts';
import { PORTS } from '../lambdas/chunker/making.ts';
import { defineImporter, type ImporterInput } from '../../shared/config.ts';
import { FILE_BUCKET } from '../../shared/dump.ts';
import { fileDumps } from '../../shared/embedded/files.ts';
import { temporaryDirectory } from './run-cli.ts';

type SourceInput = Partial<ImporterInput['sources'][number]>;

async function scan(content: string | Buffer, { sample, source = {} }: { sample?: number; source?: SourceInput } = {}) {
  const path = join(temporaryDirectory(), 'day.dump');
  writeFileSync(path, content);
  const importer = defineImporter({ sources: [{ name: 'events', project: { secret: 'x' }, ...source }] });
  const [only] = importer.sources;
  if (!only) throw new Error('no source');
  const tally = startTally(3_000_000);
  const transform = await openTransforms(PORTS)(only);
  const dump = { bucket: FILE_BUCKET, key: path, etag: '', size: statSync(path).size };
  const request = { dump, source: only, importer, sample };
  return { scanned: await scanDump(request, { dumps: fileDumps(), transform, tally }), counts: tally.result() };
}

function line(i: number, more: object = {}): string {
  // As uneven as dumps are, or there would be nothing to estimate.
  const properties = { page: `/articles/${(i * 7_919) % 1_000}`, text: hash('sha1', `${i}`, 'hex').slice(i % 40) };
  const event = { event_type: 'Seen', user_id: `user-${i % 500}`, time: 1e12 + i, event_properties: properties };
  return `${JSON.stringify({ ...event, ...more })}\n`;
}

function lines(many: number, more: (i: number) => object = () => ({})): string {
  return Array.from({ length: many }, (_, i) => line(i, more(i))).join('');
}

test('a whole dump: every record is counted by what becomes of it, and every event by who it is of', async () => {
  const text = `${lines(1_000, (i) => ({ device_id: `device-${i % 4 === 0 ? 'hot' : i}` }))}no JSON\n{}\n`;
  const { scanned, counts } = await scan(gzipSync(text), { source: { filter: { path: 'time', exists: true } } });
  expect(scanned).toMatchObject({ read: 1_002, records: 1_002, recordsFrom: 'counted', format: 'ndjson in gzip' });
  expect(scanned).toMatchObject({ mapped: 1_000, events: 1_000, filtered: 1, unusable: 1 });
  expect(counts).toMatchObject({ read: 1_002, events: 1_000, firstTime: 1e12, lastTime: 1e12 + 999, timeless: 0 });
  expect(counts.reasons).toEqual({ 'record is not JSON': 1 });
  expect(counts.users).toEqual({ count: 500, isExact: true });
  expect(counts.devices).toEqual({ count: 751, isExact: true });
  expect(counts.hottestDevices[0]).toEqual({ id: 'device-hot', atLeast: 250, atMost: 250 });
});

test('property updates are the events that change user properties, identifies after they are made one', async () => {
  const skips = { user_properties: { plan: 'a' }, $skip_user_properties_sync: true };
  const text = [
    line(1, { user_properties: { plan: 'a' } }),
    line(1, skips),
    line(1, { user_properties: {} }),
    line(1, { event_type: '$identify', user_properties: { $set: { plan: 'a' } } }),
    line(1, { event_type: '$identify', user_properties: { $set: { size: 1 } } }),
  ].join('');
  const { counts } = await scan(text, { source: { enrich: [{ identify: {} }] } });
  expect(counts.propertyUpdates).toBe(2);
  expect(counts.mostUpdated).toEqual([{ id: 'user-1', atLeast: 2, atMost: 2 }]);
  expect(counts).toMatchObject({ events: 4, uncounted: 1 });
  expect(counts.names['user properties'].count).toBe(2);
  const { counts: apart } = await scan(text, { source: { enrich: [{ identify: { merge: false } }] } });
  expect(apart.propertyUpdates).toBe(3);
});

const TEXT = lines(60_000);

test.each<[string, string | Buffer, number]>([
  ['as it is', TEXT, 0.03],
  ['in gzip', gzipSync(TEXT), 0.1],
  ['in zstd', zstdCompressSync(TEXT), 0.1],
  ['as one JSON array', `[${TEXT.trimEnd().replaceAll('\n', ',')}]`, 0.03],
])(
  'of a sample of a dump %s, how many records there are in all is told from how many bytes they took',
  async (_, dump, within) => {
    const { scanned, counts } = await scan(dump, { sample: 20_000 });
    expect(scanned).toMatchObject({ read: 20_000, recordsFrom: 'extrapolated' });
    expect(counts.read).toBe(20_000);
    expect(Math.abs(scanned.records - 60_000) / 60_000).toBeLessThan(within);
  },
);

test('a sample as large as the dump, or larger, is the whole', async () => {
  for (const sample of [3_000, 5_000]) {
    const { scanned } = await scan(lines(3_000), { sample });
    expect(scanned).toMatchObject({ read: 3_000, records: 3_000, recordsFrom: 'counted' });
  }
});

test.each<[string, string | Buffer, Partial<ScannedDump>]>([
  ['an empty dump', '', { format: 'empty', records: 0, lanes: 1 }],
  ['nothing but newlines', '\n\n', { records: 0 }],
  ['a CSV', 'event_type,user_id\nSeen,user-1\n', { format: 'csv', records: 1, events: 1 }],
])('%s', async (_, dump, expected) => {
  expect((await scan(dump)).scanned).toMatchObject(expected);
});

test('a dump that breaks off says where, and what comes before is counted', async () => {
  const { scanned } = await scan(gzipSync(lines(5_000)).subarray(0, -20));
  expect(scanned.failure).toContain('is damaged');
  expect(scanned.events).toBeGreaterThan(4_000);
});
