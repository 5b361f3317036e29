/** The key of a hash step, in the stack as it is deployed: the chunker reads it from Secrets Manager, and nothing else from there. */
import { createHmac } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { startSimulator } from '../../local/simulator.ts';
import { dumpId } from '../../shared/dump.ts';
import { receiptKey } from '../../shared/receipt.ts';
import { secretArn } from './aws-call.ts';
import { startDeployed } from './deployed.ts';
import { synthesize } from './synthesize.ts';
import { until } from './until.ts';

const API_KEY = '0123456789abcdef0123456789abcdef';
const HASH_KEY = 'fedcba9876543210fedcba9876543210';
const READ = 'secretsmanager:GetSecretValue';

test('events arrive with hashed ids, and each function may read the secrets that it needs and no others', async () => {
  const simulator = await startSimulator({ keep: 'events' });
  const enrich = [{ hash: { fields: ['user_id', 'event_properties.mail'], secret: 'people/hash-key' } }];
  const synthesized = await synthesize({
    sources: [{ name: 'people', project: { secret: 'amplitude/api-key' }, enrich }],
  });
  const secrets = { 'people/hash-key': JSON.stringify({ hashKey: HASH_KEY }) };
  const stack = await startDeployed({ ...synthesized, amplitudeUrl: simulator.url, apiKey: API_KEY, secrets });
  onTestFinished(async () => {
    await stack.stop();
    synthesized.remove();
    await simulator.close();
  });
  const people = ['anna@example.com', 'ben@example.com'];
  const lines = people.map((mail) =>
    JSON.stringify({ event_type: 'Visit', user_id: mail, time: 1_760_000_000_000, event_properties: { mail } }),
  );
  const { dump } = await stack.drop('people.ndjson', `${lines.join('\n')}\n`);
  const receipt = () => stack.results.get(receiptKey({ dump, dumpId: dumpId(dump) }));
  await until('the receipt', receipt, () => [...stack.refused, ...stack.log()].join('\n'));

  const texts = [...simulator.stored()].map(({ text }) => text ?? '');
  const events = texts.map((text) => JSON.parse(text) as { user_id: string; event_properties: object });
  const hashes = people.map((mail) => createHmac('sha256', HASH_KEY).update(mail).digest('hex'));
  expect(events.map(({ user_id: user }) => user).toSorted()).toEqual(hashes.toSorted());
  for (const { user_id: user, event_properties: properties } of events) expect(properties).toEqual({ mail: user });

  expect(stack.refused).toEqual([]);
  expect(stack.unusedGrants().filter((grant) => grant.includes(READ))).toEqual([]);
  expect(stack.allows('chunker', READ, secretArn('amplitude/api-key'))).toBe(false);
  expect(stack.allows('chunker', READ, secretArn('people/hash-key-2'))).toBe(false);
  expect(stack.allows('uploader', READ, secretArn('people/hash-key'))).toBe(false);
  const said = [...texts, ...stack.log()].join('\n');
  for (const secret of [HASH_KEY, ...people]) expect(said).not.toContain(secret);
});
