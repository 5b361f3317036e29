/** A huge dump is cut into parts, and whoever is free makes them ready; what comes of it is what one reader makes of the same parts. */
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChunkDumpPorts } from '../../../lambdas/chunker/chunk-dump.ts';
import { isOwnLane } from '../../../lambdas/chunker/lanes.ts';
import { makeReady, type MakeReadyOutcome } from '../../../lambdas/chunker/make-ready.ts';
import { decodeChunk } from '../../../shared/chunk.ts';
import type { Run } from '../../../shared/dump.ts';
import { formatOf } from '../../../shared/format-settings.ts';
import { randomFrom } from '../../chaos/scenario.ts';
import { runs } from '../../runs.ts';
import { receiveAll } from '../../shared/queue-fixtures.ts';
import { anyDump, open } from './any-dump.ts';
import {
  type Chunker,
  eventTexts,
  HURRIED,
  LEASE_MS,
  openChunker,
  outcomeOf,
  rejectLines,
  type RunChanges,
  takeChunks,
} from './chunker.ts';
import { deliverSomehow } from './delivery-orders.ts';
import { eventLine, sourceOf } from './fixtures.ts';
import { mortal } from './mortal.ts';

const partBytes = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 100, max: 1_500 }));
const notPacked = anyDump.map((dump) => ({ ...dump, isGzip: false }));

async function readToEnd(chunker: Chunker, changes: RunChanges = {}): Promise<Run> {
  for (;;) {
    const outcome = await chunker.run(changes);
    if (outcome.kind === 'read' || outcome.kind === 'known') return outcome.run;
    if (outcome.kind !== 'unfinished') throw new Error(`unexpected: ${outcome.kind}`);
  }
}

function make({ request, ports }: Chunker, part: number, changes: Partial<ChunkDumpPorts> = {}) {
  return makeReady({ ...request, part }, { ...ports, ...changes });
}

/** Makes these parts ready as soon as they are asked for, and has read the dump to its end. */
async function readWithHelp(chunker: Chunker, parts: (count: number) => readonly number[], changes: RunChanges = {}) {
  const made: MakeReadyOutcome[] = [];
  const ask = async (count: number) => {
    for (const part of parts(count)) made.push(await make(chunker, part));
  };
  const run = await readToEnd(chunker, { ...changes, askForParts: ask });
  return { run, made };
}

const all = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

/** As `outcomeOf`, the rejects as lines: how they are compressed is no matter. */
async function contentOf(chunker: Chunker, run: Run) {
  const { rejects: _, ...rest } = await outcomeOf(chunker, run);
  return { ...rest, rejects: await rejectFiles(chunker) };
}

async function rejectFiles({ results }: Chunker) {
  const keys = await results.list('rejects/');
  return Promise.all(keys.map(async (key) => [key, gunzipSync((await results.get(key)) ?? '').toString()]));
}

