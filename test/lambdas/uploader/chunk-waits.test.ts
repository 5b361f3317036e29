/** A chunk that cannot be delivered now waits; one that cannot be delivered at all is dead, booked and with its reason. */
import { describe, expect, test } from 'vitest';
import { FAULTS } from '../../../local/simulator-faults.ts';
import { encodeChunk } from '../../../shared/chunk.ts';
import { eventsOf, RUN } from './chunks.ts';
import { KEY } from './uploader.ts';
import { start } from './with-simulator.ts';
import { deadOf, everythingWritten, idsOf, storedIds } from './written.ts';

describe('while Amplitude is not to be had', () => {
  test('the chunk waits, longer each time, and is delivered in the end', async () => {
    const faults = [
      { ...FAULTS.unavailable(), times: 2 },
      { ...FAULTS.reset({ ingest: true }), times: 1 },
    ];
    const { uploader, simulator } = await start({ faults });
    const events = eventsOf(3, 'a');
    await uploader.importChunks(events);
    await uploader.work();
    expect(uploader.logs).toMatchObject([
      { level: 'warn', message: 'chunk wait', waitMs: 1_000, receives: 1, reason: 'HTTP 503: Service unavailable' },
      { level: 'warn', message: 'chunk wait', waitMs: 2_000, receives: 2 },
      { level: 'warn', message: 'chunk wait', waitMs: 4_000, receives: 3, reason: expect.stringMatching(/^no answer/) },
      { level: 'info', message: 'chunk settled', receives: 4, delivered: 3 },
    ]);
    expect(storedIds(simulator)).toEqual(idsOf(events));
  });

  test.each([
    ['7', 7_000],
    ['0.001', 1_000],
    ['1000000000', 3_600_000],
    ['Infinity', 3_600_000],
  ])('it waits as long as it is told, within reason: retry-after %s', async (header, waitMs) => {
    const busy = { status: 429, body: '', headers: { 'retry-after': header } };
    const { uploader } = await start({ faults: [{ instead: busy }] });
    await uploader.importChunks(eventsOf(3, 'a'));
    await uploader.step();
    expect(uploader.logs).toMatchObject([{ message: 'chunk wait', waitMs, reason: 'HTTP 429' }]);
  });

  test('it is dead after its last try: booked, with the reason, and replayed it is delivered', async () => {
    const { uploader, simulator } = await start({ faults: [FAULTS.unavailable()] }, { maxTries: 3 });
    const events = eventsOf(3, 'a');
    const [chunk] = await uploader.importChunks(events);
    await uploader.work();
    expect(await uploader.books()).toMatchObject({ dead: 3, inFlight: 0 });
    const [dead] = await deadOf(uploader);
    expect(dead).toMatchObject({ group: 'lane-0', attributes: { reason: 'HTTP 503: Service unavailable' } });
    expect(uploader.receipts).toEqual([]);

    simulator.setFaults([]);
    await uploader.ports.ledger.bookReplayed({ ...RUN, segment: 0, unit: '0', events: 3 });
    await uploader.queues.upload.send([{ id: 'replay', body: dead?.body ?? '', group: 'lane-0' }]);
    await uploader.work();
    expect(dead?.body).toBe(chunk && encodeChunk(chunk));
    expect(storedIds(simulator)).toEqual(idsOf(events));
    expect(uploader.receipts).toMatchObject([{ state: 'complete', delivered: 3, dead: 0 }]);
  });
});

test('a key that cannot be read is tried for as long as Amplitude would be, and the chunk is then booked as dead', async () => {
  const apiKey = () => Promise.reject(new Error('cannot read the secret\u0007', { cause: new Error('access denied') }));
  const { uploader } = await start({}, { apiKey, maxTries: 3 });
  await uploader.importChunks(eventsOf(3, 'a'));
  await uploader.work();
  expect(uploader.logs.map(({ message }) => message)).toEqual(['chunk wait', 'chunk wait', 'chunk dead']);
  expect(await uploader.books()).toMatchObject({ dead: 3, inFlight: 0 });
  expect(await deadOf(uploader)).toMatchObject([{ attributes: { reason: 'cannot read the secret : access denied' } }]);
});

test('a chunk whose source is gone is dead at once, and says so', async () => {
  const { uploader } = await start({}, { source: { name: 'another' } });
  await uploader.importChunks(eventsOf(3, 'a'));
  await uploader.work();
  const reason = 'importer.config.ts has no source named web';
  expect(uploader.logs).toMatchObject([{ level: 'error', message: 'chunk dead', reason }]);
  expect(await deadOf(uploader)).toMatchObject([{ attributes: { reason } }]);
});

describe('a wrong key', () => {
  test('makes the chunk dead at once, and stands nowhere', async () => {
    const { uploader, simulator } = await start({ apiKeys: ['another key'] });
    await uploader.importChunks(eventsOf(3, 'a'), eventsOf(2, 'b'));
    await uploader.work();
    expect(storedIds(simulator)).toEqual([]);
    expect(await uploader.books()).toMatchObject({ dead: 5, inFlight: 0 });
    expect(await everythingWritten(uploader)).not.toContain(KEY);
    const reason = 'HTTP 400: Invalid API key';
    expect(await deadOf(uploader)).toMatchObject([{ attributes: { reason } }, { attributes: { reason } }]);
    expect(uploader.logs).toMatchObject([{ level: 'error', message: 'chunk dead', reason }, {}]);
  });

  test('makes a chunk dead again, when it is replayed too early', async () => {
    const { uploader } = await start({ apiKeys: ['another key'] });
    await uploader.importChunks(eventsOf(3, 'a'));
    await uploader.work();
    const [dead] = await deadOf(uploader);
    await uploader.ports.ledger.bookReplayed({ ...RUN, segment: 0, unit: '0', events: 3 });
    await uploader.queues.upload.send([{ id: 'replay', body: dead?.body ?? '', group: 'lane-0' }]);
    uploader.clock.advance(1_000);
    await uploader.work();
    expect(await deadOf(uploader)).toMatchObject([{ body: dead?.body }]);
    expect(await uploader.books()).toMatchObject({ dead: 3, inFlight: 0 });
  });
});
