/** A dump's way through the stack as it is deployed: the bundles, the wiring and the rights are what is synthesized. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Simulator, startSimulator } from '../../local/simulator.ts';
import { FAULTS } from '../../local/simulator-faults.ts';
import { sumBooks } from '../../shared/books.ts';
import { type Dump, dumpId } from '../../shared/dump.ts';
import { type Receipt, receiptKey } from '../../shared/receipt.ts';
import { type Deployed, startDeployed } from './deployed.ts';
import { makeDump, SECRET_CONTENT, withoutMadeId } from './dump.ts';
import { s3Notification, TEST_EVENT } from './s3-notification.ts';
import { type Synthesized, synthesize } from './synthesize.ts';
import { until } from './until.ts';

const API_KEY = '0123456789abcdef0123456789abcdef';

let synthesized: Synthesized;
let simulator: Simulator;
let stack: Deployed;

// Its own and not that of importer.config.ts, which is there to be edited.
beforeAll(async () => {
  const source = { name: 'events', prefix: 'incoming/', project: { secret: 'amplitude/api-key' } };
  synthesized = await synthesize({ sources: [source] });
});
afterAll(() => synthesized.remove());

describe('a dump that is dropped', () => {
  const content = makeDump('first', 3_000);
  let dropped: Awaited<ReturnType<Deployed['drop']>>;
  let receipt: Receipt;

  beforeAll(async () => {
    // The first request fails, so that one chunk goes back to its queue.
    simulator = await startSimulator({ keep: 'events', faults: [{ ...FAULTS.unavailable(), times: 1 }] });
    stack = await startDeployed({ ...synthesized, amplitudeUrl: simulator.url, apiKey: API_KEY });
    dropped = await stack.drop('incoming/events.ndjson.gz', gzipSync(content.text));
    await receiptOf(dropped.dump);
    // When the last two chunks are settled at once the receipt is written twice; the second one stays.
    await untilQueuesAreEmpty();
    receipt = await receiptOf(dropped.dump);
  });
  afterAll(stop);

  test('arrives whole: the events stored are those of the dump, to the byte', () => {
    const stored = [...simulator.stored()];
    expect(stored).toHaveLength(content.events.size);
    expect(new Set(stored.map(({ text = '' }) => withoutMadeId(text)))).toEqual(content.events);
    expect(new Set(stored.map(({ apiKey }) => apiKey))).toEqual(new Set([API_KEY]));
  });

  test('gets a receipt whose books close, and which is announced', () => {
    const events = content.events.size;
    const unusable = content.unusable.length;
    const records = { read: events + unusable, filtered: 0, unusable, mapped: events };
    // So few events use one lane.
    const booked = { events, delivered: events, refused: 0, parked: 0, dead: 0, inFlight: 0 };
    expect(receipt).toMatchObject({ state: 'complete', ...records, ...booked, rejected: unusable, chunks: 2 });
    expect(sum(receipt.reasons)).toBe(unusable);
    expect(stack.announced).toContainEqual(receipt);
  });

  test('leaves the records that make no event in a rejects file', async () => {
    const [, folder = 'none'] = /^s3:\/\/[^/]+\/(.+)$/.exec(receipt.rejectsAt ?? '') ?? [];
    const [key = 'none'] = await stack.results.list(folder);
    const lines = gunzipSync((await stack.results.get(key)) ?? '')
      .toString()
      .trimEnd()
      .split('\n');
    const rejects = lines.map((line) => JSON.parse(line) as { position: number; text: string });
    const dumpLines = content.text.split('\n');
    expect(rejects.map(({ text }) => text)).toEqual(content.unusable);
    expect(rejects.map(({ position }) => dumpLines[position - 1])).toEqual(content.unusable);
  });

  test('changes nothing when its notification comes again', async () => {
    const before = simulator.counts();
    await stack.notify(dropped.notification);
    await until('chunker to know the dump', async () => stack.log().some((line) => line.includes('is known already')));
    await untilQueuesAreEmpty();
    expect(simulator.counts()).toEqual(before);
    // Two that settle the last chunks at once both write it, each with its own time.
    expect(await receiptOf(dropped.dump)).toEqual({ ...receipt, finishedAt: expect.any(String) });
  });

  test('is found whatever its key holds', async () => {
    const small = makeDump('odd key', 5);
    const { dump } = await stack.drop('incoming/of 100% a+b/Zürich 東京 &=?.ndjson', small.text);
    expect(await receiptOf(dump)).toMatchObject({ state: 'complete', delivered: 5 });
  });

  test("is none when it is S3's test event, a folder or below another prefix", async () => {
    const before = simulator.counts();
    const receipts = await stack.results.list('receipts/');
    await stack.notify(TEST_EVENT);
    await stack.drop('incoming/folder/', '');
    await stack.drop('elsewhere/events.ndjson', makeDump('elsewhere', 5).text);
    await untilQueuesAreEmpty();
    expect(simulator.counts()).toEqual(before);
    expect(await stack.results.list('receipts/')).toEqual(receipts);
  });

  test('gets a receipt that says so when it is gone before it could be read', async () => {
    const gone = { ...dropped.dump, key: 'incoming/gone.ndjson', size: 10 };
    await stack.notify(s3Notification(gone));
    expect(await receiptOf(gone)).toMatchObject({ state: 'failed', events: 0, failure: expect.stringMatching(/gone/) });
  });

  test('needs every grant of the chunker and the uploader, and no other', async () => {
    const unused = () =>
      stack.unusedGrants().filter((grant) => !NOT_CALLED_HERE.some((pattern) => pattern.test(grant)));
    // A receipt is written before it is announced, and only the receipt was waited for.
    await expect.poll(unused, { timeout: 10_000 }).toEqual([]);
    expect(stack.refused).toEqual([]);
  });

  test('is in no log line, nor is the API key', () => {
    const log = stack.log().join('\n');
    expect(log).toContain('"message":"chunk settled"');
    expect(log).not.toContain(API_KEY);
    expect(log).not.toContain(SECRET_CONTENT);
  });
});

describe('a dump whose API key Amplitude does not know', () => {
  afterAll(stop);

  test('is stored nowhere and is dead as a whole: every chunk is in the dead-letter queue and in the books', async () => {
    const content = makeDump('wrong key', 300);
    simulator = await startSimulator();
    stack = await startDeployed({ ...synthesized, amplitudeUrl: simulator.url, apiKey: 'a wrong key' });
    const { dump } = await stack.drop('incoming/events.ndjson', content.text);
    const deadBooks = async () => {
      const entry = await stack.ledger.entry(dumpId(dump));
      const sums = entry?.state === 'read' && sumBooks(await stack.ledger.segments(entry));
      return sums && sums.inFlight === 0 && sums;
    };
    const books = await until('every event to be dead', deadBooks, troubles);
    expect(books).toMatchObject({ events: 300, delivered: 0, dead: 300 });
    const { 'S3ToAmplitude-upload-dlq.fifo': dead, ...others } = await until('the queues to come to rest', async () => {
      const queued = await stack.queued();
      return queued['S3ToAmplitude-upload.fifo'] === 0 && queued['S3ToAmplitude-intake'] === 0 && queued;
    });
    expect(dead).toBe(books.chunks);
    expect(sum(others)).toBe(0);
    expect([...simulator.stored()]).toEqual([]);
    expect(await stack.results.list('receipts/')).toEqual([]);
  });
});

/** What only a huge dump, a throttled device, an unreadable notification or Lambda itself needs. */
const NOT_CALLED_HERE = [
  /^watcher/,
  / logs:/,
  / sqs:SendMessage .*(-parked|-parked-dlq|-upload-dlq\.fifo|-intake-dlq)$/,
  / sqs:(ChangeMessageVisibility|DeleteMessage) .*-parked$/,
  / sqs:ChangeMessageVisibility .*-intake$/,
  / s3:PutObject .*\/rejects\/\*$/,
  / s3:(Get|Put)Object .*\/ready\/\*$/,
  / s3:ListBucket .*results/,
  / sqs:SendMessage .*-intake$/,
];

async function receiptOf(dump: Dump): Promise<Receipt> {
  const key = receiptKey({ dump, dumpId: dumpId(dump) });
  const receipt = await until(`receipt ${key}`, () => stack.results.get(key), troubles);
  return JSON.parse(receipt.toString()) as Receipt;
}

async function untilQueuesAreEmpty(): Promise<void> {
  await until('every queue to be empty', async () => sum(await stack.queued()) === 0, troubles);
}

/** What a test that waits in vain wants to know. */
function troubles(): string {
  const lines = stack.log().filter((line) => !line.includes('"level":"INFO"'));
  return [...stack.refused.map((call) => `refused: ${call}`), ...lines].join('\n');
}

async function stop(): Promise<void> {
  await stack.stop();
  await simulator.close();
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
