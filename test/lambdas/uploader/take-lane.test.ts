/** The messages of one lane that came together: small chunks in one request, and each message ends as it would alone. */
import { describe, expect, test } from 'vitest';
import { takeLane } from '../../../lambdas/uploader/take-lane.ts';
import type { TakeChunkPorts } from '../../../lambdas/uploader/take-chunk.ts';
import { FAULTS } from '../../../local/simulator-faults.ts';
import { type Chunk, encodeChunk } from '../../../shared/chunk.ts';
import { eventsOf, RUN } from './chunks.ts';
import { firewall, poison } from './delivering.ts';
import type { Uploader } from './uploader.ts';
import { start } from './with-simulator.ts';
import { deadOf, idsOf, rejectsOf, storedIds } from './written.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const LISTS = NAMES.map((name) => eventsOf(3, name));
const SENT = NAMES.map((_, unit) => ({ ...RUN, segment: 0, unit: String(unit), events: 3 }));
const DONE = 'done';
const again = (afterMs: number, isSettled = false) => ({ kind: 'again', afterMs, isSettled });

type Taking = Partial<TakeChunkPorts> & { readonly receives?: number; readonly maxTries?: number };

/** What becomes of each message; whether it was held is left out. */
async function take(
  uploader: Uploader,
  chunks: readonly Chunk[],
  { receives = 1, maxTries = 50, ...ports }: Taking = {},
) {
  const received = { receives, maxTries, sentAt: 0, group: 'lane-0' };
  const messages = chunks.map((chunk) => ({ body: encodeChunk(chunk), received }));
  const taken = await takeLane(messages, { ...uploader.ports, deadLetters: uploader.deadLetters.upload, ...ports });
  return taken.map((its) => (its.kind === 'done' ? DONE : its));
}

/** As the embedded engine does: nothing is held. */
const UNHELD = { hold: undefined } as unknown as Partial<TakeChunkPorts>;

describe('small chunks', () => {
  test('go out in one request, each settled by itself, and the request is counted once', async () => {
    const { uploader, simulator } = await start();
    const chunks = await uploader.importChunks(...LISTS);
    expect(await take(uploader, chunks)).toEqual([DONE, DONE, DONE, DONE]);
    expect(simulator.counts().requests.batch).toEqual({ 200: 1 });
    expect([...simulator.stored()].map(({ insertId }) => insertId)).toEqual(
      LISTS.flat().map((event) => event['insert_id']),
    );
    expect(uploader.receipts).toMatchObject([{ state: 'complete', delivered: 12, requests: 1 }]);
    expect(uploader.logs.map(({ message }) => message)).toEqual(NAMES.map(() => 'chunk settled'));
  });

  test('go out with one that is settled already left out, as after a crash in the midst of settling', async () => {
    const { uploader, simulator } = await start();
    const chunks = await uploader.importChunks(...LISTS);
    const settled = { delivered: 3, refused: 0, parked: 0, requests: 1, reasons: {} };
    for (const unit of SENT.slice(0, 2)) await uploader.ports.ledger.settle(unit, settled);
    expect(await take(uploader, chunks)).toEqual([DONE, DONE, DONE, DONE]);
    expect(storedIds(simulator)).toEqual(idsOf(LISTS.slice(2).flat()));
    expect(simulator.counts().requests.batch).toEqual({ 200: 1 });
    expect(uploader.receipts).toMatchObject([{ delivered: 12 }]);
  });

  test('of a message that came twice go out once', async () => {
    const { uploader, simulator } = await start();
    const [first, second] = await uploader.importChunks(...LISTS.slice(0, 2));
    if (!first || !second) throw new Error('expected two chunks');
    expect(await take(uploader, [first, first, second])).toEqual([DONE, DONE, DONE]);
    expect(simulator.counts().events.received).toBe(6);
    expect(uploader.receipts).toMatchObject([{ delivered: 6, requests: 2 }]);
  });

  test('rest together, as long as their device needs for all of them; the last message stays for it', async () => {
    const { uploader } = await start();
    const chunks = await uploader.importChunks(
      ...[1, 2, 3].map((n) => eventsOf(300, `a${n}`, { device_id: 'device a' })),
    );
    // 31 s × 900 of 28,000 are 996.4 ms.
    expect(await take(uploader, chunks, UNHELD)).toEqual([DONE, DONE, again(997, true)]);
    expect(await uploader.books()).toMatchObject({ delivered: 900, inFlight: 0 });
    expect(await take(uploader, chunks.slice(2), UNHELD)).toEqual([DONE]);
  });

  test('behind a message that only rests go out with each other', async () => {
    const { uploader, simulator } = await start();
    const chunks = await uploader.importChunks(...LISTS);
    await take(uploader, chunks.slice(0, 1));
    expect(await take(uploader, chunks)).toEqual([DONE, DONE, DONE, DONE]);
    expect(simulator.counts().requests.batch).toEqual({ 200: 2 });
  });
});

