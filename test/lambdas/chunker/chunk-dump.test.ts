/** The life of a dump in the chunker. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MapFunction } from '../../../shared/config.ts';
import { describeFile, fileDumps, fileResults } from '../../../shared/embedded/files.ts';
import { embeddedLedger } from '../../../shared/embedded/ledger.ts';
import { embeddedQueue } from '../../../shared/embedded/queue.ts';
import { openState } from '../../../shared/embedded/state.ts';
import { temporaryDirectory } from '../../shared/temporary.ts';
import { deliver, eventTexts, HURRIED, LEASE_MS, openChunker, outcomeOf, rejectLines, takeChunks } from './chunker.ts';
import { eventLines as lines, sourceOf } from './fixtures.ts';

describe('a dump', () => {
  test('is read, its events are on the queue in their order, and when they are delivered its receipt says so', async () => {
    const chunker = openChunker(`${lines(25)}oops\n`);
    const outcome = await chunker.run();
    const chunks = await takeChunks(chunker);
    expect(outcome).toMatchObject({ kind: 'read', run: { run: 1 }, read: 26, chunks: chunks.length });
    const sent = chunks.flatMap(eventTexts).map((text) => JSON.parse(text) as { event_properties: { i: number } });
    expect(sent.map(({ event_properties }) => event_properties.i).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 25 }, (_, i) => i),
    );
    expect(chunker.receipts).toEqual([]);
    await deliver(chunks, chunker.ports);
    expect(chunker.receipts).toMatchObject([
      { state: 'complete', read: 26, events: 25, delivered: 25, unusable: 1, rejected: 1 },
    ]);
  });

  test('on one machine goes through files and SQLite', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'day.ndjson.gz');
    writeFileSync(path, gzipSync(`${lines(15)}oops\n`));
    const state = openState(join(directory, 'state'));
    onTestFinished(() => state.close());
    const uploads = embeddedQueue(state.db, 'upload', { fifo: true });
    const results = fileResults(join(directory, 'results'));
    const engine = { dumps: fileDumps(), ledger: embeddedLedger(state.db), results, uploads };
    const outcome = await openChunker('').run({ ...engine, dump: await describeFile(path) });
    expect(outcome).toMatchObject({ kind: 'read', read: 16 });
    expect((await takeChunks({ uploads })).flatMap(eventTexts)).toHaveLength(15);
    expect(await rejectLines({ results })).toMatchObject([{ kind: 'unusable', position: 16, text: 'oops' }]);
  });

  test.each([
    ['0 bytes', '', { read: 0, rejected: 0, rejectsAt: null }],
    ['nothing but newlines', '\n\n\r\n', { read: 0, rejected: 0 }],
    ['nothing but bad lines', 'a\nb\nc', { read: 3, unusable: 3, rejected: 3, reasons: { 'record is not JSON': 3 } }],
  ])('of %s closes with a receipt at once', async (_what, text, books) => {
    const chunker = openChunker(text);
    expect(await chunker.run()).toMatchObject({ kind: 'read', chunks: 0 });
    expect(chunker.receipts).toMatchObject([{ state: 'complete', events: 0, inFlight: 0, ...books }]);
    expect(await chunker.results.list('receipts/')).toHaveLength(1);
  });

  test('whose last record ends a segment has no empty segment behind it', async () => {
    for (const text of [lines(20), lines(20).trimEnd()]) {
      const chunker = openChunker(text);
      const outcome = await chunker.run();
      expect(outcome).toMatchObject({ kind: 'read', read: 20 });
      if (outcome.kind === 'read') expect((await outcomeOf(chunker, outcome.run)).entry).toMatchObject({ segments: 2 });
    }
  });

  test('tells how far it is after each piece', async () => {
    const seen: number[][] = [];
    const text = lines(25);
    await openChunker(text).run({ progress: (...far) => seen.push(far) });
    expect(seen).toEqual([[25, text.length]]);
  });

  test('with a line of 40 MB costs one reject, which keeps how it began', async () => {
    const line = Buffer.alloc(40_000_000, 'x');
    const chunker = openChunker(
      gzipSync(Buffer.concat([Buffer.from(lines(1)), line, Buffer.from(`\n${lines(1)}`)]), { level: 1 }),
    );
    expect(await chunker.run()).toMatchObject({ kind: 'read', read: 3 });
    expect(await rejectLines(chunker)).toEqual([
      {
        kind: 'unusable',
        position: 2,
        reason: 'record is too long',
        detail: '40000000 bytes, at most 20000000 (caps.recordBytes)',
        cutFrom: 40_000_000,
        text: 'x'.repeat(65_536),
      },
    ]);
  });
});

describe('time', () => {
  test('runs out: it stops at a checkpoint, frees the dump, and goes on from there', async () => {
    const chunker = openChunker(lines(25));
    const kinds: string[] = [];
    for (const owner of ['anna', 'ben', 'cleo']) kinds.push((await chunker.run({ owner, ...HURRIED })).kind);
    expect(kinds).toEqual(['unfinished', 'unfinished', 'read']);
    expect((await takeChunks(chunker)).flatMap(eventTexts)).toHaveLength(25);
  });

  test('is running out when less is left than a minute, or than twice what the last segment took', async () => {
    for (const [segmentMs, msLeft, kind] of [
      [1_000, 60_001, 'read'],
      [1_000, 60_000, 'unfinished'],
      [100_000, 200_001, 'read'],
      [100_000, 200_000, 'unfinished'],
    ] as const) {
      const chunker = openChunker(lines(15));
      const map: MapFunction = (_, { position }) => {
        if (position === 1) chunker.clock.advance(segmentMs);
        return { event_type: 'visit', user_id: 'user-1' };
      };
      expect(await chunker.run({ source: sourceOf({ map }), msLeft: () => msLeft })).toMatchObject({ kind });
    }
  });

  test('that it takes to get to the checkpoint again does not count as the segment’s', async () => {
    const chunker = openChunker(gzipSync(lines(35)));
    await chunker.run(HURRIED);
    const { dumps } = chunker.ports;
    const read: typeof dumps.read = (...range) => {
      chunker.clock.advance(LEASE_MS / 5);
      return dumps.read(...range);
    };
    expect(await chunker.run({ dumps: { ...dumps, read }, msLeft: () => LEASE_MS / 2 })).toMatchObject({
      kind: 'read',
      read: 25,
    });
  });
});
