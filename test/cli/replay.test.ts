/** `replay` as a person runs it on one machine: stopped, killed, and run again. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { replayCommand } from '../../cli/replay.ts';
import { UsageError } from '../../cli/usage.ts';
import { startSimulator } from '../../local/simulator.ts';
import { embeddedQueue } from '../../shared/embedded/queue.ts';
import { openState } from '../../shared/embedded/state.ts';
import type { Receipt } from '../../shared/receipt.ts';
import { until } from '../aws/until.ts';
import { type Finished, runCli, startCli, temporaryDirectory } from './run-cli.ts';

const EVENTS = 1_000;
/** Small chunks, so that there are many. */
const CONFIG = `import { defineImporter } from '${join(import.meta.dirname, '..', '..', 'shared', 'config.ts')}';
export default defineImporter({
  sources: [{ name: 'events', project: { secret: 'key' }, caps: { eventsPerChunk: 20 } }],
});`;
const GOOD_KEY = { AMPLITUDE_API_KEY: 'good-key' };

/** A dump whose every chunk is dead because the key was wrong. */
async function setUp() {
  const directory = temporaryDirectory();
  const simulator = await startSimulator({ keep: 'ids' });
  onTestFinished(() => simulator.close());
  const state = join(directory, 'state');
  const config = join(directory, 'importer.config.ts');
  writeFileSync(config, CONFIG);
  const options = ['--config', config, '--state', state, '--endpoint', simulator.url, '--json'];
  const dump = join(directory, 'day.ndjson');
  const event = (i: number) =>
    JSON.stringify({ event_type: 'Seen', user_id: `user-${i}`, time: 1_700_000_000_000 + i });
  writeFileSync(dump, Array.from({ length: EVENTS }, (_, i) => `${event(i)}\n`).join(''));
  await runCli(['import', ...options, dump], { AMPLITUDE_API_KEY: 'wrong-key' });
  const chunks = await countMessages(state, 'upload-dlq');
  expect(chunks).toBeGreaterThan(10);
  return { simulator, state, options, dump, chunks };
}

async function countMessages(directory: string, queue: string): Promise<number> {
  const state = openState(directory, { readOnly: true });
  const { visible, hidden } = await embeddedQueue(state.db, queue, { fifo: true }).size();
  state.close();
  return visible + hidden;
}

/** What --json says: of the queues on standard error, then the receipts; of a dry run all on standard output. */
function linesOf({ stdout, stderr }: Finished): (Partial<Receipt> & { queue?: string; messages?: number })[] {
  return `${stderr}${stdout}`
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Partial<Receipt>);
}

test('killed in the middle, stopped by Ctrl-C, and run again: nothing is left behind and nothing doubled', async () => {
  const { simulator, state, options, dump, chunks } = await setUp();
  const slowly = ['replay', ...options, '--rate', '8'];
  const killed = startCli(slowly, GOOD_KEY);
  await until('some messages are moved', async () => (await countMessages(state, 'upload')) >= 2);
  killed.child.kill('SIGKILL');
  await killed.finished;
  expect((await countMessages(state, 'upload')) + (await countMessages(state, 'upload-dlq'))).toBeGreaterThanOrEqual(
    chunks,
  );

  const before = await countMessages(state, 'upload');
  const stopped = startCli(slowly, GOOD_KEY);
  await until('more messages are moved', async () => (await countMessages(state, 'upload')) > before);
  stopped.child.kill('SIGINT');
  const end = await stopped.finished;
  expect(end.code).toBe(130);
  expect(linesOf(end)).toMatchObject([{ queue: 'upload', messages: (await countMessages(state, 'upload')) - before }]);
  expect(end.stderr).toContain('stopping; the same command goes on later');
  expect(simulator.counts().stored).toBe(0);

  const last = await runCli(['replay', ...options], GOOD_KEY);
  expect(last.code).toBe(0);
  expect(linesOf(last)).toMatchObject([
    { queue: 'upload', unseen: 0 },
    { queue: 'parked' },
    { queue: 'intake' },
    { dump, state: 'complete', delivered: EVENTS, dead: 0, inFlight: 0 },
  ]);
  expect(await countMessages(state, 'upload-dlq')).toBe(0);
  expect(simulator.counts().stored).toBe(EVENTS);
});

test('a user’s messages alone: --dry-run says how many, the replay moves them, the receipt counts the rest as dead', async () => {
  const { simulator, options, dump, chunks } = await setUp();
  const [dry] = linesOf(await runCli(['replay', ...options, '--dry-run', '--user', 'user-7']));
  expect(dry).toMatchObject({ queue: 'upload', dryRun: true, messages: 1, unmatched: chunks - 1 });
  const replayed = await runCli(['replay', ...options, '--user', 'user-7', '--queue', 'upload'], GOOD_KEY);
  expect(replayed.code).toBe(1);
  const events = dry?.events ?? 0;
  expect(linesOf(replayed)).toMatchObject([
    { queue: 'upload', messages: 1, events },
    { dump, state: 'incomplete', delivered: events, dead: EVENTS - events },
  ]);
  expect(simulator.counts().stored).toBe(events);
});

test.each([
  ['an unknown queue', ['--queue', 'uploads'], '--queue: found "uploads", expected one of upload, parked, intake'],
  ['a rate of 0', ['--rate', '0'], '--rate: found "0", expected a whole number from 1'],
  ['an age without a unit', ['--older-than', '3'], '--older-than: found "3", expected a number and s, m, h or d'],
  ['a dump that is not named by --dump', ['day.ndjson'], 'replay takes no day.ndjson'],
])('%s is a usage error that says what was found', async (_, args, message) => {
  const refused = replayCommand.run(args);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow(message);
});
