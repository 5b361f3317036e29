/** docs/runbook.md, followed to the letter on one machine: each trouble is there, its section shows it, and mends it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../cli/load-config.ts';
import { importMessage } from '../lambdas/chunker/notification.ts';
import { amplitude } from '../lambdas/uploader/amplitude.ts';
import { openEngine } from '../local/engine.ts';
import { FAULTS, type NextFault } from '../local/simulator-faults.ts';
import { type Simulator, startSimulator } from '../local/simulator.ts';
import { virtualClock } from '../local/virtual-clock.ts';
import type { Clock } from '../shared/embedded/queue.ts';
import { describeFile } from '../shared/embedded/files.ts';
import { openState } from '../shared/embedded/state.ts';
import { until } from './aws/until.ts';
import { type Finished, startCli, temporaryDirectory } from './cli/run-cli.ts';
import { PORTS } from './lambdas/chunker/making.ts';
import { commandsOf, fillIn, type Filling, firstLook, makeFolder, type Part, RUNBOOK, runShell } from './runbook.ts';

const EVENTS = 200;
const DAY = '2026-11-20';
const KEY = 'the-right-key';
const SHARED_CONFIG = join(import.meta.dirname, '..', 'shared', 'config.ts');

/** A folder with a configuration and the dump of a day, beside a simulator that stands for Amplitude. */
async function setUp(settings: { readonly importer?: string; readonly source?: string } = {}) {
  const folder = temporaryDirectory();
  const simulator = await startSimulator({ keep: 'ids' });
  onTestFinished(() => simulator.close());
  const env: Record<string, string> = { ...makeFolder(folder).env };
  const config = ({ importer = '', source = '' }: typeof settings) => {
    const text = `export default defineImporter({ ${importer} sources: [{ name: 'web', project: { secret: 'key' }, ${source} }] });`;
    writeFileSync(
      join(folder, 'importer.config.ts'),
      `import { defineImporter } from ${JSON.stringify(SHARED_CONFIG)};\n${text}\n`,
    );
  };
  config(settings);
  const dump = writeDay(folder, DAY);
  const filling = { file: dump, dump, day: DAY, 'API key': KEY };
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
    importFile(file: string, options: ImportOptions = {}, faults: NextFault = () => undefined) {
      // The shell in which somebody imports still has the key when they look.
      env.AMPLITUDE_API_KEY = options.apiKey ?? KEY;
      return importHere(file, simulator, faults, options);
    },
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
    await importFile(dump, { apiKey: 'wrong-key' });
    const { code, stdout } = await look('dead-chunks');
    expect(code).toBe(1);
    expect(stdout).toMatch(/200 events, dead for .*: HTTP 400: Invalid API key/);
    expect(await mend('dead-chunks')).toMatchObject({ code: 0 });
    await expectMended();
  });

  test('a missing file', async () => {
    const { folder, importFile, look, mend, expectMended } = await setUp();
    await importFile(writeDay(folder, '2026-11-19'));
    const { code, stdout } = await look('daily-file');
    expect(code).toBe(1);
    expect(stdout).toContain(`no dump is known as ${DAY}: it has not been dropped`);
    expect(await mend('daily-file')).toMatchObject({ code: 0 });
    expect(await look('daily-file')).toMatchObject({ code: 0 });
    await expectMended(2 * EVENTS);
  });

  test('a file that is cut off', async () => {
    const { dump, importFile, look, mend, expectMended } = await setUp();
    const whole = gzipSync(readFileSync(dump));
    writeFileSync(dump, whole.subarray(0, whole.length / 2));
    await importFile(dump);
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
    await importFile(dump);
    const { code, stdout } = await look('rejects', { dump: DAY });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^179 rejects of .*\n +179 {2}map threw TypeError/);
    expect(await mend('rejects', { dump: DAY })).toMatchObject({ code: 1 });
    config(map(''));
    expect(await mend('rejects', { dump: DAY })).toMatchObject({ code: 0 });
    await expectMended();
  });

  test('a throttled device whose events are still tried again', async () => {
    const { dump, importFile, look, mend, expectMended } = await setUp();
    await importFile(dump, { clock: longAgo(), stopAfter: 6 }, throttlesOne);
    const { code, stdout } = await look('throttling-growing');
    expect(code).toBe(1);
    expect(stdout).toContain('5 events are parked: Amplitude throttles their devices or users');
    expect(await mend('throttling-growing')).toMatchObject({ code: 0 });
    await expectMended();
  });

  test('a throttled device whose events are dead', async () => {
    const { dump, importFile, look, mend, expectMended } = await setUp();
    await importFile(dump, { clock: longAgo() }, throttlesOne);
    const { code, stdout } = await look('dead-parked-events');
    expect(code).toBe(1);
    expect(stdout).toMatch(/parked: 1 dead message with 5 events/);
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
    const { dump, importFile, look, mend, expectMended } = await setUp({ importer: 'maxTries: 1,' });
    await importFile(dump, {}, FAULTS.unavailable);
    const { code, stdout } = await look('uploads-failing');
    expect(code).toBe(1);
    expect(stdout).toContain('200 events are dead: HTTP 503');
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

type ImportOptions = {
  readonly apiKey?: string;
  readonly clock?: Clock & { setSleepers?(count: number): void };
  /** It is stopped after so many requests. */
  readonly stopAfter?: number;
};

/** What `import` does, in this process: on a clock that may jump, and a second sooner than in one of its own. */
async function importHere(
  file: string,
  simulator: Simulator,
  faults: NextFault,
  { apiKey = KEY, clock, stopAfter = Number.POSITIVE_INFINITY }: ImportOptions = {},
): Promise<void> {
  const folder = dirname(file);
  const state = openState(join(folder, '.s3-to-amplitude'));
  const client = amplitude({ uploads: 'gzip', timeoutMs: 10_000, connections: 4, endpoint: simulator.url });
  const engine = openEngine({
    state,
    importer: await loadConfig({ config: join(folder, 'importer.config.ts') }),
    fingerprint: 'f',
    amplitude: client,
    apiKey: async () => apiKey,
    transforms: PORTS,
    log: () => undefined,
    random: () => 0,
    ...(clock && { clock, workers: (count) => clock.setSleepers?.(count) }),
  });
  simulator.setFaults((request) => {
    if (request.number >= stopAfter) engine.stop();
    return faults(request);
  });
  try {
    await engine.queues.intake.send([{ id: 'drop', body: importMessage({ dump: await describeFile(file) }) }]);
    await engine.run();
  } finally {
    simulator.setFaults([]);
    await client.close();
    state.close();
  }
}

/** An import that began 40 hours ago. */
const longAgo = () => virtualClock(Date.now() - 40 * 3_600_000);

test('where the import did not go to Amplitude, so the runbook says, --endpoint stands in place of --live', () => {
  expect(RUNBOOK.replaceAll('\n', ' ')).toContain('with `--endpoint <url>` in place of `--live`');
});
