/** What the SQS adapter makes of answers that fauxqs never gives: 200 with messages in `Failed[]`, and old receipts. */
import { createHash } from 'node:crypto';
import { SQSClient } from '@aws-sdk/client-sqs';
import { expect, onTestFinished, test } from 'vitest';
import { sqsQueue } from '../../../shared/aws/queue.ts';
import { FAKE_AWS } from '../../fauxqs.ts';
import { startStub } from './stub-server.ts';

const BUSY = { code: 'InternalError', senderFault: false };
const WRONG = { code: 'InvalidMessageContents', senderFault: true };

test('a message that SQS could not take is sent again, and nothing overtakes it in its group', async () => {
  let refusals = 2;
  const { queue, batches, pauses } = await startSqs((body) => (body === 'a1' && refusals-- > 0 ? BUSY : undefined));
  await queue.send(['a1', 'b1', 'a2', 'b2', 'a3'].map((id) => ({ id, body: id, group: id.slice(0, 1) })));
  expect(batches).toEqual([['a1', 'b1'], ['a1'], ['a1'], ['a2', 'b2'], ['a3']]);
  expect(pauses).toEqual([200, 400]);
});

test('a message that SQS cannot take in 5 tries is named, and what is behind it is not sent', async () => {
  const { queue, batches, pauses } = await startSqs((body) => (body === 'a1' ? BUSY : undefined));
  const sending = queue.send(['a1', 'b1', 'a2'].map((id) => ({ id: `id-${id}`, body: id, group: id.slice(0, 1) })));
  await expect(sending).rejects.toThrow('queue upload.fifo did not take id-a1 (InternalError: no), tried 5 times');
  expect(batches).toEqual([['a1', 'b1'], ['a1'], ['a1'], ['a1'], ['a1']]);
  expect(pauses).toEqual([200, 400, 800, 1_600]);
});

test('a message that is wrong in itself is not sent again', async () => {
  const { queue, batches } = await startSqs((body) => (body === 'a1' ? WRONG : undefined));
  const sending = queue.send([{ id: 'id-a1', body: 'a1', group: 'a' }]);
  await expect(sending).rejects.toThrow(/did not take id-a1 \(InvalidMessageContents: no\), tried 1 times/);
  await expect(sending).rejects.toHaveProperty('cause', [expect.objectContaining({ SenderFault: true })]);
  expect(batches).toHaveLength(1);
});

test('a message of which the answer says nothing counts as not taken', async () => {
  let silent = true;
  const { queue, batches } = await startSqs(() => {
    const answer = silent ? ('silence' as const) : undefined;
    silent = false;
    return answer;
  });
  await queue.send([{ id: 'a1', body: 'a1', group: 'a' }]);
  expect(batches).toEqual([['a1'], ['a1']]);
});

test('a batch holds at most 10 messages of 1 MiB in sum, whatever their order', async () => {
  const { queue, batches } = await startSqs(() => undefined);
  const sizes = [700_000, 400_000, 300_000, ...Array<number>(12).fill(10)];
  await queue.send(sizes.map((size, n) => ({ id: `${n}`, body: 'x'.repeat(size), group: `${n}` })));
  const sums = batches.map((batch) => batch.reduce((sum, { length }) => sum + length, 0));
  expect(sums).toEqual([1_000_080, 400_040]);
  expect(batches.map(({ length }) => length)).toEqual([10, 5]);
});

test('a request that fails names its messages and keeps the cause', async () => {
  const { queue } = await startSqs(() => 'refused');
  const sending = queue.send([{ id: 'a1', body: 'a1', group: 'a' }]);
  await expect(sending).rejects.toThrow('cannot send to queue upload.fifo: a1');
  await expect(sending).rejects.toHaveProperty('cause.name', 'QueueDoesNotExist');
});

for (const reason of [
  'The receipt handle has expired.',
  'Message does not exist or is not available for visibility timeout change.',
]) {
  test(`a receipt that is no longer valid is ignored: ${reason}`, async () => {
    const endpoint = await startStub((_, response) => {
      const message = `Value AQEB for parameter ReceiptHandle is invalid. Reason: ${reason}`;
      response.writeHead(400, { ...JSON_TYPE, 'x-amzn-query-error': 'InvalidParameterValue;Sender' });
      response.end(JSON.stringify({ __type: 'com.amazonaws.sqs#InvalidParameterValueException', message }));
    });
    const queue = sqsQueue(clientOf(endpoint), `${endpoint}/1/upload.fifo`, { fifo: true });
    await queue.remove('AQEB');
    await queue.hide('AQEB', 0);
  });
}

test('any other wrong parameter is an error', async () => {
  const endpoint = await startStub((_, response) => {
    const message = 'Value 99999 for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200.';
    response.writeHead(400, JSON_TYPE);
    response.end(JSON.stringify({ __type: 'com.amazonaws.sqs#InvalidParameterValueException', message }));
  });
  const queue = sqsQueue(clientOf(endpoint), `${endpoint}/1/upload.fifo`, { fifo: true });
  await expect(queue.hide('AQEB', 99_999_000)).rejects.toThrow('VisibilityTimeout');
});

const JSON_TYPE = { 'content-type': 'application/x-amz-json-1.0' };

type Fate = typeof BUSY | 'silence' | 'refused' | undefined;

/** An SQS that takes the messages for which `fateOf` gives nothing. `batches` are the bodies it got. */
async function startSqs(fateOf: (body: string) => Fate) {
  const batches: string[][] = [];
  const pauses: number[] = [];
  const endpoint = await startStub((_, response, text) => {
    const entries: { Id: string; MessageBody: string }[] = JSON.parse(text).Entries;
    batches.push(entries.map(({ MessageBody }) => MessageBody));
    const fates = entries.map((entry) => ({ ...entry, fate: fateOf(entry.MessageBody) }));
    const refused = fates.some(({ fate }) => fate === 'refused');
    response.writeHead(refused ? 400 : 200, JSON_TYPE);
    response.end(JSON.stringify(refused ? { __type: 'com.amazonaws.sqs#QueueDoesNotExist' } : answerTo(fates)));
  });
  const sleep = async (ms: number) => void pauses.push(ms);
  return { batches, pauses, queue: sqsQueue(clientOf(endpoint), `${endpoint}/1/upload.fifo`, { fifo: true, sleep }) };
}

function answerTo(entries: readonly { Id: string; MessageBody: string; fate: Fate }[]) {
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  return {
    Successful: entries
      .filter(({ fate }) => fate === undefined)
      .map(({ Id, MessageBody }) => ({ Id, MessageId: Id, MD5OfMessageBody: md5(MessageBody) })),
    Failed: entries.flatMap(({ Id, fate }) =>
      typeof fate === 'object' ? [{ Id, Code: fate.code, SenderFault: fate.senderFault, Message: 'no' }] : [],
    ),
  };
}

function clientOf(endpoint: string): SQSClient {
  const client = new SQSClient({ ...FAKE_AWS, endpoint, maxAttempts: 1 });
  onTestFinished(() => client.destroy());
  return client;
}
