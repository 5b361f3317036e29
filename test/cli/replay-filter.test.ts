/** Which dead messages a replay moves, and that the others stay as they were. */
import { expect, test } from 'vitest';
import { readFilter } from '../../cli/replay-filter.ts';
import { type ReplayOptions, replayMessages } from '../../cli/replay-messages.ts';
import { importMessage } from '../../lambdas/chunker/notification.ts';
import { decodeChunkHeader } from '../../shared/chunk.ts';
import { DUMP, RUN } from '../lambdas/uploader/chunks.ts';
import { receiveAll } from '../shared/queue-fixtures.ts';
import { type DeadChunk, ENGINES, killChunks, openEmbedded, sizesOf, type TestEngine } from './replay-engines.ts';

const HOUR = 3_600_000;

type Values = Parameters<typeof readFilter>[0];

/** The names of what moves and what stays, `now` being so much later than they died. */
async function replay({ queues, deadLetters, ledger }: TestEngine, values: Values, laterMs = 0) {
  const options: ReplayOptions = { limit: Number.POSITIVE_INFINITY, dryRun: false, filter: readFilter(values) };
  const ports = { queue: queues.upload, deadLetters: deadLetters.upload, ledger, now: () => Date.now() + laterMs };
  const { unmatched, unseen } = await replayMessages(options, ports);
  const numbers = async (from: 'queues' | 'deadLetters') =>
    (await receiveAll({ queues, deadLetters }[from].upload)).map(({ body }) => decodeChunkHeader(body).number);
  return { moved: await numbers('queues'), stayed: await numbers('deadLetters'), unmatched, unseen };
}

const THREE: readonly DeadChunk[] = [
  { lane: 0, reason: 'HTTP 400: Invalid API key' },
  {
    lane: 1,
    reason: 'throttled',
    events: [
      { device_id: 'd1', user_id: 'u1' },
      { device_id: 'd2', user_id: 'u2' },
    ],
  },
  { lane: 2, reason: 'HTTP 503', events: [{ device_id: 'd2', user_id: 'u1', path: 'C:\\d3' }] },
];

/** Options → the numbers of the chunks that move. */
const CASES: readonly [Values, readonly number[], laterMs?: number][] = [
  [{ reason: 'http' }, [0, 2]],
  [{ reason: 'invalid api key' }, [0]],
  [{ reason: 'no such reason' }, []],
  [{ dump: RUN.dumpId }, [0, 1, 2]],
  [{ dump: `s3://${DUMP.bucket}/${DUMP.key}` }, [0, 1, 2]],
  [{ dump: 'monday' }, [0, 1, 2]],
  [{ dump: 'tuesday' }, []],
  [{ device: 'd2' }, [1, 2]],
  [{ user: 'u1' }, [1, 2]],
  [{ device: 'd2', user: 'u2' }, [1]],
  [{ device: 'd1', user: 'u2' }, []],
  [{ device: 'd' }, []],
  [{ device: 'd3' }, []],
  [{ device: 'd2', reason: '503' }, [2]],
  [{ 'older-than': '90m' }, [], HOUR],
  [{ 'older-than': '90m' }, [0, 1, 2], 2 * HOUR],
  [{ 'younger-than': '1.5h' }, [0, 1, 2], HOUR],
  [{ 'younger-than': '1.5h' }, [], 2 * HOUR],
  [{ 'younger-than': '3d', 'older-than': '60s', reason: 'throttled' }, [1], 2 * HOUR],
];

test.each(CASES)('embedded: %o moves chunks %j and leaves the others', async (values, expected, laterMs) => {
  const engine = openEmbedded();
  await killChunks(engine, THREE);
  const { moved, stayed, unmatched } = await replay(engine, values, laterMs);
  expect(moved).toEqual(expected);
  expect(stayed).toEqual([0, 1, 2].filter((number) => !expected.includes(number)));
  expect(unmatched).toBe(stayed.length);
});

test('SQS and DynamoDB: what does not match can be received again when the replay is over', async () => {
  const [, open] = ENGINES.find(([name]) => name !== 'embedded') ?? [];
  const engine = (await open?.()) ?? openEmbedded();
  await killChunks(engine, THREE);
  const { moved, stayed } = await replay(engine, { device: 'd2', reason: '503' });
  expect(moved).toEqual([2]);
  expect(new Set(stayed)).toEqual(new Set([0, 1]));
});

test.each(ENGINES)('%s: what stands behind one that does not match', async (name, open) => {
  const engine = await open();
  const dead = ['throttled', 'HTTP 503', 'throttled', 'HTTP 503'].map((reason) => ({ lane: 0, reason }));
  await killChunks(engine, dead);
  const { moved, stayed, unmatched, unseen } = await replay(engine, { reason: '503' });
  // fauxqs hands out one message of a lane at a time, SQS up to 10.
  const reached = name === 'embedded' ? 4 : 1;
  expect(moved).toEqual(reached === 4 ? [1, 3] : []);
  expect(stayed).toEqual(reached === 4 ? [0, 2] : [0, 1, 2, 3]);
  expect({ unmatched, unseen }).toEqual(reached === 4 ? { unmatched: 2, unseen: 0 } : { unmatched: 1, unseen: 3 });
});

test('an import request is chosen by its dump, never by a device', async () => {
  const { queues, deadLetters, ledger } = openEmbedded();
  const ports = { queue: queues.intake, deadLetters: deadLetters.intake, ledger, now: Date.now };
  const bodies = ['a', 'b'].map((key) => importMessage({ dump: { bucket: 'landing', key, etag: 'e' } }));
  await deadLetters.intake.send([...bodies, 'no request'].map((body) => ({ id: body, body })));
  const options = { limit: 10, dryRun: false };
  const byDevice = await replayMessages({ ...options, filter: readFilter({ device: 'a' }) }, ports);
  expect(byDevice).toMatchObject({ messages: 0, unmatched: 3 });
  const byDump = await replayMessages({ ...options, filter: readFilter({ dump: 'landing/b' }) }, ports);
  expect(byDump).toMatchObject({ messages: 1, unmatched: 2 });
  expect((await receiveAll(queues.intake)).map(({ body }) => body)).toEqual([bodies[1]]);
});

test('a damaged chunk has no events to be found, and goes back without a filter', async () => {
  const engine = openEmbedded();
  const [body = ''] = await killChunks(engine, [{ lane: 0 }]);
  await receiveAll(engine.deadLetters.upload);
  const damaged = `${body.split('\n')[0]}\nAAAA`;
  await engine.deadLetters.upload.send([{ id: 'damaged', body: damaged, group: 'lane-0' }]);
  expect(await replay(engine, { device: 'device 0' })).toMatchObject({ moved: [], stayed: [0] });
  await engine.deadLetters.upload.send([{ id: 'damaged again', body: damaged, group: 'lane-0' }]);
  expect(await replay(engine, {})).toMatchObject({ moved: [0], stayed: [] });
  expect(await sizesOf(engine)).toEqual({ queue: 0, dead: 0 });
});

test.each([
  [{ 'older-than': '3 days' }, '--older-than: found "3 days", expected a number and s, m, h or d'],
  [{ 'younger-than': '36' }, '--younger-than: found "36"'],
  [{ dump: '' }, '--dump: found nothing'],
])('%o is refused with what was expected', (values, message) => {
  expect(() => readFilter(values)).toThrow(message);
});
