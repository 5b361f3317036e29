/** Rejects run again in the stack as it is deployed: what they become goes out with everything else. */
import { expect, onTestFinished, test } from 'vitest';
import { openTransforms } from '../../lambdas/chunker/transform.ts';
import { replayRejects } from '../../cli/replay-rejects.ts';
import { startSimulator } from '../../local/simulator.ts';
import { defineImporter } from '../../shared/config.ts';
import { dumpId } from '../../shared/dump.ts';
import { type Receipt, receiptKey } from '../../shared/receipt.ts';
import { startDeployed } from './deployed.ts';
import { synthesize } from './synthesize.ts';
import { until } from './until.ts';
import { PORTS } from '../lambdas/chunker/making.ts';

const transformOf = openTransforms(PORTS);
const API_KEY = '0123456789abcdef0123456789abcdef';

test('what a mended configuration makes of them is delivered, and the receipt is amended and announced', async () => {
  const simulator = await startSimulator({ keep: 'events' });
  const source = { name: 'events', prefix: 'incoming/', project: { secret: 'amplitude/api-key' } };
  const synthesized = await synthesize({ sources: [source] });
  const stack = await startDeployed({ ...synthesized, amplitudeUrl: simulator.url, apiKey: API_KEY });
  onTestFinished(async () => {
    await stack.stop();
    synthesized.remove();
    await simulator.close();
  });
  const lines = [
    '{"event_type":"visit","user_id":"somebody"}',
    '{"kind":"visit","user_id":"somebody"}',
    '{"kind":"visit","user_id":"somebody else"}',
    'no record',
  ];
  const { dump } = await stack.drop('incoming/day.ndjson', lines.join('\n'));
  const receipts = async (amendments: number) => {
    const text = await stack.results.get(receiptKey({ dump, dumpId: dumpId(dump) }));
    const receipt = text && (JSON.parse(text.toString()) as Receipt);
    return receipt && (receipt.amendedAt?.length ?? 0) === amendments && receipt;
  };
  const log = () => stack.log().join('\n');
  expect(await until('the receipt', () => receipts(0), log)).toMatchObject({ delivered: 1, unusable: 3 });

  const { source: name = '' } = (await stack.ledger.entry(dumpId(dump))) ?? {};
  const map = ({ kind, user_id: user }: { kind?: string; user_id?: string }) => ({
    event_type: String(kind),
    user_id: String(user),
  });
  const mended = defineImporter({ sources: [{ name, project: { secret: 'amplitude/api-key' }, map }] });
  const engine = { ...stack, queues: { upload: stack.uploads }, transformOf, openDump: async () => undefined };
  const request = { dump: 'day.ndjson', limit: 100, dryRun: false, force: false, json: false };
  const output = { out: () => undefined, err: () => undefined };
  const announce = async () => undefined;
  const replayed = await replayRejects({ ...engine, announce }, mended, request, output);
  expect(replayed).toMatchObject({ kind: 'amended', rejects: { rejects: 3, sent: 2, rejected: 1 } });

  const amended = await until('the amended receipt', () => receipts(1), log);
  expect(amended).toMatchObject({ state: 'complete', read: 4, delivered: 3, unusable: 1, inFlight: 0, rejected: 1 });
  expect(await stack.results.list(amended.rejectsAt?.replace(/^s3:\/\/[^/]+\//, '') ?? 'none')).toHaveLength(1);
  expect([...simulator.stored()]).toHaveLength(3);
  const announced = async () =>
    (stack.announced as readonly Receipt[]).find(({ amendedAt }) => amendedAt !== undefined);
  expect(await until('the announcement', announced, log)).toMatchObject({ delivered: 3, amendedAt: amended.amendedAt });
  expect(stack.refused).toEqual([]);
});
