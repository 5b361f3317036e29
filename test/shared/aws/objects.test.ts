/** What the S3 adapters make of a bad line and of answers that fauxqs never gives. */
import type { ServerResponse } from 'node:http';
import { S3Client } from '@aws-sdk/client-s3';
import { expect, onTestFinished, test } from 'vitest';
import { s3Dumps, s3Results } from '../../../shared/aws/objects.ts';
import type { Dump } from '../../../shared/dump.ts';
import { DumpUnreadable } from '../../../shared/objects.ts';
import { FAKE_AWS } from '../../fauxqs.ts';
import { type Answer, startStub } from './stub-server.ts';

const BYTES = Buffer.from('0123456789'.repeat(10_000));
const DUMP: Dump = { bucket: 'landing', key: 'in/day 1.ndjson', etag: 'e1', size: BYTES.length };

test('a connection that breaks in the middle of a body is tried again', async () => {
  const { client, answers } = await startS3([breakOff, breakOff, whole]);
  const pauses: number[] = [];
  const dumps = s3Dumps(client, { sleep: async (ms) => void pauses.push(ms) });
  expect((await dumps.read(DUMP, 0, BYTES.length)).equals(BYTES)).toBe(true);
  expect(answers.left()).toBe(0);
  expect(pauses).toEqual([200, 400]);
});

test('a connection that stalls before or in the middle of a body is given up and tried again', async () => {
  const { client, answers } = await startS3([(_, response) => stall(response), () => {}, whole]);
  const dumps = s3Dumps(client, { stallMs: 300, sleep });
  expect((await dumps.read(DUMP, 0, BYTES.length)).equals(BYTES)).toBe(true);
  expect(answers.left()).toBe(0);
});

test('a line that stays dead is an error that may pass, after 5 tries', async () => {
  const { client, answers } = await startS3(Array<Answer>(5).fill((_, response) => stall(response)));
  const reading = s3Dumps(client, { stallMs: 500, sleep }).read(DUMP, 0, BYTES.length);
  await expect(reading).rejects.toThrow(
    /cannot read bytes 0 to 100000 of s3:\/\/landing\/in\/day 1.ndjson, tried 5 times/,
  );
  await expect(reading).rejects.not.toThrow(DumpUnreadable);
  await expect(reading).rejects.toHaveProperty('cause.message', 'nothing came for 500 ms');
  expect(answers.left()).toBe(0);
});

test('a body that is shorter or longer than the range is not taken for it', async () => {
  const short: Answer = (_, response) => send(response, BYTES.subarray(0, 5));
  const long: Answer = (_, response) => send(response, BYTES.subarray(0, 20));
  const { client, answers } = await startS3([short, long, (_, response) => send(response, BYTES.subarray(0, 10))]);
  expect(await s3Dumps(client, { sleep }).read(DUMP, 0, 10)).toEqual(BYTES.subarray(0, 10));
  expect(answers.left()).toBe(0);
});

test('an answer that ignores the range is not taken for it', async () => {
  const all: Answer = (_, response) => void response.writeHead(200).end(BYTES);
  const { client } = await startS3([all, all, all, all, all]);
  await expect(s3Dumps(client, { sleep }).read(DUMP, 5, 10)).rejects.toHaveProperty(
    'cause.message',
    'S3 answered with range "undefined"',
  );
});

test('a busy S3 is asked again, one that refuses is not', async () => {
  const { client, answers } = await startS3([
    status(503, 'SlowDown'),
    status(500, 'InternalError'),
    status(403, 'AccessDenied'),
  ]);
  const reading = s3Dumps(client, { sleep }).read(DUMP, 0, 10);
  await expect(reading).rejects.toThrow('cannot read bytes 0 to 10 of s3://landing/in/day 1.ndjson');
  await expect(reading).rejects.toHaveProperty('cause.name', 'AccessDenied');
  await expect(reading).rejects.not.toThrow(DumpUnreadable);
  expect(answers.left()).toBe(0);
});

for (const [code, name] of [
  [404, 'NoSuchKey'],
  [404, 'NoSuchVersion'],
  [405, 'MethodNotAllowed'],
  [412, 'PreconditionFailed'],
  [416, 'InvalidRange'],
] as const) {
  test(`${name} means that the dump cannot be read`, async () => {
    const { client } = await startS3([status(code, name)]);
    await expect(s3Dumps(client, { sleep }).read(DUMP, 0, 10)).rejects.toThrow(DumpUnreadable);
  });
}

