/** What is unpacked for a request without compression is the text, byte for byte, whatever stood in its memory before. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recycleText, unpackMember } from '../../../lambdas/uploader/unpack-member.ts';
import { runs } from '../../runs.ts';

const MB = 1024 * 1024;

/** What compresses well and what does not, short and long. */
const text = fc
  .record({ piece: fc.uint8Array({ minLength: 1, maxLength: 300 }), times: fc.nat(2_000) })
  .map(({ piece, times }) => Buffer.alloc(piece.length * times, piece));

test('more texts at once than there are decompressors, again and again in the same memory', async () => {
  const property = fc.asyncProperty(fc.array(text, { maxLength: 12 }), async (texts) => {
    const unpacked = await Promise.all(texts.map((one) => unpackMember(gzipSync(one))));
    expect(unpacked.map((one, i) => texts[i]?.equals(one))).toEqual(texts.map(() => true));
    for (const one of unpacked) recycleText(one);
  });
  await fc.assert(property, { numRuns: runs(200) });
});

test.each([4 * MB - 1, 4 * MB, 4 * MB + 1, 9 * MB])(
  'a text of %i bytes, which is or is not longer than its memory',
  async (length) => {
    const long = randomBytes(length);
    const unpacked = await unpackMember(gzipSync(long, { level: 1 }));
    expect(unpacked.equals(long)).toBe(true);
    recycleText(unpacked);
    const next = Buffer.from('the next one');
    expect(await unpackMember(gzipSync(next))).toEqual(next);
  },
);

test("a text's memory serves the next one once nobody uses it, and not before", async () => {
  const [first, second] = [Buffer.alloc(5_000, 'first'), Buffer.alloc(5_000, 'second')];
  const inUse = await unpackMember(gzipSync(first));
  const other = await unpackMember(gzipSync(second));
  expect([inUse.equals(first), other.equals(second)]).toEqual([true, true]);
  recycleText(other);
  expect((await unpackMember(gzipSync(first))).buffer).toBe(other.buffer);
  expect(inUse.equals(first)).toBe(true);
});

describe('a damaged member', () => {
  const member = gzipSync(Buffer.alloc(20_000, '{"event_type":"a"},\n'));
  /** Of its header the first three bytes and the flags are read; the rest is when and where it was made. */
  const read = fc.integer({ min: 10, max: member.length - 1 });

  test('is an error wherever it is damaged, and the next one is unpacked', async () => {
    const property = fc.asyncProperty(read, fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const damaged = Buffer.from(member);
      damaged[at] = (damaged[at] ?? 0) ^ change;
      await expect(unpackMember(damaged)).rejects.toThrow('chunk is damaged');
      expect((await unpackMember(member)).length).toBe(20_000);
    });
    await fc.assert(property, { numRuns: runs(200) });
  });

  test('is an error wherever it is cut off', async () => {
    const property = fc.asyncProperty(read, async (end) => {
      await expect(unpackMember(member.subarray(0, end))).rejects.toThrow('chunk is damaged');
    });
    await fc.assert(property, { numRuns: runs(100) });
  });

  test('that says it is larger than any request is not unpacked', async () => {
    const boastful = Buffer.from(member);
    boastful.writeUInt32LE(2 ** 31, boastful.length - 4);
    await expect(unpackMember(boastful)).rejects.toThrow('chunk is damaged');
  });

  test('among many that wait keeps none of them from being unpacked', async () => {
    const damaged = Buffer.from(member).fill(0, 30, 40);
    const many = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? damaged : member));
    const ends = await Promise.allSettled(many.map(unpackMember));
    expect(ends.map(({ status }) => status)).toEqual(many.map((_, i) => (i % 2 === 0 ? 'rejected' : 'fulfilled')));
  });
});
