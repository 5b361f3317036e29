/** Events that nobody names are found by halving; and when it is the way that is blocked, no event is blamed for it. */
import { describe, expect, test } from 'vitest';
import { deliverChunk } from '../../../lambdas/uploader/deliver-chunk.ts';
import { FAULTS, type NextFault } from '../../../local/simulator-faults.ts';
import { chunkOf, eventOf, eventsOf } from './chunks.ts';
import { answering, behindFirewall, deliver, firewall, poison, refusedOf, targetIn, through } from './delivering.ts';
import { start } from './with-simulator.ts';
import { idsOf, storedIds } from './written.ts';

describe('an event that a firewall does not let through', () => {
  test.each([
    ['in the middle', 57, 100],
    ['at the front', 0, 100],
    ['at the end', 99, 100],
    ['in a full chunk', 1_234, 2_000],
  ])('is found %s, and the rest are delivered once', async (_, place, count) => {
    const { uploader, simulator } = await start({ faults: firewall });
    const fine = eventsOf(count - 1, 'fine');
    const { delivery, requests } = await deliver(uploader, fine.toSpliced(place, 0, poison('poison')));
    const reason = 'Amplitude: refused without a reason (HTTP 403)';
    expect(delivery).toMatchObject({ kind: 'through', delivered: count - 1, waiting: [] });
    expect(refusedOf(delivery)).toEqual([[place + 1, reason]]);
    expect(storedIds(simulator)).toEqual(idsOf(fine));
    expect(requests).toBeLessThan(30);
  });

  test('is found among many of its kind, all at the front', async () => {
    const { ports, takenIds } = behindFirewall();
    const fine = eventsOf(440, 'fine');
    const bad = Array.from({ length: 60 }, (_, i) => poison(`poison-${i}`));
    const { delivery } = await deliver({ ports }, [...bad, ...fine]);
    expect(refusedOf(delivery).map(([position]) => position)).toEqual(bad.map((_, i) => i + 1));
    expect(takenIds()).toEqual(idsOf(fine));
  });

  test('beside events that Amplitude names', async () => {
    const { uploader, simulator } = await start({ faults: firewall });
    const fine = eventsOf(8, 'fine');
    const { delivery } = await deliver(uploader, [eventOf('late', { time: 'late' }), poison('poison'), ...fine]);
    expect(refusedOf(delivery)).toEqual([
      [1, 'Amplitude: invalid value of time'],
      [2, 'Amplitude: refused without a reason (HTTP 403)'],
    ]);
    expect(storedIds(simulator)).toEqual(idsOf(fine));
  });
});

describe('a way that is blocked is no fault of any event: the chunk waits', () => {
  const always = () => FAULTS.forbidden();
  const html = { instead: { status: 400, body: '<html>Bad Request</html>' } };

  test.each<[what: string, count: number, fault: NextFault]>([
    ['a firewall, for one event', 1, always],
    ['a firewall, for a few', 2, always],
    ['a firewall, for many', 30, always],
    [
      'a proxy that finds everything too large',
      10,
      () => FAULTS.answer(413, { code: 413, error: 'Payload too large' }),
    ],
    ['a proxy that finds everything bad', 10, () => html],
    ['a proxy that finds everything bad, for one event', 1, () => html],
    ['an endpoint that reads no JSON at all', 10, () => FAULTS.answer(400, { code: 400, error: 'Invalid event JSON' })],
  ])('%s', async (_, count, fault) => {
    const { uploader, simulator } = await start({ faults: fault });
    const { delivery } = await deliver(uploader, eventsOf(count, 'fine'));
    expect(delivery).toMatchObject({ kind: 'not-now', reason: expect.stringMatching(/, whatever the events$/) });
    expect(storedIds(simulator)).toEqual([]);
  });

  test('also when there are more events than one attempt can try', async () => {
    const { ports, takenIds } = behindFirewall();
    const { delivery } = await deliver(
      { ports },
      Array.from({ length: 300 }, (_, i) => poison(`poison-${i}`)),
    );
    expect(delivery).toMatchObject({ kind: 'not-now' });
    expect(takenIds()).toEqual([]);
  });

  test('also when some were named before it was blocked', async () => {
    const { uploader } = await start({ faults: [{ ...FAULTS.forbidden(), from: 2 }] });
    const { delivery } = await deliver(uploader, [eventOf('late', { time: 'late' }), ...eventsOf(9, 'fine')]);
    expect(delivery).toMatchObject({ kind: 'not-now' });
  });

  test.each([2, 3, 4])('also when it is blocked from request %i on, after some were taken', async (from) => {
    const limit = FAULTS.answer(413, { code: 413 });
    const { uploader, simulator } = await start({
      faults: [
        { ...limit, times: 1 },
        { ...FAULTS.forbidden(), from },
      ],
    });
    const events = [...eventsOf(9, 'fine'), eventOf('late', { time: 'late' }), ...eventsOf(6, 'more')];
    expect((await deliver(uploader, events)).delivery.kind).toBe('not-now');
    simulator.setFaults([]);
    const { delivery } = await deliver(uploader, events);
    expect(delivery).toMatchObject({ kind: 'through', delivered: 15 });
    expect(storedIds(simulator)).toEqual(idsOf(events.filter(({ insert_id }) => insert_id !== 'late')));
  });

  test('also when nobody can tell, because Amplitude cannot be asked any more', async () => {
    const { uploader } = await start();
    const { delivery } = await deliver(answering(uploader, 403, 403, 200, 503), [
      poison('poison'),
      ...eventsOf(1, 'fine'),
    ]);
    expect(delivery).toMatchObject({ kind: 'not-now', reason: 'HTTP 503' });
  });
});

