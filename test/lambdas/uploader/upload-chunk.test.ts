/** What becomes of a chunk, whatever Amplitude answers: the books close at every step (the uploader of the tests checks that). */
import { describe, expect, test } from 'vitest';
import { takeChunk } from '../../../lambdas/uploader/take-chunk.ts';
import { encodeChunk } from '../../../shared/chunk.ts';
import { DUMP, eventOf, eventsOf, RUN } from './chunks.ts';
import { start } from './with-simulator.ts';
import { idsOf, rejectsOf, storedIds } from './written.ts';

test('events that Amplitude takes are delivered, and the receipt says so', async () => {
  const { uploader, simulator } = await start();
  const events = [eventsOf(3, 'a'), eventsOf(2, 'b')];
  await uploader.importChunks(...events);
  await uploader.work();
  expect(storedIds(simulator)).toEqual(idsOf(events.flat()));
  expect(uploader.receipts).toMatchObject([{ state: 'complete', delivered: 5, refused: 0, requests: 2 }]);
  expect(uploader.logs.map(({ message }) => message)).toEqual(['chunk settled', 'chunk settled']);
});

test('events that Amplitude names as invalid are rejected with its reason, and the rest are delivered', async () => {
  const { uploader, simulator } = await start();
  const fine = eventsOf(3, 'fine');
  const invalid = [
    eventOf('late', { time: 'yesterday' }),
    eventOf('short', { user_id: 'ann' }),
    eventOf('nameless', { event_type: undefined }),
  ];
  await uploader.importChunks([...fine.slice(0, 2), ...invalid, ...fine.slice(2)]);
  await uploader.work();
  expect(storedIds(simulator)).toEqual(idsOf(fine));
  expect(await rejectsOf(uploader)).toMatchObject([
    { kind: 'refused', position: 3, reason: 'Amplitude: invalid value of time', text: JSON.stringify(invalid[0]) },
    { kind: 'refused', position: 4, reason: 'Amplitude: invalid length of user_id' },
    { kind: 'refused', position: 5, reason: 'Amplitude: missing field event_type' },
  ]);
  expect(uploader.receipts).toMatchObject([{ state: 'complete', delivered: 3, refused: 3, rejected: 3, requests: 2 }]);
  expect(uploader.receipts[0]?.reasons).toMatchObject({ 'Amplitude: invalid value of time': 1 });
});

test('events of silenced devices are rejected, and the rest are delivered', async () => {
  const { uploader, simulator } = await start({ silenced: ['device spam'] });
  const fine = eventsOf(3, 'fine');
  await uploader.importChunks([...eventsOf(2, 'spam'), ...fine]);
  await uploader.work();
  expect(storedIds(simulator)).toEqual(idsOf(fine));
  const reason = 'Amplitude: events silenced for device_id';
  expect(await rejectsOf(uploader)).toMatchObject([{ position: 1, reason }, { reason }]);
});

test('a chunk too large for one request is halved until it fits', async () => {
  const { uploader, simulator } = await start({ switches: { maxEvents: 4 } });
  const events = eventsOf(18, 'a');
  await uploader.importChunks(events);
  await uploader.work();
  expect(storedIds(simulator)).toEqual(idsOf(events));
  expect(await uploader.books()).toMatchObject({ delivered: 18, refused: 0 });
});

test('one event too large for any request is rejected, and the rest are delivered', async () => {
  const { uploader, simulator } = await start({ switches: { bytesPerMegabyte: 100 } });
  const fine = eventsOf(30, 'fine');
  await uploader.importChunks([...fine, eventOf('large', { event_properties: { text: 'x'.repeat(2_000) } })]);
  await uploader.work();
  expect(storedIds(simulator)).toEqual(idsOf(fine));
  expect(await rejectsOf(uploader)).toMatchObject([{ position: 31, reason: 'Amplitude: payload too large' }]);
});

test('ids may be as short as the source says', async () => {
  const { uploader, simulator } = await start({}, { source: { minIdLength: 3 } });
  const events = [eventOf('short', { user_id: 'ann' })];
  await uploader.importChunks(events);
  await uploader.work();
  expect(storedIds(simulator)).toEqual(['short']);
});

describe('a chunk that comes again', () => {
  test('after it was settled is skipped', async () => {
    const { uploader, simulator } = await start();
    const [chunk] = await uploader.importChunks(eventsOf(3, 'a'));
    await uploader.work();
    uploader.clock.advance(600_000);
    if (chunk) await uploader.send(chunk);
    await uploader.work();
    expect(uploader.logs.at(-1)).toMatchObject({ level: 'info', message: 'chunk skipped', reason: 'settled' });
    expect(simulator.counts().events.received).toBe(3);
    expect(uploader.receipts).toHaveLength(1);
  });

  test('after a crash between its settlement and the receipt writes the receipt', async () => {
    const { uploader } = await start();
    const [chunk] = await uploader.importChunks(eventsOf(3, 'a'));
    const unit = { ...RUN, segment: 0, unit: '0', events: 3 };
    await uploader.ports.ledger.settle(unit, { delivered: 3, refused: 0, parked: 0, requests: 1, reasons: {} });
    await uploader.work();
    expect(uploader.receipts).toMatchObject([{ state: 'complete', delivered: 3, dumpId: chunk?.dumpId }]);
    expect(await uploader.ports.ledger.entry(RUN.dumpId)).toMatchObject({ state: 'closed' });
  });

  test('from a run that a newer one replaced is skipped', async () => {
    const { uploader, simulator } = await start();
    await uploader.importChunks(eventsOf(3, 'a'));
    const now = uploader.clock.now();
    const request = { dump: DUMP, source: 'web', fingerprint: 'newer', owner: 'me', now, leaseUntil: now + 1 };
    await uploader.ports.ledger.claim({ ...request, again: 'please' });
    await uploader.work();
    expect(uploader.logs).toMatchObject([{ level: 'info', message: 'chunk skipped', reason: 'superseded' }]);
    expect(storedIds(simulator)).toEqual([]);
  });

  test('while another one is at it is settled once, and only one of them says so', async () => {
    const { uploader, simulator } = await start();
    const events = eventsOf(3, 'a');
    const [chunk] = await uploader.importChunks(events);
    const message = { receives: 1, maxTries: 50, sentAt: 0, group: 'lane-0' };
    const ports = { ...uploader.ports, deadLetters: uploader.deadLetters.upload };
    const body = chunk ? encodeChunk(chunk) : '';
    await Promise.all([takeChunk(body, message, ports), takeChunk(body, message, ports)]);
    const said = uploader.logs.map((line) => line.message);
    expect(new Set(said)).toEqual(new Set(['chunk settled', 'chunk skipped']));
    expect(await uploader.books()).toMatchObject({ delivered: 3, requests: 1 });
    expect(storedIds(simulator)).toEqual(idsOf(events));
  });
});
