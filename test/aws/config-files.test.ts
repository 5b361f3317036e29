/** Files that a configuration names, in the stack as it is deployed: beside the bundle, and in S3 with just the right to read them. */
import { expect, onTestFinished, test } from 'vitest';
import { startSimulator } from '../../local/simulator.ts';
import type { EnrichStep } from '../../shared/enrich-step.ts';
import { dumpId } from '../../shared/dump.ts';
import { receiptKey } from '../../shared/receipt.ts';
import { startDeployed } from './deployed.ts';
import { synthesize } from './synthesize.ts';
import { until } from './until.ts';

const API_KEY = '0123456789abcdef0123456789abcdef';
const CONVERTER = {
  converterConfig: { convertToAmplitudeFunc: { event_type: ['value', 'Visit'], user_id: 'who', city: 'at' } },
};

test('a converter and a lookup from the bundle and a lookup from S3 make the events of a dump', async () => {
  const simulator = await startSimulator({ keep: 'events' });
  const lookup = (file: string, key: string, take: string): EnrichStep => ({
    lookup: { file, key, column: 'key', take: [take] },
  });
  const enrich = [
    lookup('./places.csv', 'city', 'place'),
    lookup('s3://somebodys-plans/plans/now.csv', 'user_id', 'plan'),
  ];
  const source = { name: 'visits', project: { secret: 'amplitude/api-key' }, convert: './converter.json', enrich };
  const files = { 'converter.json': JSON.stringify(CONVERTER), 'places.csv': 'key,place\nCH,Switzerland\n' };
  const synthesized = await synthesize({ sources: [source] }, files);
  const stack = await startDeployed({ ...synthesized, amplitudeUrl: simulator.url, apiKey: API_KEY });
  onTestFinished(async () => {
    await stack.stop();
    synthesized.remove();
    await simulator.close();
  });
  await stack.putElsewhere('somebodys-plans', 'plans/now.csv', 'key,plan\nsomebody,paid\n');
  const { dump } = await stack.drop('visits.ndjson', '{"who":"somebody","at":"CH"}\n{"who":"someone","at":"XX"}\n');
  const receipt = () => stack.results.get(receiptKey({ dump, dumpId: dumpId(dump) }));
  await until('the receipt', receipt, () => [...stack.refused, ...stack.log()].join('\n'));
  const events = [...simulator.stored()].map(({ text }) => JSON.parse(text ?? '') as object);
  expect(events).toHaveLength(2);
  expect(events).toContainEqual(
    expect.objectContaining({ user_id: 'somebody', event_properties: { place: 'Switzerland', plan: 'paid' } }),
  );
  expect(stack.refused).toEqual([]);
  expect(stack.unusedGrants().filter((grant) => grant.includes('somebodys-plans'))).toEqual([]);
});
