/** Whatever dump is read, however often, wherever it stopped: the same chunks are on the queue, and the books close. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isOwnLane, hashOf } from '../../../lambdas/chunker/lanes.ts';
import { sumBooks } from '../../../shared/books.ts';
import { decodeChunk } from '../../../shared/chunk.ts';
import type { Run } from '../../../shared/dump.ts';
import { receiveAll } from '../../shared/queue-fixtures.ts';
import {
  type Chunker,
  deliver,
  eventTexts,
  HURRIED,
  LEASE_MS,
  type RunChanges,
  outcomeOf,
  rejectLines,
  takeChunks,
} from './chunker.ts';
import { anyDump, open, routeOf } from './any-dump.ts';
import { eventLine } from './fixtures.ts';
import { mortal } from './mortal.ts';
import { runs } from '../../runs.ts';

async function readToEnd(chunker: Chunker, changes: RunChanges = {}): Promise<Run> {
  for (;;) {
    const outcome = await chunker.run(changes);
    if (outcome.kind === 'read' || outcome.kind === 'known') return outcome.run;
    if (outcome.kind !== 'unfinished') throw new Error(`unexpected: ${outcome.kind}`);
  }
}

/** As the route saw it. */
function withoutInsertId(text: string): object {
  const { insert_id: _, ...event } = JSON.parse(text) as Record<string, unknown>;
  return event;
}

describe('any dump', () => {
  test('has books that close: with the records read, the events on the queue and the lines in the rejects files', async () => {
    await fc.assert(
      fc.asyncProperty(anyDump, async (dump) => {
        const chunker = open(dump);
        const run = await readToEnd(chunker);
        const books = sumBooks(await chunker.ports.ledger.segments(run));
        expect(books.read).toBe(
          dump.text.split('\n').filter((text) => text.replace(/^[ \r]+|[ \r]+$/g, '') !== '').length,
        );
        expect(books.read).toBe(books.filtered + books.unusable + books.mapped);
        const chunks = await takeChunks(chunker);
        expect(books).toMatchObject({
          inFlight: chunks.reduce((sum, { events }) => sum + events, 0),
          chunks: chunks.length,
        });
        expect(books.events).toBe(books.inFlight + books.refused);
        const rejects = await rejectLines(chunker);
        expect(rejects.filter(({ kind }) => kind === 'unusable')).toHaveLength(books.unusable);
        expect(rejects.filter(({ kind }) => kind === 'refused')).toHaveLength(books.refused);
        expect(Object.values(books.reasons).reduce((sum, count) => sum + count, 0)).toBe(rejects.length);
        await deliver(chunks, chunker.ports);
        expect(chunker.receipts).toMatchObject([
          { delivered: chunks.flatMap(eventTexts).length, inFlight: 0, rejected: rejects.length },
        ]);
      }),
      { numRuns: runs(60) },
    );
  });

  test('has chunks within the limits, whose events are of their lane and in the order of the dump', async () => {
    await fc.assert(
      fc.asyncProperty(anyDump, async (dump) => {
        const chunker = open(dump);
        await readToEnd(chunker);
        const last = new Map<string, number>();
        for (const chunk of await takeChunks(chunker)) {
          const texts = eventTexts(chunk);
          expect(texts).toHaveLength(chunk.events);
          expect(chunk.positions).toHaveLength(chunk.events);
          expect(chunk.events).toBeLessThanOrEqual(dump.eventsPerChunk);
          for (const [i, text] of texts.entries()) {
            const { user_id: userId } = JSON.parse(text) as { user_id: string };
            const ownLane = 256 + hashOf(userId);
            expect(chunk.lane < dump.lanes || chunk.lane === ownLane).toBe(true);
            const position = chunk.positions[i] ?? 0;
            const line = `${chunk.project} ${userId}`;
            expect(position).toBeGreaterThanOrEqual(last.get(line) ?? 0);
            last.set(line, position);
          }
        }
      }),
      { numRuns: runs(60) },
    );
  });

  test('has chunks of one project each, the one that its events name, and other groups of lanes for each', async () => {
    await fc.assert(
      fc.asyncProperty(anyDump, async (dump) => {
        const chunker = open(dump);
        await readToEnd(chunker);
        const groups = new Map<string, string | undefined>();
        for (const { body, group = '' } of await receiveAll(chunker.uploads)) {
          const chunk = decodeChunk(body);
          for (const text of eventTexts(chunk)) {
            const named = dump.routes && routeOf(withoutInsertId(text));
            expect(chunk.project).toBe(named?.replace('acme-uk', 'acme'));
          }
          const [project = ''] = group.split('/');
          expect(groups.get(project) ?? chunk.project).toBe(chunk.project);
          groups.set(project, chunk.project);
          expect(group).toBe(`${project}/${chunk.lane}`);
        }
        expect(groups.size).toBe(new Set(groups.values()).size);
      }),
      { numRuns: runs(60) },
    );
  });

  test('now and then has devices with lanes of their own, some of whose chunks come after one of another lane', async () => {
    const seen = { own: 0, after: 0, resumed: 0 };
    await fc.assert(
      fc.asyncProperty(anyDump, async (dump) => {
        const chunker = open(dump);
        for (
          let outcome = await chunker.run(HURRIED);
          outcome.kind === 'unfinished';
          outcome = await chunker.run(HURRIED)
        ) {
          const entry = await chunker.ports.ledger.entry(outcome.run.dumpId);
          seen.resumed += entry?.checkpoint.lanes?.hot.length ? 1 : 0;
        }
        const chunks = await takeChunks(chunker);
        const sent = new Map(chunks.map((chunk) => [`${chunk.segment}/${chunk.number}`, chunk]));
        for (const { lane, after } of chunks) {
          seen.own += isOwnLane(lane) ? 1 : 0;
          if (!after) continue;
          seen.after += 1;
          expect(sent.get(`${after.segment}/${after.number}`)?.lane).toBeLessThan(dump.lanes);
        }
      }),
      { numRuns: runs(100), seed: 1 },
    );
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(runs(5));
  });

  test('gives the same when it is read again from the start, and when it is read with a stop at every checkpoint', async () => {
    await fc.assert(
      fc.asyncProperty(anyDump, async (dump) => {
        const outcomes = [];
        for (const changes of [{}, {}, HURRIED]) {
          const chunker = open(dump);
          outcomes.push(await outcomeOf(chunker, await readToEnd(chunker, changes)));
        }
        expect(outcomes[1]).toEqual(outcomes[0]);
        expect(outcomes[2]).toEqual(outcomes[0]);
      }),
      { numRuns: runs(60) },
    );
  });
});

