/** Who reads a dump, and how often. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { deliver, eventTexts, HURRIED, LEASE_MS, openChunker, takeChunks, takeOver } from './chunker.ts';
import { eventLines as lines, sourceOf } from './fixtures.ts';

describe('another reader', () => {
  test('is told until when the dump is taken', async () => {
    const chunker = openChunker(lines(5));
    await takeOver(chunker);
    expect(await chunker.run()).toEqual({ kind: 'busy', until: chunker.clock.now() + 3 * LEASE_MS });
  });

  test('that takes over in the middle is not disturbed: the first one stops at its next checkpoint, or at the end', async () => {
    for (const count of [25, 5]) {
      const chunker = openChunker(lines(count));
      const { uploads } = chunker.ports;
      const send: typeof uploads.send = async (messages) => {
        await takeOver(chunker);
        await uploads.send(messages);
      };
      expect(await chunker.run({ uploads: { send } })).toMatchObject({ kind: 'lost' });
      expect((await takeChunks(chunker)).every(({ segment }) => segment === 0)).toBe(true);
      chunker.clock.advance(3 * LEASE_MS);
      const outcome = await chunker.run();
      expect(outcome).toMatchObject({ kind: 'read', read: count, run: { run: 1 } });
    }
  });

  test('need not wait for the lease when an error ends the first one, and nothing of that one goes on', async () => {
    const source = sourceOf({ caps: { eventsPerChunk: 1 } });
    const importer = { lanes: 1, uploaders: 8, segmentRecords: 10 };
    const chunker = openChunker(`${lines(9)}${' '.repeat(9 * 1_048_576)}\n${lines(9)}`, { source, importer });
    const { dumps, uploads } = chunker.ports;
    const failing: typeof dumps.read = async (dump, start, end) => {
      if (start > 0) throw new Error('S3 is slow');
      return dumps.read(dump, start, end);
    };
    const slow: typeof uploads.send = async (messages) => {
      for (let turn = 0; turn < 10; turn += 1) await nextTurn();
      await uploads.send(messages);
    };
    const running = chunker.run({ dumps: { ...dumps, read: failing }, uploads: { send: slow } });
    await expect(running).rejects.toThrow('S3 is slow');
    // All that had begun to be sent is on the queue; the ninth event's chunk was still open.
    expect(await chunker.uploads.size()).toEqual({ visible: 8, hidden: 0 });
    expect(await chunker.run({ owner: 'ben' })).toMatchObject({ kind: 'read', read: 18 });
    expect(await takeChunks(chunker)).toHaveLength(18);
  });
});

describe('a dump that was read', () => {
  test('is known, and is read once more only for a new request', async () => {
    const chunker = openChunker(lines(5));
    await chunker.run();
    expect(await chunker.run()).toMatchObject({ kind: 'known', run: { run: 1 } });
    expect(await chunker.run({ again: 'once' })).toMatchObject({ kind: 'read', run: { run: 2 } });
    expect(await chunker.run({ again: 'once' })).toMatchObject({ kind: 'known', run: { run: 2 } });
    expect(await chunker.run({ fingerprint: 'other' })).toMatchObject({ kind: 'known', run: { run: 2 } });
    expect(await chunker.run({ again: 'twice' })).toMatchObject({ kind: 'read', run: { run: 3 } });
    const chunks = await takeChunks(chunker);
    expect(new Set(chunks.flatMap(eventTexts)).size).toBe(5);
    expect(chunks.flatMap(eventTexts)).toHaveLength(15);
  });

  test('half under other code or config starts anew, as a new run', async () => {
    const chunker = openChunker(lines(25));
    await chunker.run(HURRIED);
    const outcome = await chunker.run({ fingerprint: 'other' });
    expect(outcome).toMatchObject({ kind: 'read', run: { run: 2 }, read: 25 });
    const chunks = (await takeChunks(chunker)).filter(({ run }) => run === 2);
    expect(chunks.flatMap(eventTexts)).toHaveLength(25);
    await deliver(chunks, chunker.ports);
    expect(chunker.receipts).toMatchObject([{ run: 2, state: 'complete', delivered: 25 }]);
  });

  test('but whose receipt is missing gets it when it is seen again', async () => {
    const chunker = openChunker(lines(5));
    await chunker.run();
    const away = { ...chunker.ports, announce: () => Promise.reject(new Error('crashed')) };
    await expect(deliver(await takeChunks(chunker), away)).rejects.toThrow('crashed');
    expect(await chunker.run()).toMatchObject({ kind: 'known' });
    expect(chunker.receipts).toMatchObject([{ state: 'complete', delivered: 5 }]);
  });
});
