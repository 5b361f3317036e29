/** A replay of several queues: what is said of them, and that nothing late goes back unless it is forced. */
import { expect, test } from 'vitest';
import { type ReplayRequest, replayQueues } from '../../cli/replay-queues.ts';
import { UsageError } from '../../cli/usage.ts';
import { importMessage } from '../../lambdas/chunker/notification.ts';
import { DUMP } from '../lambdas/uploader/chunks.ts';
import { booksOf, ENGINES, killChunks, openEmbedded, sizesOf, type TestEngine } from './replay-engines.ts';

const DAY = 86_400_000;
/** After everything that dies in these tests. */
const NOW = Date.now() + 3_600_000;

async function run(engine: TestEngine, changes: Partial<ReplayRequest> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const request: ReplayRequest = {
    queues: ['upload', 'parked', 'intake'],
    limit: 1_000,
    dryRun: false,
    force: false,
    json: false,
    ...changes,
  };
  const output = { out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) };
  const outcome = await replayQueues(engine, request, output, () => NOW);
  return { ...outcome, out: out.join('\n'), err: err.join('\n') };
}

test.each(ENGINES)('%s: past the 7 days of Amplitude nothing is moved without --force', async (_, open) => {
  const engine = await open();
  await killChunks(engine, [{ lane: 0 }, { lane: 1 }], NOW - 7 * DAY - 1);
  const before = [await booksOf(engine), await sizesOf(engine)];
  const refused = run(engine, { queues: ['upload'] });
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow('2 messages with 2 events are of dumps begun more than 7 days ago');
  expect([await booksOf(engine), await sizesOf(engine)]).toEqual(before);

  const dry = await run(engine, { queues: ['upload'], dryRun: true });
  expect(dry.out).toContain('upload: 2 messages with 2 events would go back');
  expect(dry.err).toContain('without --force nothing is moved');

  const forced = await run(engine, { queues: ['upload'], force: true });
  expect(forced.err).toContain('2 messages with 2 events are of dumps begun more than 7 days ago');
  expect(await sizesOf(engine)).toEqual({ queue: 2, dead: 0 });
});

test('within the 7 days, and for a dump that was never begun, nobody is warned', async () => {
  const engine = openEmbedded();
  await killChunks(engine, [{ lane: 0 }], NOW - 7 * DAY);
  const other = { ...DUMP, key: 'never begun' };
  await engine.deadLetters.intake.send([{ id: 'a', body: importMessage({ dump: other }) }]);
  expect(await run(engine)).toMatchObject({ err: '', late: 0 });
  expect(await sizesOf(engine)).toEqual({ queue: 1, dead: 0 });
});

test('only what is chosen counts: late messages of another reason do not hold it back', async () => {
  const engine = openEmbedded();
  await killChunks(engine, [{ lane: 0 }], NOW - 30 * DAY);
  expect(await run(engine, { filter: { reason: 'throttled' } })).toMatchObject({ late: 0, err: '' });
});

test('a person sees counts, reasons, dumps and a sample; a machine one line of JSON for each queue', async () => {
  const engine = openEmbedded();
  await killChunks(engine, [{ lane: 0 }, { lane: 0, reason: 'throttled' }, { lane: 3, reason: 'throttled' }], NOW);
  const { out } = await run(engine, { dryRun: true, filter: { reason: 'throttled' } });
  expect(out.replace(/since \S+Z/g, 'since …')).toBe(
    `upload: 2 messages with 2 events would go back
  1 do not match and stay
  by reason
         2  throttled
  by dump
         2  s3://landing/days/monday.ndjson
  for example
    s3://landing/days/monday.ndjson, segment 0, chunk 1: 1 events of lane 0, dead since …: throttled
    s3://landing/days/monday.ndjson, segment 0, chunk 2: 1 events of lane 3, dead since …: throttled
parked: 0 messages with 0 events would go back
intake: 0 messages with 0 events would go back`,
  );

  const dry = await run(engine, { dryRun: true, json: true });
  const [first] = dry.out.split('\n').map((line): unknown => JSON.parse(line));
  expect(first).toMatchObject({
    queue: 'upload',
    dryRun: true,
    messages: 3,
    sample: [{ chunk: '0', lane: 0 }, {}, {}],
  });

  const { out: lines } = await run(engine, { json: true });
  expect(lines.split('\n').map((line): unknown => JSON.parse(line))).toMatchObject([
    {
      queue: 'upload',
      dryRun: false,
      messages: 3,
      events: 3,
      late: 0,
      unmatched: 0,
      unseen: 0,
      reasons: { 'HTTP 400: Invalid API key': 1, throttled: 2 },
      dumps: { 's3://landing/days/monday.ndjson': 3 },
    },
    { queue: 'parked', messages: 0 },
    { queue: 'intake', messages: 0 },
  ]);
});
