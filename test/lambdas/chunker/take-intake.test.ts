/** What becomes of an intake message. */
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { importMessage } from '../../../lambdas/chunker/notification.ts';
import { type IntakePorts, takeIntake } from '../../../lambdas/chunker/take-intake.ts';
import { defineImporter } from '../../../shared/config.ts';
import { DumpUnreadable } from '../../../shared/objects.ts';
import type { OutgoingMessage } from '../../../shared/queue.ts';
import { HURRIED, LEASE_MS, openChunker, takeOver } from './chunker.ts';
import { eventLine } from './fixtures.ts';

const project = { secret: 'amplitude/key' };
const importer = defineImporter({
  sources: [
    { name: 'web', prefix: 'in/', project },
    { name: 'app', prefix: 'in/app/', project },
  ],
  segmentRecords: 10,
});
const lines = (count: number) => `${eventLine('user-1')}\n`.repeat(count);

type Logged = { readonly level: string; readonly message: string; readonly [field: string]: unknown };

const ELSEWHERE = ['segment chunked', 'dump completed'];

function open(text: string | Buffer = lines(15), key = 'in/day.ndjson') {
  const chunker = openChunker(text, { fingerprint: 'f' });
  /** What it said of messages; of segments and closed books there are lines of their own. */
  const logged: Logged[] = [];
  const dump = { ...chunker.request.dump, key };
  const dead: string[] = [];
  const reasons: (string | undefined)[] = [];
  const deadLetters = {
    async send(sent: readonly OutgoingMessage[]) {
      dead.push(...sent.map(({ body }) => body));
      reasons.push(...sent.map(({ attributes }) => attributes?.['reason']));
    },
  };
  const take = (body = importMessage({ dump }), changes: Partial<IntakePorts> = {}, receives = 1) => {
    const log = (level: string, message: string, fields: object) =>
      void (ELSEWHERE.includes(message) || logged.push({ level, message, ...fields }));
    const line = { graceMs: 1_000, pollMs: 100 };
    const of = { importer, fingerprint: 'f', owner: 'anna', log, intake: { send: async () => {} }, line };
    return takeIntake(body, receives, {
      ...chunker.ports,
      ...of,
      deadLetters,
      maxTries: 1_000,
      readers: 1,
      ...changes,
    });
  };
  const failing = { dumps: { ...chunker.ports.dumps, read: () => Promise.reject(new Error('S3 is slow')) } };
  return { chunker, dump, dead, reasons, failing, logged, take };
}

test('a dump that is read is done with, and so is one that is known', async () => {
  const { logged, take } = open();
  expect(await take()).toBeUndefined();
  expect(await take()).toBeUndefined();
  expect(logged).toMatchObject([
    { level: 'info', message: 'dump chunked', dump: 's3://landing/in/day.ndjson', source: 'web', read: 15, ms: 0 },
    { level: 'info', message: 'dump is known already', run: { run: 1 } },
  ]);
});

test('a dump that is not finished is seen again at once', async () => {
  const { take } = open();
  expect(await take(undefined, HURRIED)).toBe(0);
  expect(await take()).toBeUndefined();
});

test('a dump that another one reads is seen again when the lease ends', async () => {
  const { chunker, dump, logged, take } = open();
  await takeOver(chunker, dump);
  expect(await take()).toBe(3 * LEASE_MS);
  expect(logged).toMatchObject([{ level: 'info', message: 'dump is being read by another chunker' }]);
});

test('a dump that went to another one is seen again soon', async () => {
  const { chunker, dump, take } = open();
  const send = async () => void (await takeOver(chunker, dump));
  expect(await take(undefined, { uploads: { send } })).toBe(5_000);
});

test('a dump that breaks off is done with, and someone must act', async () => {
  const { logged, take } = open(gzipSync(lines(15)).subarray(0, 40));
  expect(await take()).toBeUndefined();
  expect(logged).toMatchObject([
    { level: 'error', message: 'dump chunked', failure: expect.stringContaining('drop a whole copy of it') as string },
  ]);
});

test.each([
  [1, 5_000],
  [2, 10_000],
  [8, 640_000],
  [9, 900_000],
  [900, 900_000],
])('what goes wrong is tried again: after %i receives in %i ms', async (tries, waitMs) => {
  const { chunker, failing, logged, take } = open();
  // Nothing was claimed before, so that all were in vain.
  const ledger = { ...chunker.ports.ledger, claim: () => Promise.reject(new Error('DynamoDB is slow')) };
  expect(await take(undefined, { ...failing, ledger }, tries)).toBe(waitMs);
  const error = 'DynamoDB is slow';
  expect(logged).toEqual([{ level: 'warn', message: 'dump is tried again', error, receives: tries, tries, waitMs }]);
});