describe('what Amplitude does not take', () => {
  test('of several chunks is dealt with one by one: what is refused or throttled is so of its own chunk', async () => {
    const { uploader, simulator } = await start({ switches: { batchEventsPerSecond: 1 }, silenced: ['device b'] });
    const lists = [eventsOf(3, 'a'), eventsOf(3, 'b'), eventsOf(31, 'c'), eventsOf(3, 'd')];
    const chunks = await uploader.importChunks(...lists);
    expect(await take(uploader, chunks)).toEqual([DONE, DONE, DONE, DONE]);
    expect(storedIds(simulator)).toEqual(idsOf([lists[0] ?? [], lists[3] ?? []].flat()));
    expect(await rejectsOf(uploader)).toHaveLength(3);
    expect(await uploader.books()).toMatchObject({ delivered: 6, refused: 3, parked: 31, inFlight: 0 });
  });

  test('as it is too large goes out one by one', async () => {
    const { uploader, simulator } = await start({
      faults: [{ ...FAULTS.answer(413, { code: 413, error: 'Payload too large' }), times: 1 }],
    });
    const chunks = await uploader.importChunks(...LISTS);
    await take(uploader, chunks);
    expect(simulator.counts().requests.batch).toEqual({ 200: 2, 413: 1 });
    expect(uploader.receipts).toMatchObject([{ delivered: 12 }]);
  });

  test('and names nobody, is found in its own chunk', async () => {
    const { uploader, simulator } = await start({ faults: firewall });
    const lists = [...LISTS.slice(0, 2), [...eventsOf(3, 'e'), poison('bad')], ...LISTS.slice(2)];
    const chunks = await uploader.importChunks(...lists);
    await take(uploader, chunks);
    expect(storedIds(simulator)).toEqual(idsOf([...LISTS.flat(), ...eventsOf(3, 'e')]));
  });

  test('now waits: the first as long as its tries ask for, and those behind it no longer', async () => {
    const { uploader } = await start({ faults: [FAULTS.unavailable()] });
    const chunks = await uploader.importChunks(...LISTS);
    for (const waitMs of [1_000, 2_000, 4_000]) {
      expect(await take(uploader, chunks)).toEqual(NAMES.map(() => again(waitMs)));
    }
    expect(await take(uploader, chunks.slice(1))).toEqual(NAMES.slice(1).map(() => again(1_000)));
    expect(await uploader.books()).toMatchObject({ inFlight: 12, dead: 0 });
  });

  test('for good makes one after the other dead after its own tries', async () => {
    const { uploader } = await start({ faults: [FAULTS.unavailable()] });
    const chunks = await uploader.importChunks(...LISTS.slice(0, 3));
    expect(await take(uploader, chunks, { maxTries: 2 })).toEqual([1, 2, 3].map(() => again(1_000)));
    expect(await take(uploader, chunks, { maxTries: 2 })).toEqual([DONE, again(1_000), again(1_000)]);
    expect(await uploader.books()).toMatchObject({ dead: 3, inFlight: 6 });
    expect(await deadOf(uploader)).toHaveLength(1);
  });

  test('because of one chunk, does not keep those before it for ever: received often, the first goes alone', async () => {
    const { uploader, simulator } = await start();
    const chunks = await uploader.importChunks(...LISTS);
    // It answers nothing to whatever has the third chunk in it.
    const amplitude: Uploader['ports']['amplitude'] = {
      ...uploader.ports.amplitude,
      upload: async (request) =>
        request.events.some((events) => 'number' in events && events.number === 2)
          ? { kind: 'no-answer', reason: 'reset' }
          : uploader.ports.amplitude.upload(request),
    };
    expect(await take(uploader, chunks, { amplitude })).toEqual(NAMES.map(() => again(1_000)));
    expect(await take(uploader, chunks, { amplitude, receives: 6 })).toEqual([DONE, DONE, again(1_000), again(1_000)]);
    expect(storedIds(simulator)).toEqual(idsOf(LISTS.slice(0, 2).flat()));
  });

  test('when the key is wrong, is dead at once, each by itself', async () => {
    const { uploader } = await start({ apiKeys: ['another key'] });
    const chunks = await uploader.importChunks(...LISTS);
    expect(await take(uploader, chunks)).toEqual([DONE, DONE, DONE, DONE]);
    expect(await deadOf(uploader)).toHaveLength(4);
  });
});