test('exactly the version that was announced is asked for, where the bucket keeps versions and where it does not', async () => {
  const asked: unknown[] = [];
  const answer: Answer = ({ url = '', headers }, response) => {
    asked.push([new URL(url, 'http://s3').searchParams.get('versionId'), headers['if-match'], headers.range]);
    send(response, BYTES.subarray(0, 10));
  };
  const { client } = await startS3(Array<Answer>(4).fill(answer));
  const dumps = s3Dumps(client, { sleep });
  for (const dump of [DUMP, { ...DUMP, etag: '"e1"' }, { ...DUMP, versionId: 'v1' }, { ...DUMP, versionId: 'null' }]) {
    await dumps.read(dump, 0, 10);
  }
  expect(asked).toEqual([
    [null, '"e1"', 'bytes=0-9'],
    [null, '"e1"', 'bytes=0-9'],
    ['v1', undefined, 'bytes=0-9'],
    [null, '"e1"', 'bytes=0-9'],
  ]);
});

test('the size of a dump that was replaced is not asked of its successor', async () => {
  const { client } = await startS3([
    ({ headers }, response) => void response.writeHead(headers['if-match'] ? 412 : 200).end(),
  ]);
  await expect(s3Dumps(client, { sleep }).size(DUMP)).rejects.toThrow('it was replaced by another version');
});

test('a result that is not written at once is written in the end, whole', async () => {
  let written = '';
  const take: Answer = (_, response, body) => {
    written = body;
    response.end();
  };
  const { client } = await startS3([(_, response) => void response.destroy(), status(503, 'SlowDown'), take]);
  await s3Results(client, 'results', { sleep }).put('receipts/a.json', Buffer.from('{"read":1}'));
  expect(written).toBe('{"read":1}');
});

test('a bucket that is not there is an error, not an empty result', async () => {
  const { client } = await startS3([status(404, 'NoSuchBucket')]);
  await expect(s3Results(client, 'results', { sleep }).get('a')).rejects.toThrow('cannot read s3://results/a');
});

test('a list of more than one page is listed to its end', async () => {
  const page =
    (keys: string, next: string): Answer =>
    (_, response) =>
      void response.end(`<ListBucketResult>${keys}<IsTruncated>${next !== ''}</IsTruncated>${next}</ListBucketResult>`);
  const first = page('<Contents><Key>a</Key></Contents>', '<NextContinuationToken>t1</NextContinuationToken>');
  const second: Answer = (request, response, body) => {
    expect(request.url).toContain('continuation-token=t1');
    page('<Contents><Key>b</Key></Contents>', '')(request, response, body);
  };
  const { client } = await startS3([first, second]);
  expect(await s3Results(client, 'results', { sleep }).list('')).toEqual(['a', 'b']);
});

const sleep = async (): Promise<void> => {};

/** An S3 that gives one answer after the other. */
async function startS3(answers: readonly Answer[]) {
  const left = [...answers];
  const endpoint = await startStub((request, response, body) => left.shift()?.(request, response, body));
  const client = new S3Client({ ...FAKE_AWS, endpoint, forcePathStyle: true, maxAttempts: 1 });
  onTestFinished(() => client.destroy());
  return { client, answers: { left: () => left.length } };
}

const whole: Answer = (_, response) => send(response, BYTES);

function send(response: ServerResponse, body: Buffer): void {
  const range = rangeOf(response);
  response.writeHead(206, { 'content-range': `bytes ${range}/${BYTES.length}` }).end(body);
}

function stall(response: ServerResponse): void {
  const headers = { 'content-length': BYTES.length, 'content-range': `bytes ${rangeOf(response)}/${BYTES.length}` };
  response.writeHead(206, headers).write(BYTES.subarray(0, 50_000));
}

function breakOff(_: unknown, response: ServerResponse): void {
  stall(response);
  // Not `destroy`, so that the first half gets there.
  response.socket?.end();
}

function rangeOf({ req }: ServerResponse): string {
  return req.headers.range?.replace('bytes=', '') ?? '';
}

function status(code: number, name: string): Answer {
  return (_, response) => void response.writeHead(code).end(`<Error><Code>${name}</Code><Message>no</Message></Error>`);
}