describe('a chunker that dies', () => {
  // The first user gets a lane of its own in the second segment, when a chunk of its old lane is closed already.
  const users = [0, 1, 2, 3, 0, 9, 0, 0, 0, 1, 2, 9, 0, 3, 0, 1, 0, 9, 0, 2, 0, 0, 3];
  const text = users.map((user, i) => (user === 9 ? 'oops' : eventLine(`user-${user}`, { i }))).join('\n');
  const dump = {
    text,
    isMapped: false,
    api: 'http-v2' as const,
    lanes: 9,
    segmentRecords: 6,
    eventsPerChunk: 3,
    chunkBytes: 2_000,
  };

  test('had begun a hot device’s lane', async () => {
    const chunker = open({ ...dump, isGzip: false, routes: undefined });
    await readToEnd(chunker);
    const own = (await takeChunks(chunker)).filter(({ lane }) => isOwnLane(lane));
    expect(own.map(({ segment, after }) => [segment, after])).toEqual([
      [1, { segment: 0, number: 1 }],
      [2, undefined],
      [3, undefined],
    ]);
  });

  test.each([
    ['before', false, undefined],
    ['after', false, undefined],
    ['before', true, 'filter'],
    ['after', true, 'reject'],
  ] as const)(
    '%s any of its calls (gzip: %s, several projects: %s) leaves nothing that the next one does not make good',
    async (when, isGzip, routes) => {
      const undisturbed = open({ ...dump, isGzip, routes });
      const expected = await outcomeOf(undisturbed, await readToEnd(undisturbed));
      let call = 0;
      for (let died = true; died; ) {
        call += 1;
        const chunker = open({ ...dump, isGzip, routes });
        died = await chunker.run(mortal(chunker.ports, call, when)).then(
          () => false,
          () => true,
        );
        chunker.clock.advance(LEASE_MS);
        const run = await readToEnd(chunker, { owner: 'ben' });
        expect(run.run).toBe(1);
        expect(await outcomeOf(chunker, run), `died ${when} call ${call}`).toEqual(expected);
      }
      expect(call).toBeGreaterThan(20);
    },
  );
});