describe('whatever fails on our side', () => {
  test('between two settlements, all are settled in the end, and stored once', async () => {
    const { uploader, simulator } = await start();
    const chunks = await uploader.importChunks(...LISTS);
    const { ledger } = uploader.ports;
    let settlements = 0;
    const settle: typeof ledger.settle = async (unit, settlement) => {
      settlements += 1;
      if (settlements === 2) throw new Error('the ledger is away');
      return ledger.settle(unit, settlement);
    };
    expect(await take(uploader, chunks, { ledger: { ...ledger, settle } })).toEqual([DONE, DONE, DONE, DONE]);
    expect(storedIds(simulator)).toEqual(idsOf(LISTS.flat()));
    expect(uploader.receipts).toMatchObject([{ delivered: 12 }]);
  });

  test('a message that is no chunk is tried again, and holds up the others no longer than that', async () => {
    const { uploader } = await start();
    const [chunk] = await uploader.importChunks(...LISTS.slice(0, 1));
    const received = { receives: 2, maxTries: 50, sentAt: 0, group: 'lane-0' };
    const messages = ['no chunk', chunk ? encodeChunk(chunk) : ''].map((body) => ({ body, received }));
    const ports = { ...uploader.ports, deadLetters: uploader.deadLetters.upload };
    expect(await takeLane(messages, ports)).toEqual([again(2_000), again(2_000)]);
  });
});

test('after an upload what is left is given back at once, so that lanes take turns', async () => {
  const { uploader } = await start();
  // Two of them do not fit one request.
  const chunks = await uploader.importChunks(
    ...NAMES.map((name) => eventsOf(1_500, name).map((event, i) => ({ ...event, device_id: `d${i % 700}` }))),
  );
  const amplitude: Uploader['ports']['amplitude'] = {
    ...uploader.ports.amplitude,
    async upload(request) {
      uploader.clock.advance(1_100);
      return uploader.ports.amplitude.upload(request);
    },
  };
  expect(await take(uploader, chunks, { amplitude })).toEqual([DONE, again(0), again(0), again(0)]);
});

test('a lane that is held for its rests goes on for longer, as each wait for its turn would slow its device down', async () => {
  const { uploader } = await start();
  const chunks = await uploader.importChunks(...NAMES.map((name) => eventsOf(1_500, name, { device_id: 'hot' })));
  const sleep = async (ms: number) => uploader.clock.advance(ms);
  const taken = await take(uploader, chunks, { hold: { maxMs: 2_000, sleep } });
  expect(taken).toEqual(NAMES.map(() => DONE));
});
