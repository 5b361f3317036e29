/** `import` of a source that may send so many events a day: what a person sees, and how it goes on. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startSimulator } from '../../local/simulator.ts';
import { receiptsOf, runCli, temporaryDirectory } from './run-cli.ts';

const EVENTS = 500;

test('a dump beyond the budget stops and says so; the same command waits on, and a raised cap sends the rest once', async () => {
  const directory = temporaryDirectory();
  const simulator = await startSimulator({ keep: 'ids' });
  onTestFinished(() => simulator.close());
  const dump = join(directory, 'day.ndjson');
  const lines = Array.from({ length: EVENTS }, (_, n) =>
    JSON.stringify({ event_type: 'Seen', device_id: `device-${n % 50}`, time: 1_700_000_000_000 + n, n }),
  );
  writeFileSync(dump, lines.join('\n'));
  const state = join(directory, 'state');
  const config = join(directory, 'importer.config.ts');
  const write = (eventsPerDay: number) => {
    const source = { name: 'web', project: { secret: 'key' }, eventsPerDay };
    writeFileSync(config, `export default ${JSON.stringify({ sources: [source], segmentRecords: 100 })};`);
  };
  const run = (...more: string[]) =>
    runCli(['import', '--config', config, '--state', state, '--endpoint', simulator.url, ...more, dump]);

  write(220);
  const first = await run();
  expect(first.code).toBe(4);
  expect(first.stdout).toContain(
    'the events of the day (eventsPerDay) are sent; the same command goes on from midnight',
  );
  expect(first.stderr).toContain('dump waits for the budget of the next day: source web has sent its 220 events of');
  expect(simulator.counts().stored).toBe(220);

  const again = await run('--json');
  expect(again.code).toBe(4);
  expect(receiptsOf(again)).toMatchObject([{ read: 220, delivered: 220, inFlight: 0 }]);
  expect(simulator.counts().events.received).toBe(220);
  const status = await runCli(['status', '--state', state]);
  expect(status.stdout).toContain('it waits for the budget of the next day');

  write(10_000);
  const last = await run('--json');
  expect(last.code).toBe(0);
  expect(receiptsOf(last)).toMatchObject([{ state: 'complete', read: EVENTS, delivered: EVENTS, inFlight: 0 }]);
  expect(simulator.counts().stored).toBe(EVENTS);
});
