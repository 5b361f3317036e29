/** Dumps that cannot be read to their end, for good or for now. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DumpUnreadable } from '../../../shared/objects.ts';
import { type Chunker, deliver, eventTexts, HURRIED, openChunker, rejectLines, takeChunks } from './chunker.ts';
import { eventLine, eventLines as lines } from './fixtures.ts';

const MIB = 1_048_576;

/** Runs until there is nothing more to read, however often it stops. */
async function runToEnd(chunker: Chunker, changes: Parameters<Chunker['run']>[0] = {}) {
  for (;;) {
    const outcome = await chunker.run(changes);
    if (outcome.kind !== 'unfinished') return outcome;
  }
}

async function receiptOf(chunker: Chunker) {
  await deliver(await takeChunks(chunker), chunker.ports);
  return chunker.receipts.at(-1);
}

describe('a dump that is cut off', () => {
  test('in its gzip ends as failed, with everything that could be read', async () => {
    const stored = gzipSync(lines(25));
    const chunker = openChunker(stored.subarray(0, stored.length - 8));
    expect(await chunker.run()).toMatchObject({
      kind: 'read',
      read: 25,
      failure: expect.stringContaining('is damaged') as string,
    });
    expect(await receiptOf(chunker)).toMatchObject({
      state: 'failed',
      read: 25,
      delivered: 25,
      failure: expect.stringContaining('unexpected end of file') as string,
    });
  });

  test('in its gzip, in the middle of a record: the part of a record is no record', async () => {
    const stored = Buffer.concat([gzipSync(lines(3)), gzipSync(eventLine('user-1')).subarray(0, 40)]);
    const chunker = openChunker(stored);
    expect(await chunker.run()).toMatchObject({ read: 3, failure: expect.any(String) as string });
    expect(await rejectLines(chunker)).toEqual([]);
  });

  const last = `${lines(1).trimEnd()}`.slice(0, -3);

  test.each([11, 10, 9])(
    'in its last record ends as failed, that record rejected (%i records before)',
    async (before) => {
      const chunker = openChunker(`${lines(before)}${last}`);
      const outcome = await chunker.run();
      expect(outcome).toMatchObject({
        kind: 'read',
        read: before + 1,
        failure: `s3://landing/day.ndjson ends in the middle of its last record (line ${before + 1}): it was cut off; drop a whole copy of it`,
      });
      expect(await rejectLines(chunker)).toMatchObject([
        { position: before + 1, text: last, reason: 'record is not JSON' },
      ]);
      expect(await receiptOf(chunker)).toMatchObject({ state: 'failed', unusable: 1, delivered: before });
    },
  );

  test.each([11, 10, 9])('ends as failed, too, when it is read in several goes (%i records before)', async (before) => {
    const chunker = openChunker(`${lines(before)}${last}`);
    expect(await runToEnd(chunker, HURRIED)).toMatchObject({
      failure: expect.stringContaining('it was cut off') as string,
    });
    expect(await receiptOf(chunker)).toMatchObject({ state: 'failed', read: before + 1, unusable: 1 });
  });

  test.each(['oops', '{"a":1}}', '"visit"', `${last}\n`, '{"a":1}'])(
    'is not what a last line like %j says: it is a bad line',
    async (line) => {
      const chunker = openChunker(`${lines(1)}${line}`);
      expect(await chunker.run()).toEqual({ kind: 'read', run: expect.anything() as object, read: 2, chunks: 1 });
      expect(await receiptOf(chunker)).toMatchObject({ state: 'complete', unusable: 1 });
    },
  );
});

describe('a dump that is gone', () => {
  const gone = (from: number) => {
    const chunker = openChunker(Buffer.concat([Buffer.from(lines(25)), Buffer.alloc(9 * MIB, ' ')]));
    const { dumps } = chunker.ports;
    const read: typeof dumps.read = async (dump, start, end) => {
      if (end > from)
        throw new DumpUnreadable('cannot read s3://landing/day.ndjson: it was replaced by another version');
      return dumps.read(dump, start, end);
    };
    return { chunker, dumps: { ...dumps, read } };
  };

  test('from the beginning closes as failed, with nothing read', async () => {
    const { chunker, dumps } = gone(0);
    expect(await chunker.run({ dumps })).toMatchObject({
      kind: 'read',
      read: 0,
      chunks: 0,
      failure: expect.stringContaining('it was replaced') as string,
    });
    expect(chunker.receipts).toMatchObject([{ state: 'failed', read: 0 }]);
  });

  test('in the middle closes as failed, with what was read', async () => {
    const { chunker, dumps } = gone(8 * MIB);
    expect(await chunker.run({ dumps })).toMatchObject({
      read: 25,
      failure: expect.stringContaining('it was replaced') as string,
    });
    expect(await receiptOf(chunker)).toMatchObject({ state: 'failed', read: 25, delivered: 25, inFlight: 0 });
  });
});

describe('an error that may pass', () => {
  test('while reading is not the dump’s end: the next one goes on', async () => {
    const chunker = openChunker(lines(25));
    await chunker.run(HURRIED);
    const away = { ...chunker.ports.dumps, read: () => Promise.reject(new Error('S3 is slow')) };
    await expect(chunker.run({ dumps: away })).rejects.toThrow('S3 is slow');
    expect(await chunker.run({ owner: 'ben' })).toMatchObject({ kind: 'read', read: 15 });
    expect(await receiptOf(chunker)).toMatchObject({ state: 'complete', delivered: 25 });
  });

  test.each(['send', 'put'])(
    'of %s: nothing is planned that is not on the queue and in the rejects',
    async (failing) => {
      const chunker = openChunker(`oops\n${lines(5)}`);
      const fail = () => Promise.reject(new Error('away'));
      const { uploads, results } = chunker.ports;
      const ports =
        failing === 'send' ? { uploads: { ...uploads, send: fail } } : { results: { ...results, put: fail } };
      await expect(chunker.run(ports)).rejects.toThrow('away');
      const outcome = await chunker.run({ owner: 'ben', ...ports }).catch(() => undefined);
      expect(outcome).toBeUndefined();
      const entry = await chunker.ports.ledger.claim({ ...chunker.request, source: 'web', now: 0, leaseUntil: 1 });
      if (entry.kind === 'busy') throw new Error('expected the lease to be free');
      expect(await chunker.ports.ledger.segments(entry.run)).toEqual([]);
    },
  );
});

test('events are on the queue before the plan is booked', async () => {
  const chunker = openChunker(lines(25));
  const { ledger } = chunker.ports;
  const planSegment: typeof ledger.planSegment = async (run, number, plan) => {
    const chunks = (await takeChunks(chunker)).filter(({ segment }) => segment === number);
    expect(chunks).toHaveLength(plan.chunks);
    expect(chunks.flatMap(eventTexts)).toHaveLength(plan.events - plan.refused);
    await ledger.planSegment(run, number, plan);
  };
  expect(await chunker.run({ ledger: { ...ledger, planSegment } })).toMatchObject({ kind: 'read', read: 25 });
});