test('an event that Amplitude itself refuses when it is alone is rejected', async () => {
  const faults = [FAULTS.answer(400, { code: 400, error: 'Invalid event JSON' })];
  const { uploader } = await start({ faults });
  const { delivery } = await deliver(uploader, eventsOf(1, 'odd'));
  expect(refusedOf(delivery)).toEqual([[1, 'Amplitude: refused without a reason (HTTP 400: Invalid event JSON)']]);
});

test('text that is no JSON is rejected like any other event, and the rest are delivered', async () => {
  const { uploader, simulator } = await start();
  const texts = [...eventsOf(3, 'fine').map((event) => JSON.stringify(event)), '{"device_id":"dev', '{}}'];
  const chunk = await chunkOf(0, texts, [1, 2, 3, 4, 5]);
  const { delivery } = await deliverChunk(chunk, targetIn(uploader), uploader.ports);
  expect(refusedOf(delivery).map(([position]) => position)).toEqual([4, 5]);
  expect(storedIds(simulator)).toEqual(['fine-0', 'fine-1', 'fine-2']);
});

describe('one attempt takes so many requests and so long, and leaves the rest for later', () => {
  const mixed = Array.from({ length: 140 }, (_, i) => (i % 2 === 0 ? poison(`poison-${i}`) : eventOf(`fine-${i}`)));
  const fine = mixed.filter((_, i) => i % 2 === 1);

  test('in requests', async () => {
    const { ports } = behindFirewall();
    const { delivery, requests } = await deliver({ ports }, mixed);
    expect(requests).toBeLessThanOrEqual(201);
    const { delivered, refused, waiting } = through(delivery);
    expect(Math.min(delivered, refused.length, waiting.length)).toBeGreaterThan(10);
    expect(delivered + refused.length + waiting.length).toBe(140);
  });

  test('in time', async () => {
    const { uploader, simulator } = await start();
    simulator.setFaults((request) => {
      uploader.clock.advance(10_000);
      return firewall(request);
    });
    const { delivery, requests } = await deliver(uploader, mixed);
    expect(requests).toBeLessThan(6);
    expect(through(delivery).waiting.length).toBeGreaterThan(100);
  });

  test('and in the end every event is delivered or rejected', async () => {
    const { uploader, ports: behind, takenIds } = behindFirewall();
    await uploader.importChunks(mixed);
    const { amplitude } = behind;
    await uploader.work((ports) => ({ ports: { ...ports, amplitude }, isAlive: () => true }));
    expect(takenIds()).toEqual(idsOf(fine));
    expect(uploader.receipts).toMatchObject([{ state: 'complete', delivered: 70, refused: 70 }]);
  });
});

test('a chunk that Amplitude cannot take now is not taken apart for it', async () => {
  const { uploader } = await start({ faults: [FAULTS.unavailable()] });
  const damaged = { ...(await chunkOf(0, ['{}'], [1])), crc32: 1 };
  const { delivery, requests } = await deliverChunk(damaged, targetIn(uploader), uploader.ports);
  expect({ kind: delivery.kind, requests }).toEqual({ kind: 'not-now', requests: 1 });
});
