/** Chunks on their way to the queue. */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { isOwnLane, type Lanes, laneRules, openLanes } from '../../../lambdas/chunker/lanes.ts';
import { openSegment, type Segment } from '../../../lambdas/chunker/segment.ts';
import { chunkSender } from '../../../lambdas/chunker/send-chunks.ts';
import { chunkId, decodeChunk } from '../../../shared/chunk.ts';
import type { OutgoingMessage } from '../../../shared/queue.ts';
import { eventLine, lanesOf, recordOf, sourceOf } from './fixtures.ts';
import { makeEvents } from './making.ts';

const NAMES = {
  dumpId: 'd',
  run: 2,
  source: 'web',
  bucket: 'landing',
  key: 'day.ndjson',
  projects: [{ group: 'project' }],
};
const SOURCE = sourceOf({ caps: { eventsPerChunk: 2 } });

function segmentOf(number: number, lines: readonly string[]): Segment {
  const segment = openSegment(number, SOURCE, { segmentRecords: 1_000 }, lanesOf(4));
  for (const [i, line] of lines.entries()) add(segment, line, i + 1);
  return segment;
}

function add(segment: Segment, line: string, position = 1): void {
  const record = recordOf(line, { position });
  segment.add(record, makeEvents(record, SOURCE, 'day.ndjson'));
}

/** Takes what it is sent, after `before`. */
function listQueue(before: (send: number) => Promise<void> = async () => undefined) {
  const messages: OutgoingMessage[] = [];
  let sends = 0;
  const send = async (group: readonly OutgoingMessage[]) => {
    sends += 1;
    await before(sends);
    messages.push(...group);
  };
  return { messages, send };
}

const users = (count: number) => Array.from({ length: count }, (_, i) => eventLine(`user-${i % 3}`, { i }));
const positionsOf = ({ body }: OutgoingMessage) => decodeChunk(body).positions;

test('a message says all that is known of its chunk, and goes to the group of its lane', async () => {
  const queue = listQueue();
  const line = eventLine('user-1');
  await chunkSender(NAMES, queue).finish(segmentOf(5, [line, line]));
  const [message, ...others] = queue.messages;
  const { projects, ...names } = NAMES;
  const chunk = decodeChunk(message?.body ?? '');
  expect(others).toEqual([]);
  expect(chunk).toMatchObject({ ...names, segment: 5, number: 0, events: 2, positions: [1, 2], hottest: 2 });
  expect(message).toMatchObject({ id: chunkId(chunk), group: `${projects[0]?.group}/${chunk.lane}` });
});

test('chunks are numbered from 0 in each segment, and the events of a lane leave in their order', async () => {
  const queue = listQueue();
  const sender = chunkSender(NAMES, queue);
  const counts: number[] = [];
  for (const number of [0, 1]) {
    const segment = segmentOf(number, []);
    for (const [i, line] of users(31).entries()) {
      add(segment, line, i + 1);
      await sender.next(segment);
    }
    counts.push(await sender.finish(segment));
  }
  const chunks = queue.messages.map(({ body }) => decodeChunk(body));
  for (const number of [0, 1]) {
    const ofSegment = chunks.filter(({ segment }) => segment === number);
    expect(ofSegment.map((chunk) => chunk.number)).toEqual(Array.from({ length: counts[number] ?? 0 }, (_, i) => i));
    expect(ofSegment.flatMap(({ positions }) => positions).toSorted((a, b) => a - b)).toHaveLength(31);
    for (const lane of new Set(ofSegment.map((chunk) => chunk.lane))) {
      const positions = ofSegment.filter((chunk) => chunk.lane === lane).flatMap((chunk) => chunk.positions);
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    }
  }
});

test('an event that no message can hold is refused and counted, and the others are sent', async () => {
  const queue = listQueue();
  const large = eventLine('user-1', { noise: randomBytes(900_000).toString('base64') });
  const segment = segmentOf(0, [eventLine('user-1'), large, eventLine('user-1')]);
  const chunks = await chunkSender(NAMES, queue).finish(segment);
  expect(queue.messages.map(positionsOf)).toEqual([[1], [3]]);
  const { reasons, ...plan } = segment.plan(chunks);
  expect(plan).toMatchObject({ read: 3, mapped: 3, events: 3, refused: 1, chunks: 2, unusable: 0 });
  expect(reasons).toEqual({ 'event is too large': 1 });
});

test('a send that fails is heard of, what comes behind it is not sent, and it all comes to rest', async () => {
  const queue = listQueue(async (send) => {
    if (send === 2) throw new Error('the queue is away');
  });
  const sender = chunkSender(NAMES, queue);
  const segment = segmentOf(0, []);
  for (const line of users(4)) add(segment, line);
  await sender.next(segment);
  for (const line of users(40)) {
    add(segment, line);
    await sender.next(segment).catch(() => undefined);
  }
  await expect(sender.finish(segment)).rejects.toThrow('the queue is away');
  await sender.settled();
  expect(queue.messages.map(({ id }) => id)).toEqual(['d.2.0.0']);
});