test('receives that brought a dump on to its next checkpoint were not in vain', async () => {
  const { failing, logged, take } = open(lines(95));
  for (const receives of [1, 2, 3, 4, 5, 6]) expect(await take(undefined, HURRIED, receives)).toBe(0);
  expect(await take(undefined, failing, 7)).toBe(5_000);
  expect(await take(undefined, failing, 8)).toBe(10_000);
  expect(await take(undefined, HURRIED, 9)).toBe(0);
  expect(await take(undefined, failing, 10)).toBe(5_000);
  expect(logged.filter(({ level }) => level === 'warn').map(({ receives, tries }) => [receives, tries])).toEqual([
    [7, 1],
    [8, 2],
    [10, 1],
  ]);
});

test('a dump that came no further in so many tries is given up: its message is a dead letter, and someone must act', async () => {
  const { dump, dead, reasons, failing, logged, take } = open(lines(95));
  const ports = { ...failing, maxTries: 3 };
  for (const receives of [1, 2, 3, 4, 5]) await take(undefined, { ...HURRIED, maxTries: 3 }, receives);
  for (const receives of [6, 7]) expect(await take(undefined, ports, receives)).toBeGreaterThan(0);
  expect(dead).toEqual([]);
  expect(await take(undefined, ports, 8)).toBeUndefined();
  expect(dead).toEqual([importMessage({ dump })]);
  expect(reasons).toEqual(['S3 is slow']);
  expect(logged.at(-1)).toMatchObject({
    level: 'error',
    message: 'dump is given up',
    dump: 's3://landing/in/day.ndjson',
  });
});

test('when its reader crashed each time nobody knows why; when it cannot be given up now, then at its next receive', async () => {
  const { dead, reasons, failing, take } = open(lines(95));
  const ports = { ...failing, maxTries: 3 };
  const deadLetters = { send: () => Promise.reject(new Error('SQS is slow')) };
  for (const receives of [1, 2]) await take(undefined, ports, receives);
  expect(await take(undefined, { ...ports, deadLetters }, 3)).toBeGreaterThan(0);
  expect(await take(undefined, ports, 4)).toBeUndefined();
  expect([dead.length, reasons]).toEqual([1, [undefined]]);
});

test('a dump that is begun anew, under a new configuration, has all its tries again', async () => {
  const { failing, take } = open(lines(95));
  await take(undefined, HURRIED, 1);
  expect(await take(undefined, { ...failing, fingerprint: 'g' }, 40)).toBe(5_000);
  expect(await take(undefined, { ...failing, fingerprint: 'g' }, 41)).toBe(10_000);
});

test('a message that was received as often as SQS counts is given up whatever it brought, and so is one that nobody can read', async () => {
  const { dead, logged, take } = open(lines(95));
  await take(undefined, HURRIED, 999);
  expect(dead).toEqual([]);
  expect(await take(undefined, HURRIED, 1_000)).toBeUndefined();
  expect(await take('hello', { maxTries: 3 }, 4)).toBeUndefined();
  expect(dead).toEqual([expect.stringContaining('in/day.ndjson'), 'hello']);
  expect(logged.at(-1)).toMatchObject({ level: 'error', message: 'message is given up' });
});

test('while the ledger cannot be asked nothing is given up', async () => {
  const { chunker, dead, take } = open();
  const ledger = { ...chunker.ports.ledger, entry: () => Promise.reject(new Error('DynamoDB is slow')) };
  expect(await take(undefined, { ledger, maxTries: 3 }, 50)).toBe(900_000);
  expect(dead).toEqual([]);
});

test('a message that says nothing we know is tried again too, until it is a dead letter', async () => {
  const { logged, take } = open();
  expect(await take('hello')).toBe(5_000);
  expect(logged).toMatchObject([
    { level: 'warn', error: expect.stringContaining('intake message is neither') as string },
  ]);
});

test('a message that names no dump is done with', async () => {
  const { logged, take } = open();
  expect(await take('{"Event":"s3:TestEvent"}')).toBeUndefined();
  expect(logged).toEqual([]);
});

test('the source follows from the key, unless the request names one', async () => {
  for (const [key, source, chosen] of [
    ['in/day', undefined, 'web'],
    ['in/app/day', undefined, 'app'],
    ['in/app/day', 'web', 'web'],
    ['elsewhere', 'app', 'app'],
  ] as const) {
    const { dump, logged, take } = open(lines(1), key);
    await take(importMessage({ dump, ...(source && { source }) }));
    expect(logged).toMatchObject([{ message: 'dump chunked', source: chosen }]);
  }
});

