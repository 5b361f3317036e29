/** The embedded engine measures what the functions do: a run's metrics add up to its books. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { importMessage } from '../../lambdas/chunker/notification.ts';
import { amplitude } from '../../lambdas/uploader/amplitude.ts';
import { openEngine } from '../../local/engine.ts';
import { FAULTS, type NextFault } from '../../local/simulator-faults.ts';
import { startSimulator } from '../../local/simulator.ts';
import { defineImporter } from '../../shared/config.ts';
import { describeFile } from '../../shared/embedded/files.ts';
import { openState } from '../../shared/embedded/state.ts';
import type { Figures, MetricName } from '../../shared/metrics.ts';
import type { Receipt } from '../../shared/receipt.ts';
import { temporaryDirectory } from '../cli/run-cli.ts';
import { eventLines } from '../lambdas/chunker/fixtures.ts';
import { PORTS } from '../lambdas/chunker/making.ts';

/** Unavailable at first; one event is never taken. */
const troubles: NextFault = ({ number, body }) => {
  if (number === 1) return FAULTS.unavailable();
  const events = body.toString().split(',\n');
  const bad = events.findIndex((event) => event.includes('"i":150}'));
  return bad < 0 ? undefined : FAULTS.answer(400, { code: 400, events_with_invalid_fields: { time: [bad] } });
};

test('what a run measured adds up to its receipt: records, events, chunks, requests and the dump', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'day.ndjson');
  writeFileSync(path, `no event\n${eventLines(250)}`);
  const simulator = await startSimulator({ faults: troubles });
  onTestFinished(() => simulator.close());
  const client = amplitude({ uploads: 'gzip', timeoutMs: 10_000, connections: 4, endpoint: simulator.url });
  onTestFinished(client.close);
  const state = openState(join(directory, 'state'));
  onTestFinished(() => state.close());
  const measured: Figures[] = [];
  const receipts: Receipt[] = [];
  const engine = openEngine({
    state,
    importer: defineImporter({ segmentRecords: 100, sources: [{ name: 'main', project: { secret: 'key' } }] }),
    fingerprint: 'f',
    amplitude: client,
    apiKey: async () => 'key',
    transforms: PORTS,
    log: () => undefined,
    measure: (figures) => void measured.push(figures),
    announce: (receipt) => void receipts.push(receipt),
  });
  await engine.queues.intake.send([{ id: 'import', body: importMessage({ dump: await describeFile(path) }) }]);
  await engine.run();

  const [receipt] = receipts;
  const { read, events, delivered, rejected, chunks } = receipt ?? expect.fail('there is no receipt');
  const sum = (name: MetricName) => measured.reduce((total, figures) => total + (figures[name] ?? 0), 0);
  expect(receipt).toMatchObject({ state: 'complete', read: 251, events: 250, delivered: 249, rejected: 2, chunks: 3 });
  expect([sum('RecordsRead'), sum('EventsMade'), sum('EventsDelivered')]).toEqual([read, events, delivered]);
  expect([sum('Rejected'), sum('ChunksSent'), sum('ChunksSettled')]).toEqual([rejected, chunks, chunks]);
  expect([sum('DumpsRead'), sum('DumpsCompleted'), sum('DumpsFailed'), sum('ChunksDead')]).toEqual([1, 1, 0, 0]);
  const { batch } = simulator.counts().requests;
  expect(sum('Requests')).toBe(Object.values(batch).reduce((total, count) => total + count, 0));
  expect([sum('RequestsThrottled'), sum('RequestsFailed')]).toEqual([0, 1]);
  expect(sum('ChunksTriedAgain')).toBe(1);
});
