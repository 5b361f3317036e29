/** The form in which chunks travel. */
import { randomBytes } from 'node:crypto';
import { constants, crc32, inflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CompressedChunk, compressChunk } from '../../../lambdas/chunker/compress-chunk.ts';
import type { ClosedChunk } from '../../../lambdas/chunker/lane-chunks.ts';
import { encodeChunk, encodedBytes } from '../../../shared/chunk.ts';
import { messageBytes } from '../../../shared/message-bytes.ts';
import { runs } from '../../runs.ts';

const chunkOf = (events: readonly string[]): ClosedChunk => ({
  lane: 7,
  text: Buffer.from(events.join(',\n')),
  positions: events.map((_, i) => 10 + i),
  hottest: events.length,
  spread: 1,
});
const textOf = ({ body }: CompressedChunk) => inflateRawSync(body, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
const isChunk = (part: object): part is CompressedChunk => 'body' in part;

test('a chunk that fits is one: raw deflate, ended by a sync flush, with its length and checksum', async () => {
  const chunk = chunkOf(['{"a":1}', '{"b":2}']);
  const [part, ...others] = await compressChunk(chunk);
  expect(others).toEqual([]);
  if (!part || !isChunk(part)) throw new Error('expected a chunk');
  expect(part).toMatchObject({ lane: 7, positions: [10, 11], hottest: 2, textBytes: 16, crc32: crc32(chunk.text) });
  expect(textOf(part)).toBe('{"a":1},\n{"b":2}');
  expect(part.body.subarray(-4)).toEqual(Buffer.from([0, 0, 0xff, 0xff]));
});

/** From what compresses away to what does not compress at all. */
const anyEvents = fc.array(
  fc.oneof(fc.string({ maxLength: 40 }).map(JSON.stringify), fc.constant('"aaaaaaaaaaaaaaaaaaaaaaaaaaaa"')),
  { minLength: 1, maxLength: 40 },
);

test('the parts of any chunk hold its events in order, fit, and what is left out is one event that cannot fit', async () => {
  await fc.assert(
    fc.asyncProperty(anyEvents, fc.integer({ min: 8, max: 400 }), async (events, maxBytes) => {
      const parts = await compressChunk(chunkOf(events), maxBytes);
      const found = parts.flatMap((part) => {
        if (!isChunk(part)) {
          expect(part.bytes).toBeGreaterThan(maxBytes);
          return [{ text: part.text.toString(), position: part.position }];
        }
        expect(encodedBytes(part.body)).toBeLessThanOrEqual(maxBytes);
        const text = textOf(part);
        expect(part).toMatchObject({ lane: 7, textBytes: Buffer.byteLength(text), crc32: crc32(text) });
        const texts = text.split(',\n');
        expect(part.positions).toHaveLength(texts.length);
        return texts.map((one, i) => ({ text: one, position: part.positions[i] }));
      });
      expect(found).toEqual(events.map((text, i) => ({ text, position: 10 + i })));
    }),
  );
});

test('the same chunk always gives the same parts', async () => {
  await fc.assert(
    fc.asyncProperty(anyEvents, fc.integer({ min: 8, max: 400 }), async (events, maxBytes) => {
      expect(await compressChunk(chunkOf(events), maxBytes)).toEqual(await compressChunk(chunkOf(events), maxBytes));
    }),
    { numRuns: runs(20) },
  );
});

const incompressible = (bytes: number) => `"${randomBytes(bytes).toString('base64url')}"`;

test('a large chunk that does not compress is halved until it fits a queue message', async () => {
  const events = Array.from({ length: 30 }, () => incompressible(90_000));
  const parts = (await compressChunk(chunkOf(events))).filter(isChunk);
  expect(parts.map(({ positions }) => positions.length)).toEqual([8, 7, 8, 7]);
  expect(parts.map(textOf).join(',\n') === events.join(',\n')).toBe(true);
});

test('one event that cannot fit is handed back, its neighbours are not', async () => {
  const [small, large] = ['{"a":1}', incompressible(900_000)];
  const parts = await compressChunk(chunkOf([small, large, small]));
  expect(parts.filter(isChunk).map(textOf)).toEqual([small, small]);
  const left = parts.flatMap((part) => (isChunk(part) ? [] : [part]));
  expect(left).toMatchObject([{ position: 11, maxBytes: 1_024_000 }]);
  expect(left[0]?.text.toString() === large).toBe(true);
});

test('the largest body fits a message whatever stands in its header', async () => {
  const body = Buffer.alloc(768_000);
  expect(encodedBytes(body)).toBe(1_024_000);
  // Lines far apart (blank ones between them), a key of control characters, which JSON writes with six each.
  const positions = Array.from({ length: 2_000 }, (_, i) => 2 ** 40 + i * 2 ** 20);
  const key = '\u0001'.repeat(1_024);
  const names = { dumpId: 'd'.repeat(20), run: 1_000, source: 's'.repeat(40), bucket: 'b'.repeat(63), key };
  const counts = {
    segment: 1_000_000,
    number: 1_000_000,
    lane: 255,
    events: 2_000,
    hottest: 2_000,
    spread: 256,
    after: { segment: 999_999, number: 999 },
    crc32: 2 ** 32 - 1,
    textBytes: 19_000_000,
  };
  const message = {
    id: 'i'.repeat(128),
    group: 'g'.repeat(128),
    body: encodeChunk({ ...names, ...counts, positions, body }),
  };
  expect(messageBytes(message, 'upload')).toBeLessThanOrEqual(1_048_576);
});