describe('any dump, cut at any byte', () => {
  test('has the same events and the same rejects, each once and where it stands', async () => {
    await fc.assert(
      fc.asyncProperty(notPacked, partBytes, async (dump, bytes) => {
        const outcomes = [];
        for (const chunker of [open(dump), open(dump, bytes)]) {
          const { run } = await readWithHelp(chunker, all);
          const chunks = await takeChunks(chunker);
          const events = chunks.flatMap((chunk) =>
            eventTexts(chunk).map((text, i) => `${chunk.positions[i]} ${chunk.project} ${text}`),
          );
          const { state } = (await chunker.ports.ledger.entry(run.dumpId)) ?? {};
          outcomes.push({ events: events.toSorted(), rejects: await rejectLines(chunker), state });
        }
        expect(outcomes[1]).toEqual(outcomes[0]);
      }),
      { numRuns: runs(50) },
    );
  });

  test('has chunks that leave in the order of the dump for each user, whichever lane is quicker', async () => {
    const seen = { afterOwn: 0, own: 0 };
    await fc.assert(
      fc.asyncProperty(notPacked, partBytes, fc.nat(), async (dump, bytes, seed) => {
        const chunker = open(dump, bytes);
        await readWithHelp(chunker, all);
        const last = new Map<string, number>();
        for (const chunk of deliverSomehow(await receiveAll(chunker.uploads), randomFrom(seed))) {
          seen.afterOwn += chunk.afterOwn ? 1 : 0;
          seen.own += isOwnLane(chunk.lane) ? 1 : 0;
          for (const [i, text] of eventTexts(chunk).entries()) {
            const line = `${chunk.project} ${(JSON.parse(text) as { user_id: string }).user_id}`;
            const position = chunk.positions[i] ?? 0;
            expect(position).toBeGreaterThanOrEqual(last.get(line) ?? 0);
            last.set(line, position);
          }
        }
      }),
      { numRuns: runs(100), seed: 3 },
    );
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(runs(10));
  });

  test('gives the same whether all parts, some or none were made ready, or it is stopped at every checkpoint', async () => {
    let segments = 0;
    await fc.assert(
      fc.asyncProperty(notPacked, partBytes, fc.nat(), async (dump, bytes, seed) => {
        const random = randomFrom(seed);
        const alone = open(dump, bytes);
        const expected = await contentOf(alone, await readToEnd(alone));
        const some = (count: number) => all(count).filter(() => random() < 0.5);
        for (const [parts, changes] of [
          [all, {}],
          [some, {}],
          [some, HURRIED],
        ] as const) {
          const chunker = open(dump, bytes);
          const { run, made } = await readWithHelp(chunker, parts, changes);
          expect(await contentOf(chunker, run)).toEqual(expected);
          for (const one of made) segments += one.segments;
        }
      }),
      { numRuns: runs(40) },
    );
    expect(segments).toBeGreaterThan(runs(100));
  });
});

const users = Array.from({ length: 60 }, (_, i) => (i % 7 === 3 ? 9 : (i * i) % 5));
const LINES = users.map((user, i) => (user === 9 ? 'oops' : eventLine(`user-${user}`, { i })));
const importer = { lanes: 4, uploaders: 8, segmentRecords: 6, partBytes: 900 };
const sourceOfLines = () => sourceOf({ format: formatOf('ndjson'), api: 'http-v2', caps: { eventsPerChunk: 3 } });
const openLines = (lines = LINES) => openChunker(lines.join('\n'), { source: sourceOfLines(), importer });

describe('a reader that dies', () => {
  const SHORT = LINES.slice(0, 36);

  test.each(['before', 'after'] as const)(
    '%s any of its calls, with parts ready, leaves nothing that the next one does not make good',
    async (when) => {
      const undisturbed = openLines(SHORT);
      const expected = await contentOf(undisturbed, await readToEnd(undisturbed));
      let call = 0;
      for (let died = true; died; ) {
        call += 1;
        const chunker = openLines(SHORT);
        const ports = mortal(chunker.ports, call, when);
        const ask = async (count: number) => {
          for (const part of all(count)) await make(chunker, part);
        };
        died = await chunker.run({ ...ports, askForParts: ask }).then(
          () => false,
          () => true,
        );
        chunker.clock.advance(LEASE_MS);
        const run = await readToEnd(chunker, { owner: 'ben', askForParts: ask });
        expect(run.run).toBe(1);
        expect(await contentOf(chunker, run), `died ${when} call ${call}`).toEqual(expected);
      }
      expect(call).toBeGreaterThan(40);
    },
  );
});

