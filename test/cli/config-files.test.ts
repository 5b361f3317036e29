/** A configuration that names files: they are found beside it, and a missing or wrong one is said before anything is read. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startSimulator } from '../../local/simulator.ts';
import { receiptsOf, runCli, temporaryDirectory } from './run-cli.ts';

const CONVERTER = {
  converterConfig: {
    fileType: 'csv',
    convertToAmplitudeFunc: { event_type: ['value', 'Visit'], user_id: 'who', event_properties: { code: 'code' } },
  },
};

/** A configuration in a folder of its own, and a way to import with it from elsewhere. */
async function setUp(files: Readonly<Record<string, string>>) {
  const directory = temporaryDirectory();
  const folder = join(directory, 'config');
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const lookup = { file: './places.csv', key: 'event_properties.code', column: 'code', take: ['name'] };
  const source = { name: 'visits', project: { secret: 'k' }, convert: './converter.json', enrich: [{ lookup }] };
  const config = join(folder, 'visits.config.mjs');
  writeFileSync(config, `export default ${JSON.stringify({ sources: [source] })};`);
  const dump = join(directory, 'visits.csv');
  writeFileSync(dump, 'who,code\nsomebody,CH\nsomeone,XX\n');
  const simulator = await startSimulator({ keep: 'events' });
  onTestFinished(() => simulator.close());
  const state = join(directory, 'state');
  const options = ['--config', config, '--state', state, '--endpoint', simulator.url, '--json'];
  return { simulator, folder, importDump: (...more: string[]) => runCli(['import', dump, ...options, ...more]) };
}

test('a converter and a lookup beside the configuration make the events', async () => {
  const { simulator, importDump } = await setUp({
    'converter.json': JSON.stringify(CONVERTER),
    'places.csv': 'code,name\nCH,Switzerland\n',
  });
  const run = await importDump();
  expect(receiptsOf(run)).toMatchObject([{ state: 'complete', delivered: 2 }]);
  const events = [...simulator.stored()].map(({ text }) => JSON.parse(text ?? '') as object);
  expect(events).toMatchObject([
    { event_type: 'Visit', user_id: 'somebody', event_properties: { code: 'CH', name: 'Switzerland' } },
    { event_type: 'Visit', user_id: 'someone', event_properties: { code: 'XX' } },
  ]);
});

test('what is missing or wrong is told with where it stands and where it was looked for', async () => {
  const { folder, importDump } = await setUp({
    'converter.json': JSON.stringify({ convertToAmplitudeFunc: { event_type: ['uper', 'x'] } }),
  });
  const { code, stderr } = await importDump();
  expect(code).toBe(2);
  expect(stderr).toContain('sources[0].enrich[0].lookup.file: cannot read ./places.csv');
  expect(stderr).toContain(join(folder, 'places.csv'));
  expect(stderr).toContain('sources[0].convert: ./converter.json cannot be used:');
  expect(stderr).toContain('convertToAmplitudeFunc.event_type: unknown operator "uper"');
});
