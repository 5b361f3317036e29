/** What is dead and why: grouped, with the replay that takes it, and nothing of it moved. */
import { describe, expect, test } from 'vitest';
import { dlqCommand, type DlqRequest, formatDead, showDead } from '../../cli/dlq.ts';
import { startDeadTally } from '../../cli/dlq-tally.ts';
import { readDeadMessage } from '../../cli/replay-dead-message.ts';
import { UsageError } from '../../cli/usage.ts';
import { importMessage } from '../../lambdas/chunker/notification.ts';
import { DUMP, RUN } from '../lambdas/uploader/chunks.ts';
import { receiveAll } from '../shared/queue-fixtures.ts';
import { LOOK_ENGINES, type TestLook } from './looking.ts';
import { booksOf, killChunks, sizesOf } from './replay-engines.ts';

async function show(engine: TestLook, changes: Partial<DlqRequest> = {}) {
  const lines: string[] = [];
  const request: DlqRequest = { queues: ['upload', 'parked', 'intake'], filter: {}, json: false, ...changes };
  const code = await showDead(engine, request, (line) => void lines.push(line));
  return { code, lines, text: lines.join('\n').replace(/dead for [^:]+:/g, 'dead for …:') };
}

const KEY = 'HTTP 400: Invalid API key';

describe.each(LOOK_ENGINES)('%s', (name, open) => {
  const live = name === 'embedded' ? ' [--live]' : ' --stack S3';

  test('it is grouped by queue, dump and reason, each with the replay that takes it', async () => {
    const engine = await open();
    await killChunks(engine, [
      { lane: 0, reason: KEY },
      { lane: 1, reason: "it's throttled" },
      { lane: 2, reason: KEY },
    ]);
    await engine.deadLetters.intake.send([{ id: 'a', body: importMessage({ dump: { ...DUMP, key: 'lost' } }) }]);
    await engine.deadLetters.parked.send([{ id: 'b', body: 'nonsense' }]);
    const { code, text } = await show(engine);
    expect(code).toBe(1);
    expect(text.replace(/\([0-9a-f]{20}\)|(?<=--dump )[0-9a-f]{20}/g, 'ID')).toBe(
      `upload: 3 dead messages with 3 events
  s3://landing/days/monday.ndjson ID
    2 messages, 2 events, dead for …: ${KEY}
      s3-to-amplitude replay --queue upload --dump ID --reason '${KEY}'${live}
    1 message, 1 event, dead for …: it's throttled
      s3-to-amplitude replay --queue upload --dump ID --reason 'it'\\''s throttled'${live}
parked: 1 dead message
  messages that name no dump
    1 message, dead for …: received too often without an answer
      s3-to-amplitude replay --queue parked --reason 'received too often without an answer'${live}
intake: 1 dead message
  s3://landing/lost ID
    1 message, dead for …: received too often without an answer
      s3-to-amplitude replay --queue intake --dump ID --reason 'received too often without an answer'${live}`,
    );
  });

  test('nothing is moved, and everything can be received as before', async () => {
    const engine = await open();
    const bodies = await killChunks(engine, [{ lane: 0 }, { lane: 1 }, { lane: 1 }]);
    const before = [await booksOf(engine), await sizesOf(engine)];
    await show(engine);
    await show(engine, { json: true });
    expect([await booksOf(engine), await sizesOf(engine)]).toEqual(before);
    const found = await receiveAll(engine.deadLetters.upload);
    expect(found.map(({ body }) => body).toSorted()).toEqual(bodies.toSorted());
  });

  test('what is asked for is all that is shown, and for a machine a group is a line', async () => {
    const engine = await open();
    await killChunks(engine, [
      { lane: 0, reason: KEY },
      { lane: 1, reason: 'throttled' },
    ]);
    const { code, lines } = await show(engine, { json: true, filter: { reason: 'api key' } });
    expect(code).toBe(1);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { queue: 'upload', dumpId: RUN.dumpId, reason: KEY, status: 400, messages: 1, events: 1 },
    ]);
    expect(await show(engine, { filter: { reason: 'nothing like it' } })).toMatchObject({
      code: 0,
      lines: ['nothing like that is dead'],
    });
  });

  test('where nothing is dead it says so', async () => {
    expect(await show(await open())).toMatchObject({ code: 0, lines: ['nothing is dead'] });
  });
});

function messageAt(sentAt: number, reason: string) {
  const body = importMessage({ dump: DUMP });
  return readDeadMessage({ body, receipt: '', receives: 1, sentAt, attributes: { reason } });
}

test('a group says since when it is dead; the dump with the most dead messages comes first', () => {
  const tally = startDeadTally('intake');
  tally.add(messageAt(1_000, 'a'));
  tally.add(messageAt(3_600_000, 'a'));
  const engine = { deadLetters: {} as TestLook['deadLetters'], options: '' };
  expect(formatDead('intake', tally.result(), 2, engine, 7_200_000)).toEqual([
    'intake: 2 dead messages',
    `  s3://landing/days/monday.ndjson (${RUN.dumpId})`,
    '    2 messages, dead for 1 h 0 min to 2 h 0 min: a',
    `      s3-to-amplitude replay --queue intake --dump ${RUN.dumpId} --reason a`,
    '  about 2 more could not be looked at: behind others of their lane, or held by somebody else',
  ]);
});

test('a reason that a terminal cannot show is not in the command', () => {
  const tally = startDeadTally('intake');
  tally.add(messageAt(1_000, 'a\u001b[2J'));
  const engine = { deadLetters: {} as TestLook['deadLetters'], options: '' };
  const text = formatDead('intake', tally.result(), 0, engine, 2_000).join('\n');
  expect(text).not.toContain('\u001b');
  expect(text).toMatch(/--dump [0-9a-f]{20}$/);
});

test.each([
  [['x'], 'dlq takes no x'],
  [['--queue', 'x'], '--queue: found "x"'],
  [['--older-than', 'x'], '--older-than: found "x"'],
])('%j is a usage error', async (args, message) => {
  const refused = dlqCommand.run(args);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow(message);
});