describe('a maker of ready segments', () => {
  test.each(['before', 'after'] as const)('that dies %s any of its calls is gone on from', async (when) => {
    const undisturbed = openLines();
    const expected = await contentOf(undisturbed, await readToEnd(undisturbed));
    let call = 0;
    for (let died = true; died; ) {
      call += 1;
      const chunker = openLines();
      const ask = async (count: number) => {
        expect(count).toBeGreaterThan(2);
        died = await make(chunker, 2, mortal(chunker.ports, call, when)).then(
          () => false,
          () => true,
        );
        expect(await make(chunker, 2)).toMatchObject({ kind: 'ready' });
      };
      const run = await readToEnd(chunker, { askForParts: ask });
      expect(await contentOf(chunker, run), `died ${when} call ${call}`).toEqual(expected);
    }
    expect(call).toBeGreaterThan(5);
  });

  test('and the reader may be at the same part at the same time', async () => {
    const undisturbed = openLines();
    const expected = await contentOf(undisturbed, await readToEnd(undisturbed));
    const chunker = openLines();
    const making: Promise<MakeReadyOutcome>[] = [];
    const ask = async (count: number) => {
      for (const part of [...all(count), ...all(count)]) making.push(make(chunker, part));
    };
    const run = await readToEnd(chunker, { askForParts: ask });
    await Promise.all(making);
    expect(await contentOf(chunker, run)).toEqual(expected);
  });

  test('stops at a segment’s end when time is running out, and goes on from there', async () => {
    const chunker = openLines();
    const outcomes: MakeReadyOutcome[] = [];
    const ask = async () => {
      for (let kind = 'unfinished'; kind === 'unfinished'; kind = outcomes.at(-1)?.kind ?? '') {
        outcomes.push(await make(chunker, 1, HURRIED));
      }
    };
    await readToEnd(chunker, { askForParts: ask });
    expect(outcomes.map(({ kind, segments }) => [kind, segments])).toEqual([
      ['unfinished', 1],
      ['unfinished', 1],
      ['ready', 1],
    ]);
  });

  test('makes nothing for a dump that is read, that nobody reads yet, or that other code reads', async () => {
    const chunker = openLines();
    expect(await make(chunker, 1)).toEqual({ kind: 'overtaken', segments: 0 });
    const ask = async () => {
      expect(await makeReady({ ...chunker.request, fingerprint: 'other', part: 1 }, chunker.ports)).toEqual({
        kind: 'overtaken',
        segments: 0,
      });
    };
    await readToEnd(chunker, { askForParts: ask });
    expect(await make(chunker, 1)).toEqual({ kind: 'overtaken', segments: 0 });
    expect(await chunker.results.list('ready/')).toEqual([]);
  });

  test('gives up where a function asks for a record’s position, and every function is told the right one', async () => {
    const chunker = openChunker(LINES.join('\n'), {
      source: { ...sourceOfLines(), filter: (record, at) => record.user_id !== 'user-1' || at.position % 2 === 0 },
      importer,
    });
    const { made } = await readWithHelp(chunker, all);
    expect(made.map(({ kind }) => kind)).toContain('given-up');
    const positions = (await takeChunks(chunker)).flatMap((chunk) =>
      eventTexts(chunk).map((text, i) => `${(JSON.parse(text) as { user_id: string }).user_id} ${chunk.positions[i]}`),
    );
    const expected = users.flatMap((user, i) =>
      user === 9 || (user === 1 && i % 2 === 0) ? [] : [`user-${user} ${i + 1}`],
    );
    expect(positions.toSorted()).toEqual(expected.toSorted());
  });

  test('is not asked for where insert_ids are made from positions', async () => {
    const chunker = openChunker(LINES.join('\n'), { source: { ...sourceOfLines(), insertId: 'position' }, importer });
    const { made } = await readWithHelp(chunker, all);
    expect(made).toEqual([]);
  });
});

describe('what a maker makes', () => {
  test('is taken by the reader: it reads those bytes no more', async () => {
    const chunker = openLines();
    const ranges: number[] = [];
    const dumps: ChunkDumpPorts['dumps'] = {
      ...chunker.ports.dumps,
      rangeBytes: 200,
      read(dump, start, end) {
        ranges.push(start);
        return chunker.ports.dumps.read(dump, start, end);
      },
    };
    await readWithHelp(chunker, all, { dumps });
    const { size } = chunker.request.dump;
    const last = (Math.floor(size / importer.partBytes) - 1) * importer.partBytes;
    expect(ranges.filter((start) => start > importer.partBytes + 600 && start < last)).toEqual([]);
    expect((await receiveAll(chunker.uploads)).map(({ body }) => decodeChunk(body).segment)).toContain(9);
  });
});
