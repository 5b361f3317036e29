/** Where a run on one machine finds the API key of each project. */
import { expect, test } from 'vitest';
import { readProjectKeys } from '../../cli/project-keys.ts';
import { defineImporter } from '../../shared/config.ts';
import { runCli, temporaryDirectory } from './run-cli.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const project = (secret: string) => ({ secret, region: 'us' as const });
const importerOf = (...secrets: readonly string[]) =>
  defineImporter({
    sources: secrets.map((secret, i) => ({ name: `s${i}`, prefix: `${i}/`, project: project(secret) })),
  });

test('the one project’s key is in AMPLITUDE_API_KEY, however many sources send to it', () => {
  const keyOf = readProjectKeys(importerOf('acme/key', 'acme/key'), true, { AMPLITUDE_API_KEY: ' k ', ACME_KEY: 'no' });
  expect(keyOf(project('acme/key'))).toBe('k');
});

test('of several projects each has its own, in a variable named after its secret', () => {
  const environment = { ACME_KEY: 'a', GLOBEX_KEY: 'g', AMPLITUDE_API_KEY: 'no' };
  const keyOf = readProjectKeys(importerOf('acme/key', 'globex/key'), true, environment);
  expect(['acme/key', 'globex/key'].map((secret) => keyOf(project(secret)))).toEqual(['a', 'g']);
});

test('for a simulator keys are made up, another one for each project', () => {
  expect(readProjectKeys(importerOf('acme/key'), false, {})(project('acme/key'))).toBe('simulated');
  const keyOf = readProjectKeys(importerOf('acme/key', 'globex/key'), false, { ACME_KEY: 'a' });
  expect(['acme/key', 'globex/key'].map((secret) => keyOf(project(secret)))).toEqual(['a', 'simulated globex/key']);
});

test('all that are missing are named at once, and no key is ever said', () => {
  const importer = importerOf('acme/key', 'globex/key', 'hooli/key');
  expect(() => readProjectKeys(importer, true, { GLOBEX_KEY: 'secret' })).toThrow(
    '--live needs the API key of each of the 3 projects; missing in the environment: ACME_KEY (acme/key), HOOLI_KEY (hooli/key)',
  );
});

test('two projects never share a variable', () => {
  expect(() => readProjectKeys(importerOf('acme/key', 'acme-key'), true, { ACME_KEY: 'a' })).toThrow(
    'the secrets acme/key and acme-key would both be in the environment variable ACME_KEY: rename one',
  );
});

test('a live import without the keys is a usage error before anything is read', async () => {
  const directory = temporaryDirectory();
  const config = join(directory, 'importer.config.ts');
  const route = { by: 'tenant', projects: { acme: project('acme/key'), globex: project('globex/key') } };
  writeFileSync(config, `export default ${JSON.stringify({ sources: [{ name: 'tenants', route }] })};`);
  const { code, stderr } = await runCli(['import', '--config', config, '--live', config], { ACME_KEY: 'a' });
  expect(code).toBe(2);
  expect(stderr).toContain('missing in the environment: GLOBEX_KEY (globex/key)');
});