test('the reader waits when the queue is slow', async () => {
  const released = Promise.withResolvers<void>();
  const queue = listQueue(() => released.promise);
  const sender = chunkSender(NAMES, queue);
  const segment = segmentOf(0, []);
  let closed = 0;
  let hasRoom = true;
  while (hasRoom && closed < 100) {
    for (let i = 0; i < 3; i += 1) add(segment, eventLine('user-1'));
    hasRoom = await Promise.race([sender.next(segment).then(() => true), nextTurn(false)]);
    closed += 1;
  }
  expect(closed).toBe(4);
  released.resolve();
  expect(await sender.finish(segment)).toBe(queue.messages.length);
});

/** One lane, whose chunks hold three events; a device with more than two in a chunk is hot. */
describe('the first chunk of a hot device comes after', () => {
  /** That it is too large for a message only shows when it is compressed; a chunk has room for nothing beside it. */
  const large = eventLine('cleo1', { noise: randomBytes(900_000).toString('base64') });
  const source = sourceOf({ caps: { eventsPerChunk: 3, chunkBytes: large.length + 60 } });
  const rules = laneRules('d', source, { lanes: 256, uploaders: 256 });
  const FULL = ['anna1', 'ben01', 'cleo1'];
  const HOT = ['anna1', 'anna1', 'anna1'];

  async function sendAll(
    segments: readonly (readonly string[])[],
    from: { number: number; ends: readonly (readonly [number, number, number])[] } = { number: 0, ends: [] },
  ) {
    const queue = listQueue();
    const sender = chunkSender(NAMES, queue);
    const state = { count: 1, hot: [], ends: from.ends };
    const lanes: Lanes = { ...openLanes(rules, state), hotAt: 2 };
    sender.goOnFrom(state);
    for (const [i, lines] of segments.entries()) {
      const segment = openSegment(from.number + i, source, { segmentRecords: 1_000 }, lanes);
      for (const [at, line] of lines.entries()) {
        const record = recordOf(line.startsWith('{') ? line : eventLine(line), { position: at + 1 });
        segment.add(record, makeEvents(record, source, 'day.ndjson'));
        if (at % 2 === 0) await sender.next(segment);
      }
      await sender.finish(segment);
    }
    const chunks = queue.messages.map(({ body }) => decodeChunk(body));
    return { chunks, lane: lanes.laneOf(0), ends: sender.ends(), own: chunks.filter(({ lane }) => isOwnLane(lane)) };
  }

  test('nothing, when its lane had none before', async () => {
    const { chunks, own } = await sendAll([[...HOT, 'ben01'], HOT]);
    expect(chunks.map(({ segment, number, events }) => [segment, number, events])).toEqual([
      [0, 0, 3],
      [0, 1, 1],
      [1, 0, 3],
    ]);
    expect(own.map(({ after }) => after)).toEqual([undefined, undefined]);
  });

  test('the last one of its lane in this segment', async () => {
    const { own } = await sendAll([[...FULL, ...FULL, ...HOT, ...HOT]]);
    expect(own.map(({ after, events }) => [events, after])).toEqual([
      [3, { segment: 0, number: 1 }],
      [3, undefined],
    ]);
  });

  test('the last one of its lane in a segment before, and only the first one does', async () => {
    const { own, lane, ends } = await sendAll([FULL, ['ben01'], HOT, HOT]);
    expect(own.map(({ after }) => after)).toEqual([{ segment: 1, number: 0 }, undefined]);
    expect(ends).toEqual([[lane, 1, 0]]);
  });

  test('the same, when reading goes on from a checkpoint', async () => {
    const { ends } = await sendAll([FULL, ['ben01']]);
    const { own } = await sendAll([HOT], { number: 2, ends });
    expect(own.map(({ after }) => after)).toEqual([{ segment: 1, number: 0 }]);
  });

  test('the one before, when the last one held nothing that could be sent', async () => {
    const { own } = await sendAll([[...FULL, large, ...HOT]]);
    expect(own.map(({ after }) => after)).toEqual([{ segment: 0, number: 0 }]);
    const next = await sendAll([FULL, [large], HOT]);
    expect(next.own.map(({ after }) => after)).toEqual([{ segment: 0, number: 0 }]);
  });

  test('the second half, when the last one had to be halved', async () => {
    const half = eventLine('cleo1', { noise: randomBytes(412_500).toString('base64') });
    const { own } = await sendAll([['anna1', half, half, ...HOT]]);
    expect(own.map(({ after }) => after)).toEqual([{ segment: 0, number: 1 }]);
  });
});