test('an object that no source takes is done with; a source that does not exist is someone’s mistake', async () => {
  const { dump, logged, take } = open(lines(1), 'elsewhere/day');
  expect(await take()).toBeUndefined();
  expect(await take(importMessage({ dump, source: 'wbe' }))).toBeUndefined();
  expect(logged).toMatchObject([
    { level: 'info', message: 'object is no dump: no source takes its key' },
    { level: 'error', message: 'dump is not imported', error: 'the configuration has no source "wbe"' },
  ]);
});

test('a size that is not said is asked for; an object that is gone by then is done with', async () => {
  const { chunker, dump, logged, take } = open();
  const { size: _, ...unsized } = dump;
  const gone = () => Promise.reject(new DumpUnreadable('cannot read s3://landing/in/day.ndjson: it is deleted'));
  const message = importMessage({ dump: unsized });
  expect(await take(message, { dumps: { ...chunker.ports.dumps, size: gone } })).toBeUndefined();
  expect(await take(message)).toBeUndefined();
  expect(logged).toMatchObject([
    { level: 'error', message: 'dump is gone', error: expect.stringContaining('it is deleted') as string },
    { level: 'info', message: 'dump chunked', read: 15 },
  ]);
});

test('of several dumps in one message the one that is to be seen first decides', async () => {
  const { chunker, dump, take } = open();
  await takeOver(chunker, dump);
  const record = (key: string) => ({
    eventVersion: '2.6',
    eventName: 'ObjectCreated:Put',
    s3: { bucket: { name: 'landing' }, object: { key, size: dump.size, eTag: 'e1' } },
  });
  const body = JSON.stringify({ Records: [record('in/day.ndjson'), record('in/other')] });
  expect(await take(body, HURRIED)).toBe(0);
  expect(await take(body)).toBe(3 * LEASE_MS);
});

test('no event content is logged', async () => {
  const { logged, take } = open(`{"event_type":"secret\n${lines(2)}`);
  await take();
  expect(JSON.stringify(logged)).not.toMatch(/secret|visit|user-1/);
});

/** What a huge dump sends to the intake queue, and what becomes of it there. */
async function readHuge(readers: number) {
  const { chunker, dump, logged, take } = open(lines(60));
  const partBytes = Math.floor(dump.size / 3);
  const sent: string[] = [];
  const intake = {
    send: async (messages: readonly { body: string }[]) => void sent.push(...messages.map(({ body }) => body)),
  };
  const changes = { readers, intake, importer: { ...importer, partBytes } };
  return {
    chunker,
    logged,
    sent,
    take: (body?: string, receives?: number, more = {}) => take(body, { ...changes, ...more }, receives),
  };
}

test('a huge dump asks for its later parts, and who takes such a message makes the part ready', async () => {
  const { chunker, logged, sent, take } = await readHuge(2);
  expect(await take(undefined, 1, HURRIED)).toBe(0);
  expect(sent.map((body) => (JSON.parse(body) as { import: { part: number } }).import.part)).toEqual([1, 2]);
  expect(await take(sent[0], 1, HURRIED)).toBe(0);
  expect(await take(sent[0])).toBeUndefined();
  expect(await take()).toBeUndefined();
  expect(await take(sent[1])).toBeUndefined();
  expect(logged.map(({ message }) => message)).toEqual([
    'dump goes on from its checkpoint in the next invocation',
    'part is made ready further in the next invocation',
    'part is ready',
    'dump chunked',
    'part is no longer needed',
  ]);
  expect(await chunker.results.list('ready/')).toHaveLength(2);
  expect(sent).toHaveLength(2);
});

test('a part that cannot be made ready is tried a few times and then left to the reader of its dump', async () => {
  const { logged, sent, take } = await readHuge(2);
  await take(undefined, 1, HURRIED);
  const results = { put: () => Promise.reject(new Error('S3 is away')), get: async () => undefined };
  expect(await take(sent[0], 5, { results })).toBeGreaterThan(0);
  expect(await take(sent[0], 6, { results })).toBeUndefined();
  expect(logged.slice(1)).toMatchObject([
    { level: 'warn', message: 'dump is tried again' },
    { level: 'warn', message: 'part is left to the reader of its dump', part: 1 },
  ]);
});

test('a huge dump asks nobody where one is read at a time', async () => {
  const { sent, take } = await readHuge(1);
  expect(await take()).toBeUndefined();
  expect(sent).toEqual([]);
});
