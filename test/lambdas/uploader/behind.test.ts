/** A chunk whose device has earlier events in another lane waits until those are settled, and not for ever. */
import { expect, test } from 'vitest';
import { takeChunk } from '../../../lambdas/uploader/take-chunk.ts';
import { type Chunk, encodeChunk } from '../../../shared/chunk.ts';
import { DUMP, eventsOf, RUN } from './chunks.ts';
import type { Uploader } from './uploader.ts';
import { start } from './with-simulator.ts';
import { deadOf, idsOf, storedIds } from './written.ts';

const BEFORE = { ...RUN, segment: 0, unit: '0', events: 3 };

async function take({ ports, deadLetters }: Uploader, chunk: Chunk, receives = 1) {
  const received = { receives, maxTries: 5, sentAt: 0, group: 'lane-300' };
  const taken = await takeChunk(encodeChunk(chunk), received, { ...ports, deadLetters: deadLetters.upload });
  return taken.kind === 'again' ? taken.afterMs : taken.kind;
}

/** The second chunk comes after the first one. */
async function startBehind() {
  const life = await start();
  const lists = [eventsOf(3, 'a'), eventsOf(3, 'b')];
  const [first, second] = await life.uploader.importChunks(...lists);
  if (!first || !second) throw new Error('expected two chunks');
  return { ...life, lists, chunk: { ...second, lane: 300, after: { segment: 0, number: 0 } } };
}

test('while those are on their way it waits, a little longer each time, up to a minute', async () => {
  const { uploader, simulator, chunk } = await startBehind();
  const waits = [];
  for (const receives of [1, 2, 3, 10, 20]) waits.push(await take(uploader, chunk, receives));
  expect(waits).toEqual([500, 750, 1_125, 19_222, 60_000]);
  expect(storedIds(simulator)).toEqual([]);
  expect(uploader.logs.map(({ level, message }) => [level, message])).toEqual(
    waits.map(() => ['info', 'chunk behind']),
  );
  // That it waited is no try: Amplitude was not asked.
  expect(await uploader.ports.ledger.countTry({ ...BEFORE, unit: '1' })).toBe(1);
});

test.each<[string, (uploader: Uploader) => Promise<unknown>]>([
  [
    'settled',
    ({ ports }) => ports.ledger.settle(BEFORE, { delivered: 3, refused: 0, parked: 0, requests: 1, reasons: {} }),
  ],
  [
    'parked',
    ({ ports }) =>
      ports.ledger.settle(BEFORE, { delivered: 0, refused: 0, parked: 3, parkedUnit: '0p1', requests: 1, reasons: {} }),
  ],
  ['dead', ({ ports }) => ports.ledger.bookDead(BEFORE, 'no answer')],
])('it goes as soon as they are %s', async (_, happen) => {
  const { uploader, simulator, lists, chunk } = await startBehind();
  await happen(uploader);
  expect(await take(uploader, chunk)).toBe('done');
  expect(storedIds(simulator)).toEqual(idsOf(lists[1] ?? []));
});

test('of a run that a newer one replaced it is skipped, whatever it waits for', async () => {
  const { uploader, chunk } = await startBehind();
  const now = uploader.clock.now();
  const request = { dump: DUMP, source: 'web', fingerprint: 'newer', owner: 'me', now, leaseUntil: now + 1 };
  await uploader.ports.ledger.claim({ ...request, again: 'please' });
  expect(await take(uploader, chunk)).toBe('done');
  expect(uploader.logs).toMatchObject([{ message: 'chunk skipped', reason: 'superseded' }]);
});

test('before its queue would give it up unseen, it is dead: booked, with the reason, and replayed it is delivered', async () => {
  const { uploader, simulator, lists, chunk } = await startBehind();
  // The queue's own limit is 150.
  expect(await take(uploader, chunk, 99)).toBe(60_000);
  expect(await take(uploader, chunk, 100)).toBe('done');
  expect(await uploader.books()).toMatchObject({ dead: 3, inFlight: 3 });
  const [dead] = await deadOf(uploader);
  expect(dead).toMatchObject({ group: 'lane-300', body: encodeChunk(chunk) });
  expect(dead?.attributes.reason).toBe('earlier events of its device are still on their way');
  await uploader.ports.ledger.bookReplayed({ ...BEFORE, unit: '1' });
  await uploader.ports.ledger.bookDead(BEFORE, 'no answer');
  expect(await take(uploader, chunk)).toBe('done');
  expect(storedIds(simulator)).toEqual(idsOf(lists[1] ?? []));
});
