/** Nothing that the command line prints about an import holds anything of an event, whatever goes wrong with it. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { FAULTS } from '../../local/simulator-faults.ts';
import { startSimulator } from '../../local/simulator.ts';
import { type Finished, runCli, startCli, temporaryDirectory } from './run-cli.ts';

const CANARY = 'Canarybird';
const EVENT = {
  event_type: `${CANARY} seen`,
  user_id: `${CANARY}User`,
  device_id: `${CANARY}Device`,
  insert_id: `${CANARY}Id`,
  event_properties: { [`${CANARY}Name`]: CANARY },
};
const BAD = [
  `{"event_type":"${CANARY}`,
  `["${CANARY}"]`,
  `{"${CANARY}":1}`,
  JSON.stringify({ ...EVENT, time: CANARY }),
];

/** Says what it got whenever it is asked for a map: in a property, as the error's name, in its cause. */
const MAP = `(record) => {
  if (record.quote) throw Object.assign(new Error(JSON.stringify(record), { cause: JSON.stringify(record) }), { name: record.user_id });
  return record;
}`;
const BATCH = `{ batch: async (events) => { throw new Error('cannot enrich ' + JSON.stringify(events)); } }`;

const isPrivate = (text: string) => text.toLowerCase().includes(CANARY.toLowerCase());

async function setUp(source: string) {
  const directory = temporaryDirectory();
  const config = join(directory, 'private.config.mjs');
  writeFileSync(config, `export default { sources: [{ name: 'main', project: { secret: 'key' }, ${source} }] };`);
  const simulator = await startSimulator({ silenced: [EVENT.device_id] });
  onTestFinished(() => simulator.close());
  const state = join(directory, 'state');
  const options = ['--config', config, '--state', state, '--endpoint', simulator.url];
  const drop = (name: string, content: string | Buffer) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  return { drop, options, simulator, state };
}

/** All of both streams but for what says nothing. */
function expectQuiet({ stdout, stderr }: Finished): void {
  expect(`${stdout}${stderr}`.length).toBeGreaterThan(50);
  expect(`${stdout}\n${stderr}`.split('\n').filter(isPrivate)).toEqual([]);
}

test.each([
  ['as text', []],
  ['as JSON', ['--json']],
])(
  'bad records, broken dumps, a map that throws what it got and answers that repeat it: only rejects hold them (%s)',
  async (_, format) => {
    const { drop, options, simulator, state } = await setUp(`map: ${MAP}`);
    const answers = [503, 200, 400].map((status) =>
      FAULTS.answer(status, { code: status === 200 ? 500 : status, error: CANARY }),
    );
    simulator.setFaults(() => answers.shift());
    const lines = [EVENT, { ...EVENT, quote: true }, { ...EVENT, device_id: `${CANARY}Other` }].map((event) =>
      JSON.stringify(event),
    );
    const dumps = [
      drop('main.ndjson', [...BAD, ...lines].join('\n')),
      drop('cut.ndjson.gz', gzipSync(lines.join('\n')).subarray(0, -9)),
      drop('broken.json', `[${lines.join()}, {"${CANARY}": ${CANARY}}]`),
      drop('broken.parquet', `PAR1${CANARY}`),
    ];
    expectQuiet(await runCli(['import', ...options, ...format, ...dumps]));
    const rejects = readdirSync(join(state, 'results', 'rejects'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.gz'))
      .map((name) => gunzipSync(readFileSync(join(state, 'results', 'rejects', name))).toString());
    expect(rejects.filter(isPrivate).length).toBeGreaterThan(0);
  },
  60_000,
);

test('a key that Amplitude does not take and repeats, and what is dead of it', async () => {
  const { drop, options, simulator } = await setUp('');
  simulator.setFaults(() => FAULTS.answer(400, { code: 400, error: `Invalid API key: ${CANARY}` }));
  const dump = drop('main.ndjson', JSON.stringify(EVENT));
  expectQuiet(await runCli(['import', ...options, dump]));
  expectQuiet(await runCli(['replay', ...options, '--dry-run']));
});

test('a batch step that throws what it was given', async () => {
  const { drop, options } = await setUp(`enrich: [${BATCH}]`);
  // It would be tried for minutes.
  const { child, finished } = startCli(['import', ...options, drop('main.ndjson', JSON.stringify(EVENT))]);
  let said = '';
  child.stderr.on('data', (text: string) => {
    said += text;
    if (said.includes('dump is tried again')) child.kill('SIGINT');
  });
  const ended = await finished;
  expect(ended.stderr).toContain('enrich[0] threw Error');
  expectQuiet(ended);
});
