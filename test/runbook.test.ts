/** docs/runbook.md, followed to the letter on one machine: each trouble is there, its section shows it, and mends it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { importMessage } from '../lambdas/chunker/notification.ts';
import { amplitude } from '../lambdas/uploader/amplitude.ts';
import { openEngine } from '../local/engine.ts';
import { FAULTS, type NextFault } from '../local/simulator-faults.ts';
import { startSimulator } from '../local/simulator.ts';
import { virtualClock } from '../local/virtual-clock.ts';
import { defineImporter } from '../shared/config.ts';
import { describeFile } from '../shared/embedded/files.ts';
import { openState } from '../shared/embedded/state.ts';
import { until } from './aws/until.ts';
import { type Finished, runCli, startCli, temporaryDirectory } from './cli/run-cli.ts';
import { PORTS } from './lambdas/chunker/making.ts';
import { commandsOf, fillIn, type Filling, firstLook, makeFolder, type Part, RUNBOOK, runShell } from './runbook.ts';

const EVENTS = 200;
const DAY = '2026-11-20';
const SHARED_CONFIG = join(import.meta.dirname, '..', 'shared', 'config.ts');

/** A folder with a configuration and the dump of a day, beside a simulator that stands for Amplitude. */
async function setUp(settings: { readonly importer?: string; readonly source?: string } = {}) {
  const folder = temporaryDirectory();
  const simulator = await startSimulator({ keep: 'ids' });
  onTestFinished(() => simulator.close());
  const { env } = makeFolder(folder);
  const config = ({ importer = '', source = '' }: typeof settings) => {
    const text = `export default defineImporter({ ${importer} sources: [{ name: 'web', project: { secret: 'key' }, ${source} }] });`;
    writeFileSync(
      join(folder, 'importer.config.ts'),
      `import { defineImporter } from ${JSON.stringify(SHARED_CONFIG)};\n${text}\n`,
    );
  };
  config(settings);
  const dump = writeDay(folder, DAY);
  const filling = { file: dump, dump, day: DAY, 'API key': 'the-right-key' };
  /** Each command of a part, until one fails; what the last one said. */
  const follow = async (commands: readonly string[], changes: Filling = {}): Promise<Finished> => {
    expect(commands).not.toEqual([]);
    let last: Finished | undefined;
    for (const command of commands) {
      // Of what the runbook says about --live, the other case.
      const filled = fillIn(command, { ...filling, ...changes }).replaceAll('--live', `--endpoint ${simulator.url}`);
      last = await runShell(filled, folder, env);
      if (last.code !== 0) break;
    }
    return last ?? expect.fail('no command was run');
  };
  const run = (section: string, part: Part, changes: Filling = {}) => follow(commandsOf(section, part).here, changes);
  return {
    folder,
    simulator,
    dump,
    config,
    importFile: (file: string, env: Readonly<Record<string, string>> = {}) =>
      runCli(['import', '--endpoint', simulator.url, file], env, folder),
    look: (section: string, changes?: Filling) => run(section, 'How to look.', changes),
    mend: (section: string, changes?: Filling) => run(section, 'How to mend.', changes),
    /** `status`, which is to say that all of it is in. */
    async expectMended(events = EVENTS) {
      const { code, stdout, stderr } = await follow(firstLook());
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`${DAY}\\.ndjson +complete +\\S+ 100 %`));
      expect(simulator.counts().stored).toBe(events);
    },
  };
}

function writeDay(folder: string, day: string): string {
  const path = join(folder, `${day}.ndjson`);
  const event = (i: number) => ({
    event_type: 'Seen',
    device_id: `device-${i % 40}`,
    insert_id: `${day}-${i}`,
    event_properties: { n: i },
  });
  writeFileSync(path, Array.from({ length: EVENTS }, (_, i) => `${JSON.stringify(event(i))}\n`).join(''));
  return path;
}

