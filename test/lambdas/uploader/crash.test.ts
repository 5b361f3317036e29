/**
 * A crash or a failing call at any point changes nothing in the end: every event that Amplitude takes is there once, the
 * books close (the uploader of the tests checks them at every step), and no message is left.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SimulatorOptions } from '../../../local/simulator.ts';
import { type Event, eventOf, eventsOf } from './chunks.ts';
import { type Failure, type Failures, failingPorts } from './failing-ports.ts';
import { KEY } from './uploader.ts';
import { start } from './with-simulator.ts';
import { deadOf, everythingWritten, idsOf, rejectsOf, storedIds } from './written.ts';
import { runs } from '../../runs.ts';

const FAILURES: readonly (Failure & { readonly what: string })[] = [
  { what: 'the process crashes before a call', isDone: false, isCrash: true },
  { what: 'the process crashes after a call', isDone: true, isCrash: true },
  { what: 'a call fails', isDone: false, isCrash: false },
  { what: "a call's answer gets lost", isDone: true, isCrash: false },
];

/** Two chunks: some events are invalid, some silenced, and the device of the first is throttled in the second. */
const FINE = [...eventsOf(25, 'hot'), ...eventsOf(10, 'hotter', { device_id: 'device hot' }), ...eventsOf(3, 'fine')];
const BAD = [eventOf('late', { time: 'late' }), eventOf('short', { user_id: 'ann' }), ...eventsOf(2, 'spam')];
const CHUNKS: readonly (readonly Event[])[] = [
  [...FINE.slice(0, 25), ...BAD.slice(0, 1)],
  [...FINE.slice(25), ...BAD.slice(1)],
];
const AMPLITUDE: SimulatorOptions = { switches: { batchEventsPerSecond: 1 }, silenced: ['device spam'] };

describe.each(FAILURES)('whenever $what', (failure) => {
  test('every event is delivered or rejected, once', async () => {
    await forEveryCall(failure, async (failures) => {
      const { life, calls } = await live(AMPLITUDE, failures);
      await expectAllDone(life, describeFailures(failures));
      return calls;
    });
  });

  test('a chunk that Amplitude does not take is among the dead, and is booked as dead once', async () => {
    await forEveryCall(failure, async (failures) => {
      const { life, calls } = await live({ apiKeys: ['another key'] }, failures);
      const { uploader, simulator } = life;
      const call = describeFailures(failures);
      expect(storedIds(simulator), call).toEqual([]);
      expect(await uploader.books(), call).toMatchObject({ dead: 42, inFlight: 0 });
      expect(await everythingWritten(uploader), call).not.toContain(KEY);
      const dead = await deadOf(uploader);
      expect(new Set(dead.map(({ body }) => body)).size, call).toBe(2);
      const reasons = new Set(dead.map(({ attributes }) => attributes.reason));
      expect(reasons, call).toEqual(new Set(['HTTP 400: Invalid API key']));
      return calls;
    });
  });
});

test('however often something fails, every event is delivered or rejected, once', async () => {
  const failure = fc.record({ isDone: fc.boolean(), isCrash: fc.boolean() });
  const failures = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), failure), { minLength: 2, maxLength: 12 });
  const property = fc.asyncProperty(failures, async (some) => {
    const { life } = await live(AMPLITUDE, new Map(some));
    await expectAllDone(life, 'many');
  });
  await fc.assert(property, { numRuns: runs(12) });
});

type Life = Awaited<ReturnType<typeof start>>;

async function live(options: SimulatorOptions, failures: Failures): Promise<{ life: Life; calls: number }> {
  const life = await start(options);
  const failing = failingPorts(failures);
  await life.uploader.importChunks(...CHUNKS);
  await life.uploader.work(failing.process);
  return { life, calls: failing.calls() };
}

/** Lives as often as a life has calls, with another one failing each time. */
async function forEveryCall(failure: Failure, one: (failures: Failures) => Promise<number>): Promise<void> {
  for (let call = 1; (await one(new Map([[call, failure]]))) >= call; call += 1);
}

async function expectAllDone({ uploader, simulator }: Life, failed: string): Promise<void> {
  const { dumpId = '' } = uploader.receipts[0] ?? {};
  expect(storedIds(simulator), failed).toEqual(idsOf(FINE));
  const rejects = await rejectsOf(uploader);
  expect(
    rejects.map(({ text }) => text),
    failed,
  ).toEqual(texts(CHUNKS, BAD));
  expect(uploader.receipts.at(-1), failed).toMatchObject({ state: 'complete', delivered: 38, refused: 4 });
  expect(await uploader.ports.ledger.entry(dumpId), failed).toMatchObject({ state: 'closed' });
  expect(await deadOf(uploader), failed).toEqual([]);
}

function describeFailures(failures: Failures): string {
  return `call ${[...failures.keys()].join()}`;
}

/** In the order in which they stand in the chunks. */
function texts(chunks: readonly (readonly Event[])[], some: readonly Event[]): string[] {
  return chunks
    .flat()
    .filter((event) => some.includes(event))
    .map((event) => JSON.stringify(event));
}
