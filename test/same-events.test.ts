/** The same events in every format and compression, imported by the embedded engine with one declarative map, are the same events in Amplitude. */
import { PORTS } from './lambdas/chunker/making.ts';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generateLines } from '../bench/generate-dump.ts';
import importer, { type Input } from '../bench/inputs.config.ts';
import { writeLines } from '../bench/write-inputs.ts';
import { importMessage } from '../lambdas/chunker/notification.ts';
import { amplitude } from '../lambdas/uploader/amplitude.ts';
import { openEngine } from '../local/engine.ts';
import { startSimulator } from '../local/simulator.ts';
import { describeFile } from '../shared/embedded/files.ts';
import { openState } from '../shared/embedded/state.ts';
import type { Receipt } from '../shared/receipt.ts';
import { IS_LONG } from './runs.ts';
import { temporaryDirectory } from './shared/temporary.ts';

/** `npm run test:long` does it with 100,000. */
const EVENTS = IS_LONG ? 100_000 : 6_000;
const { made, pieces } = generateLines({ rawBytes: EVENTS * 625 });
const LINES = [...pieces()];

async function importAs(input: Input) {
  const directory = temporaryDirectory();
  const path = join(directory, input);
  await writeLines(input, path, LINES);
  const simulator = await startSimulator({ keep: input === 'ndjson' ? 'events' : 'ids' });
  const state = openState(join(directory, 'state'));
  const client = amplitude({ uploads: 'gzip', timeoutMs: 60_000, connections: 8, endpoint: simulator.url });
  const receipts: Receipt[] = [];
  try {
    const engine = openEngine({
      state,
      importer,
      fingerprint: 'code and config',
      amplitude: client,
      apiKey: async () => 'key',
      transforms: PORTS,
      log: () => undefined,
      announce: (receipt) => void receipts.push(receipt),
    });
    const body = importMessage({ dump: await describeFile(path), source: input });
    await engine.queues.intake.send([{ id: input, body }]);
    await engine.run();
    const events = [...simulator.stored()];
    const stored = new Map(events.map(({ insertId, sha256 }) => [insertId, sha256]));
    return {
      stored,
      texts: new Map(events.map(({ insertId, text }) => [insertId, text])),
      receipt: receipts[0],
      total: simulator.counts().stored,
    };
  } finally {
    await client.close();
    await simulator.close();
    state.close();
  }
}

let once: ReturnType<typeof importAs> | undefined;
const importNdjson = () => (once ??= importAs('ndjson'));

test('every event of the NDJSON is stored once, as it was written', async () => {
  const ofNdjson = await importNdjson();
  expect(ofNdjson.receipt).toMatchObject({ state: 'complete', read: made.events, delivered: made.events });
  expect(made.events).toBeGreaterThanOrEqual(EVENTS);
  expect(ofNdjson.total).toBe(made.events);
  const [first = ''] = (LINES[0] ?? '').toString().split('\n');
  const event = JSON.parse(first) as { readonly event_properties: { readonly request_id: string } };
  const insertId = event.event_properties.request_id;
  expect(JSON.parse(ofNdjson.texts.get(insertId) ?? '')).toEqual({ ...event, insert_id: insertId });
});

test.each<Input>(['gzip', 'zstd', 'json-array', 'csv', 'parquet', 'zip'])(
  '%s gives the same stored events',
  async (input) => {
    const ofNdjson = await importNdjson();
    const { stored, receipt, total } = await importAs(input);
    expect(receipt).toMatchObject({ source: input, state: 'complete', read: made.events, delivered: made.events });
    expect(total).toBe(made.events);
    expect(stored.size).toBe(ofNdjson.stored.size);
    const different = [...stored].filter(([id, sha256]) => ofNdjson.stored.get(id) !== sha256);
    expect(different.slice(0, 3)).toEqual([]);
  },
);