describe('a person who follows the runbook mends', () => {
  test('a wrong API key', async () => {
    const { dump, importFile, look, mend, expectMended } = await setUp();
    expect(await importFile(dump, { AMPLITUDE_API_KEY: 'wrong-key' })).toMatchObject({ code: 1 });
    const { code, stdout } = await look('dead-chunks');
    expect(code).toBe(1);
    expect(stdout).toMatch(/200 events, dead for .*: HTTP 400: Invalid API key/);
    expect(await mend('dead-chunks')).toMatchObject({ code: 0 });
    await expectMended();
  });

  test('a missing file', async () => {
    const { folder, importFile, look, mend, expectMended } = await setUp();
    expect(await importFile(writeDay(folder, '2026-11-19'))).toMatchObject({ code: 0 });
    const { code, stdout } = await look('A missing file');
    expect(code).toBe(1);
    expect(stdout).toContain(`no dump is known as ${DAY}: it has not been dropped`);
    expect(await mend('A missing file')).toMatchObject({ code: 0 });
    expect(await look('A missing file')).toMatchObject({ code: 0 });
    await expectMended(2 * EVENTS);
  });

  test('a file that is cut off', async () => {
    const { dump, importFile, look, mend, expectMended } = await setUp();
    const whole = gzipSync(readFileSync(dump));
    writeFileSync(dump, whole.subarray(0, whole.length / 2));
    expect(await importFile(dump)).toMatchObject({ code: 1 });
    const { code, stdout } = await look('dump-failed');
    expect(code).toBe(1);
    expect(stdout).toMatch(/ failed [\s\S]* it could not be read to its end: .* is damaged/);
    writeFileSync(dump, whole);
    expect(await mend('dump-failed')).toMatchObject({ code: 0 });
    await expectMended();
  });

  test('a reject storm', async () => {
    const map = (body: string) => ({ source: `map(row: any) { ${body} return row; },` });
    const { dump, config, importFile, look, mend, expectMended } = await setUp(
      map(`if (row.event_properties.n > 20) row.user.id;`),
    );
    expect(await importFile(dump)).toMatchObject({ code: 1 });
    const { code, stdout } = await look('rejects', { dump: DAY });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^179 rejects of .*\n +179 {2}map threw TypeError/);
    expect(await mend('rejects', { dump: DAY })).toMatchObject({ code: 1 });
    config(map(''));
    expect(await mend('rejects', { dump: DAY })).toMatchObject({ code: 0 });
    await expectMended();
  });

  test('a throttled device whose events are still tried again', async () => {
    const { folder, simulator, look, mend, expectMended } = await setUp();
    await importThrottled(folder, simulator, 6);
    const { code, stdout } = await look('throttling-growing');
    expect(code).toBe(1);
    expect(stdout).toContain('5 events are parked: Amplitude throttles their devices or users');
    simulator.setFaults([]);
    expect(await mend('throttling-growing')).toMatchObject({ code: 0 });
    await expectMended();
  });

  test('a throttled device whose events are dead', async () => {
    const { folder, simulator, look, mend, expectMended } = await setUp();
    await importThrottled(folder, simulator);
    const { code, stdout } = await look('dead-parked-events');
    expect(code).toBe(1);
    expect(stdout).toMatch(/parked: 1 dead message with 5 events/);
    simulator.setFaults([]);
    expect(await mend('dead-parked-events')).toMatchObject({ code: 0 });
    await expectMended();
  });

  test('an uploader that was killed in the middle', async () => {
    const { folder, simulator, dump, look, mend, expectMended } = await setUp({
      importer: 'uploaders: 2,',
      source: 'caps: { eventsPerChunk: 10 },',
    });
    simulator.setFaults([{ ...FAULTS.latency(100) }]);
    const { child, finished } = startCli(['import', '--endpoint', simulator.url, dump], {}, folder);
    await until('some events are in', async () => simulator.counts().stored > 0);
    child.kill('SIGKILL');
    await finished;
    expect(simulator.counts().stored).toBeLessThan(EVENTS);
    simulator.setFaults([]);
    const { code, stdout } = await look('functions-crash');
    expect(code).toBe(1);
    expect(stdout).toMatch(/ stopped [\s\S]* no import is at work here/);
    expect(await mend('functions-crash')).toMatchObject({ code: 0 });
    await expectMended();
  });

  test('uploads that failed until they were dead', async () => {
    const { simulator, dump, importFile, look, mend, expectMended } = await setUp({ importer: 'maxTries: 1,' });
    simulator.setFaults([FAULTS.unavailable()]);
    expect(await importFile(dump)).toMatchObject({ code: 1 });
    const { code, stdout } = await look('uploads-failing');
    expect(code).toBe(1);
    expect(stdout).toContain('200 events are dead: HTTP 503');
    simulator.setFaults([]);
    expect(await mend('uploads-failing')).toMatchObject({ code: 0 });
    await expectMended();
  });
});

/** Refuses what has an event of one device, as Amplitude does. */
const throttlesOne: NextFault = ({ body }) => {
  const events = JSON.parse(body.toString()) as { readonly events: readonly { readonly device_id: string }[] };
  const its = events.events.flatMap(({ device_id: device }, i) => (device === 'device-7' ? [i] : []));
  if (its.length === 0) return undefined;
  return FAULTS.answer(429, { code: 429, throttled_devices: { 'device-7': 31 }, throttled_events: its });
};

/** An import that began 40 hours ago, one device of which is throttled: until its events are dead, or it was stopped after so many requests. */
async function importThrottled(
  folder: string,
  simulator: Awaited<ReturnType<typeof startSimulator>>,
  stopAfter = Number.POSITIVE_INFINITY,
): Promise<void> {
  const clock = virtualClock(Date.now() - 40 * 3_600_000);
  const state = openState(join(folder, '.s3-to-amplitude'));
  const client = amplitude({ uploads: 'gzip', timeoutMs: 10_000, connections: 4, endpoint: simulator.url });
  const engine = openEngine({
    state,
    importer: defineImporter({ sources: [{ name: 'web', project: { secret: 'key' } }] }),
    fingerprint: 'f',
    amplitude: client,
    apiKey: async () => 'key',
    transforms: PORTS,
    log: () => undefined,
    clock,
    random: () => 0,
    workers: clock.setSleepers,
  });
  simulator.setFaults((request) => {
    if (request.number >= stopAfter) engine.stop();
    return throttlesOne(request);
  });
  try {
    const dump = await describeFile(join(folder, `${DAY}.ndjson`));
    await engine.queues.intake.send([{ id: 'drop', body: importMessage({ dump }) }]);
    await engine.run();
  } finally {
    await client.close();
    state.close();
  }
}

test('where the import did not go to Amplitude, so the runbook says, --endpoint stands in place of --live', () => {
  expect(RUNBOOK.replaceAll('\n', ' ')).toContain('with `--endpoint <url>` in place of `--live`');
});
