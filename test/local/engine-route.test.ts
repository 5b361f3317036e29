/** One dump for several tenants, from its file to the projects in two data centres. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { importMessage } from '../../lambdas/chunker/notification.ts';
import { amplitude } from '../../lambdas/uploader/amplitude.ts';
import { openEngine } from '../../local/engine.ts';
import { type Simulator, startSimulator } from '../../local/simulator.ts';
import { defineImporter } from '../../shared/config.ts';
import { describeFile } from '../../shared/embedded/files.ts';
import { openState } from '../../shared/embedded/state.ts';
import type { Receipt } from '../../shared/receipt.ts';
import { temporaryDirectory } from '../cli/run-cli.ts';
import { PORTS } from '../lambdas/chunker/making.ts';

const TENANTS = ['acme', 'globex', 'hooli', 'initech', undefined];

/** One device is far busier than the others, in all projects. */
function lineOf(i: number): string {
  const device = i % 3 === 0 ? 'device-hot' : `device-${i % 40}`;
  const properties = { tenant: TENANTS[i % TENANTS.length] };
  const event = { event_type: 'Seen', device_id: device, insert_id: `event-${i}`, time: 1_700_000_000_000 + i };
  return `${JSON.stringify({ ...event, event_properties: properties })}\n`;
}

async function simulatorWith(...apiKeys: string[]): Promise<Simulator> {
  const simulator = await startSimulator({ apiKeys });
  onTestFinished(() => simulator.close());
  return simulator;
}

test('each event is stored once, in its tenant’s project and data centre, each device’s in order; the rest are rejects', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'day.ndjson');
  writeFileSync(path, Array.from({ length: 6_000 }, (_, i) => lineOf(i)).join(''));
  const simulators = {
    us: await simulatorWith('key of acme', 'key of globex'),
    eu: await simulatorWith('key of hooli'),
  };
  const clients = Object.fromEntries(
    Object.entries(simulators).map(([region, { url }]) => [
      region,
      amplitude({ uploads: 'gzip', timeoutMs: 10_000, connections: 4, endpoint: url }),
    ]),
  );
  onTestFinished(async () => void (await Promise.all(Object.values(clients).map((client) => client.close()))));
  const state = openState(join(directory, 'state'));
  onTestFinished(() => state.close());
  const receipts: Receipt[] = [];
  const engine = openEngine({
    state,
    importer: defineImporter({
      segmentRecords: 2_500,
      lanes: 4,
      sources: [
        {
          name: 'tenants',
          caps: { eventsPerChunk: 50 },
          route: {
            by: 'event_properties.tenant',
            projects: {
              acme: { secret: 'acme' },
              globex: { secret: 'globex' },
              hooli: { secret: 'hooli', region: 'eu' },
            },
          },
        },
      ],
    }),
    fingerprint: 'f',
    amplitude: {
      upload: async (request) =>
        clients[request.project.region]?.upload(request) ?? { kind: 'no-answer', reason: 'no such data centre' },
    },
    apiKey: async ({ secret }) => `key of ${secret}`,
    transforms: PORTS,
    log: () => undefined,
    announce: (receipt) => void receipts.push(receipt),
  });
  await engine.queues.intake.send([{ id: 'import', body: importMessage({ dump: await describeFile(path) }) }]);
  await engine.run();

  expect(receipts).toMatchObject([{ state: 'complete', read: 6_000, delivered: 3_600, unusable: 2_400 }]);
  expect(receipts[0]?.reasons).toEqual({
    'route: event_properties.tenant names no project': 1_200,
    'route: event_properties.tenant is missing': 1_200,
  });
  const stored = [...simulators.us.stored(), ...simulators.eu.stored()];
  for (const [i, tenant] of ['acme', 'globex', 'hooli'].entries()) {
    const its = stored.filter(({ apiKey }) => apiKey === `key of ${tenant}`);
    const ids = Array.from({ length: 1_200 }, (_, n) => `event-${n * TENANTS.length + i}`);
    expect(its).toHaveLength(ids.length);
    expect(new Set(its.map(({ insertId }) => insertId))).toEqual(new Set(ids));
    for (const ofDevice of Map.groupBy(its, ({ deviceId }) => deviceId).values()) {
      const times = ofDevice.map(({ time }) => time ?? 0);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  }
  expect(new Set([...simulators.eu.stored()].map(({ apiKey }) => apiKey))).toEqual(new Set(['key of hooli']));
});
