/** Whatever Amplitude answers: an event is delivered, refused or waits, and nothing that it would take is refused. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChunkEvent } from '../../../lambdas/uploader/chunk-events.ts';
import { type Delivery, deliverEvents, type Send } from '../../../lambdas/uploader/deliver-events.ts';
import type { Verdict } from '../../../lambdas/uploader/read-verdict.ts';
import { eventWith, type Flaw, modelAmplitude, type ModelRules, NAMED, NOBODY } from './model-amplitude.ts';
import { runs } from '../../runs.ts';

const FLAWS: readonly Flaw[] = ['invalid', 'silenced', 'throttled', 'over quota', 'poison'];
const flaw = fc.oneof({ weight: 6, arbitrary: fc.constant<Flaw>('none') }, fc.constantFrom(...FLAWS));
const eventList = (maxLength: number) =>
  fc.array(flaw, { maxLength }).map((flaws) => flaws.map((one, position) => eventWith(one, position)));
const rules: fc.Arbitrary<ModelRules> = fc.record({
  maxEvents: fc.oneof(fc.constant(2_000), fc.integer({ min: 1, max: 40 })),
  order: fc.shuffledSubarray([...FLAWS], { minLength: FLAWS.length }),
  firstOnly: fc.boolean(),
  byDevice: fc.boolean(),
});

describe('whatever rules Amplitude has for events', () => {
  test('each is delivered, refused or waits, as they say, in its order', async () => {
    const property = fc.asyncProperty(eventList(60), rules, async (events, some) => {
      const model = modelAmplitude(some);
      const delivery = through(await deliverEvents(events, model.send));
      const having = (...flaws: readonly Flaw[]) => events.filter(({ text }) => flaws.some((one) => one === text));
      expect(model.stored).toEqual(having('none'));
      expect(delivery.delivered).toBe(model.stored.length);
      expect(byPosition(delivery.waiting)).toEqual(having('throttled', 'over quota'));
      expect(byPosition(delivery.refused.map(({ event }) => event))).toEqual(having('invalid', 'silenced', 'poison'));
      expect(delivery.overQuota).toBe(having('over quota').length > 0);
    });
    await fc.assert(property, { numRuns: runs(500) });
  });

  test('there are at most three requests for each event, and two when it names all there are', async () => {
    const property = fc.asyncProperty(eventList(200), rules, async (events, some) => {
      const model = modelAmplitude(some);
      await deliverEvents(events, model.send);
      expect(model.requests()).toBeLessThanOrEqual(3 * events.length);
    });
    await fc.assert(property, { numRuns: runs(300) });
    const model = modelAmplitude({ maxEvents: 2_000, order: FLAWS, firstOnly: false, byDevice: false });
    await deliverEvents(
      Array.from({ length: 2_000 }, (_, position) => eventWith(position % 2 === 0 ? 'none' : 'invalid', position)),
      model.send,
    );
    expect(model.requests()).toBe(2);
  });

  test('when it breaks off, that is said, and nothing is refused', async () => {
    const after: readonly Verdict[] = [
      { kind: 'not-now', reason: 'HTTP 503', retryAfterMs: 5 },
      { kind: 'refused', reason: 'HTTP 400: Invalid API key' },
    ];
    const property = fc.asyncProperty(eventList(40), rules, fc.nat(30), fc.constantFrom(...after), async (...some) => {
      const [events, itsRules, requests, last] = some;
      const model = modelAmplitude(itsRules);
      const isOver = () => model.requests() >= requests;
      const delivery = await deliverEvents(events, async (part) => (isOver() ? last : model.send(part)));
      if (delivery.kind !== 'through') expect(delivery).toEqual(last);
      else expect(delivery.delivered + delivery.refused.length + delivery.waiting.length).toBe(events.length);
    });
    await fc.assert(property, { numRuns: runs(300) });
  });

  test('what is left for later waits, and what was done before counts', async () => {
    const property = fc.asyncProperty(eventList(40), rules, fc.nat(30), async (events, some, requests) => {
      const model = modelAmplitude(some);
      const send: Send = async (part) => (model.requests() >= requests ? { kind: 'later' } : model.send(part));
      const { delivered, refused, waiting } = through(await deliverEvents(events, send));
      expect(delivered).toBe(model.stored.length);
      const all = [...model.stored, ...refused.map(({ event }) => event), ...waiting];
      expect(byPosition(all)).toEqual(events);
      expect(refused.filter(({ event }) => event.text === 'none' || event.text === 'throttled')).toEqual([]);
    });
    await fc.assert(property, { numRuns: runs(300) });
  });
});

describe('an answer that names only events that were not sent', () => {
  const events = [eventWith('none', 0), eventWith('none', 1)];
  const strangers = { indexes: new Set([2, 9]), devices: new Set(['a hash of some user']), users: new Set(['u']) };

  test.each(['throttled', 'overQuota'] as const)('as %s blames none of those that were', async (how) => {
    const delivery = await deliverEvents(events, async () => ({ ...NAMED, [how]: strangers }));
    expect(delivery).toEqual({ kind: 'not-now', reason: 'Amplitude: throttled, naming events that were not sent' });
  });

  test('as invalid is asked again about each by itself', async () => {
    const delivery = await deliverEvents(events, async (part) =>
      part.some(({ position }) => position === 1) ? { ...NAMED, invalid: new Map([[7, 'invalid']]) } : DELIVERED,
    );
    const reason = 'Amplitude: refused, naming events that were not sent';
    expect(delivery).toMatchObject({ delivered: 1, refused: [{ event: events[1], reason, certainty: 'judged' }] });
  });

  test('next to some that were is about those', async () => {
    const throttled = { ...strangers, indexes: new Set([1, 9]) };
    const delivery = await deliverEvents(events, async (part) =>
      part.length === 2 ? { ...NAMED, throttled } : DELIVERED,
    );
    expect(delivery).toMatchObject({ delivered: 1, waiting: [events[1]], refused: [] });
  });
});

test('an event that is invalid and throttled at once is refused, and nobody waits for its quota', async () => {
  const both = { ...NOBODY, indexes: new Set([0]) };
  const answer = { ...NAMED, invalid: new Map([[0, 'Amplitude: invalid value of time']]), overQuota: both };
  const delivery = await deliverEvents([eventWith('none', 0)], async () => answer);
  expect(delivery).toMatchObject({ refused: [{ certainty: 'named' }], waiting: [], overQuota: false });
});

test('a user that is throttled waits with all its events, on whatever device', async () => {
  const events = ['anna', 'ben', 'anna'].map((userId, position) => ({ ...eventWith('none', position), userId }));
  const throttled = { ...NOBODY, users: new Set(['anna']) };
  const delivery = await deliverEvents(events, async (part) =>
    part.length === 3 ? { ...NAMED, throttled } : DELIVERED,
  );
  expect(delivery).toMatchObject({ delivered: 1, waiting: [events[0], events[2]] });
});

test('no events are delivered without a request', async () => {
  const delivery = await deliverEvents([], () => Promise.reject(new Error('nothing is to be sent')));
  expect(delivery).toMatchObject({ kind: 'through', delivered: 0 });
});

const DELIVERED = { kind: 'delivered' } as const;

function through(delivery: Delivery): Delivery & { kind: 'through' } {
  if (delivery.kind !== 'through') throw new Error(`expected it to get through: ${delivery.reason}`);
  return delivery;
}

function byPosition(events: readonly ChunkEvent[]): ChunkEvent[] {
  return events.toSorted((a, b) => a.position - b.position);
}
