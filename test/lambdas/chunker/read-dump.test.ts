/** What comes out of a dump, whole, damaged or unreachable. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { constants, gunzipSync, gzipSync, zstdCompressSync, createZstdCompress } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compressionOf } from '../../../lambdas/chunker/inflate.ts';
import { readDump } from '../../../lambdas/chunker/read-dump.ts';
import { type Dumps, DumpUnreadable } from '../../../shared/objects.ts';
import { dumpOf, memoryDumps } from './fixtures.ts';

const MIB = 1_048_576;
const TEXT = Buffer.from(Array.from({ length: 40 }, (_, i) => `{"number":${i}}\n`).join(''));
const GZIP = gzipSync(TEXT);
const MEMBERS = Buffer.concat([GZIP, gzipSync(Buffer.alloc(0)), gzipSync('the end\n')]);
const MEMBERS_TEXT = Buffer.concat([TEXT, Buffer.from('the end\n')]);

type Reading = { readonly bytes: Buffer; readonly error?: unknown };

async function read(stored: Buffer, offset = 0, dumps: Dumps = memoryDumps(stored)): Promise<Reading> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of readDump(dumpOf(stored), offset, dumps, compressionOf(stored))) pieces.push(piece);
    return { bytes: Buffer.concat(pieces) };
  } catch (error) {
    return { bytes: Buffer.concat(pieces), error };
  }
}

/** What can be inflated of gzip that breaks off. */
const inflatable = (bytes: Buffer) => gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });

describe('a whole dump', () => {
  test.each<[string, Buffer, Buffer]>([
    ['plain', TEXT, TEXT],
    ['gzip', GZIP, TEXT],
    ['gzip of several members', MEMBERS, MEMBERS_TEXT],
    ['of 0 bytes', Buffer.alloc(0), Buffer.alloc(0)],
    ['of 1 byte', Buffer.from('x'), Buffer.from('x')],
    ['of 1 byte, the first of gzip', Buffer.of(0x1f), Buffer.of(0x1f)],
    ['gzip of nothing', gzipSync(''), Buffer.alloc(0)],
  ])('%s', async (_what, stored, expected) => {
    expect(await read(stored)).toEqual({ bytes: expected });
  });

  test('of several ranges comes in order', async () => {
    const text = Buffer.concat([Buffer.alloc(8 * MIB, 'a'), Buffer.alloc(8 * MIB, 'b'), Buffer.from('c')]);
    expect((await read(text)).bytes.equals(text)).toBe(true);
    const stored = gzipSync(text, { level: 0 });
    expect((await read(stored)).bytes.equals(text)).toBe(true);
  });

  test('that inflates a thousandfold comes in pieces of at most 1 MiB', async () => {
    const stored = gzipSync(Buffer.alloc(20 * MIB, 'x'));
    let bytes = 0;
    for await (const piece of readDump(dumpOf(stored), 0, memoryDumps(stored), compressionOf(stored))) {
      expect(piece.length).toBeLessThanOrEqual(MIB);
      bytes += piece.length;
    }
    expect(bytes).toBe(20 * MIB);
  });

  test('from an offset on is the dump without what stands before', async () => {
    const offsets = fc.nat(MEMBERS_TEXT.length + 10);
    await fc.assert(
      fc.asyncProperty(offsets, async (offset) => {
        const expected = { bytes: MEMBERS_TEXT.subarray(offset) };
        expect(await read(MEMBERS_TEXT, offset)).toEqual(expected);
        expect(await read(MEMBERS, offset)).toEqual(expected);
      }),
    );
  });
});

describe('damaged gzip', () => {
  test('cut off after any byte: all that can be inflated is passed on, then it is unreadable', async () => {
    const lastBegins = MEMBERS.length - gzipSync('the end\n').length;
    const emptyBegins = GZIP.length;
    for (let size = 2; size < MEMBERS.length; size += 1) {
      if (size === emptyBegins || size === lastBegins) continue;
      const stored = MEMBERS.subarray(0, size);
      const { bytes, error } = await read(stored);
      expect([size, bytes]).toEqual([size, inflatable(stored)]);
      expect(error).toBeInstanceOf(DumpUnreadable);
    }
  });

  test('cut off exactly between two members cannot be told from a whole dump', async () => {
    expect(await read(MEMBERS.subarray(0, GZIP.length))).toEqual({ bytes: TEXT });
  });

  test('with any byte changed is whole all the same, or unreadable', async () => {
    for (let at = 2; at < GZIP.length; at += 1) {
      const { bytes, error } = await read(withChange(GZIP, at));
      if (error === undefined) expect([at, bytes]).toEqual([at, TEXT]);
      else expect(error).toBeInstanceOf(DumpUnreadable);
    }
  });

  test.each<[string, Buffer, string]>([
    ['a wrong checksum', withChange(GZIP, GZIP.length - 8), 'incorrect data check'],
    ['a wrong length', withChange(GZIP, GZIP.length - 1), 'incorrect length check'],
    ['garbage behind it', Buffer.concat([GZIP, Buffer.from('garbage')]), 'incorrect header check'],
    ['a newline behind it', Buffer.concat([GZIP, Buffer.from('\n')]), 'unexpected end of file'],
    ['zero bytes behind it', Buffer.concat([GZIP, Buffer.alloc(512)]), 'zero bytes follow'],
    ['zero bytes between members', Buffer.concat([GZIP, Buffer.alloc(7), GZIP]), 'zero bytes follow'],
    ['a damaged second member', Buffer.concat([GZIP, withChange(GZIP, 3)]), 'unknown header flags set'],
  ])('with %s: what stands before is passed on', async (_what, stored, why) => {
    const { bytes, error } = await read(stored);
    expect(bytes).toEqual(TEXT);
    expect(error).toBeInstanceOf(DumpUnreadable);
    expect(String(error)).toContain(why);
    expect(String(error)).toContain('s3://landing/day.ndjson is damaged');
  });

  test('from an offset on still gives all that stands before the damage', async () => {
    const stored = withChange(MEMBERS, MEMBERS.length - 5);
    for (const offset of [0, 1, TEXT.length, MEMBERS_TEXT.length - 1, MEMBERS_TEXT.length]) {
      const { bytes, error } = await read(stored, offset);
      expect(bytes.toString()).toBe(MEMBERS_TEXT.subarray(offset).toString());
      expect(error).toBeInstanceOf(DumpUnreadable);
    }
  });

  test('is found far behind the beginning too, wherever the slices end', async () => {
    const large = gzipSync(randomBytes(100_000));
    const text = gunzipSync(large);
    for (const end of [Buffer.from('garbage'), Buffer.alloc(70_000), Buffer.concat([Buffer.alloc(70_000), GZIP])]) {
      const { bytes, error } = await read(Buffer.concat([large, end]));
      expect(bytes.equals(text)).toBe(true);
      expect(error).toBeInstanceOf(DumpUnreadable);
    }
    const cut = large.subarray(0, 80_000);
    expect((await read(cut)).bytes.equals(inflatable(cut))).toBe(true);
  });
});

describe('zstd', () => {
  const checked = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
  const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);
  const one = zstdCompressSync(TEXT, checked);
  const end = zstdCompressSync('the end\n', checked);
  const frames = Buffer.concat([skippable, one, skippable, zstdCompressSync(''), end]);

  test.each<[string, Buffer, Buffer]>([
    ['of one frame', one, TEXT],
    ['of several frames, some of them to be skipped', frames, MEMBERS_TEXT],
    ['of nothing', zstdCompressSync(''), Buffer.alloc(0)],
  ])('%s comes whole, from any offset on and in ranges of any size', async (_what, stored, expected) => {
    const places = fc.tuple(fc.nat(expected.length + 10), fc.integer({ min: 1, max: stored.length }));
    await fc.assert(
      fc.asyncProperty(places, async ([offset, rangeBytes]) => {
        const dumps = { ...memoryDumps(stored), rangeBytes };
        expect(await read(stored, offset, dumps)).toEqual({ bytes: expected.subarray(offset) });
      }),
    );
  });

  test("cut off after any byte but a frame's last is unreadable, after all that could be read", async () => {
    const ends = new Set<number>();
    for (const part of [skippable, one, skippable, zstdCompressSync(''), end]) {
      ends.add([...ends].reduce((most, place) => Math.max(most, place), 0) + part.length);
    }
    for (let size = 4; size < frames.length; size += 1) {
      const { bytes, error } = await read(frames.subarray(0, size));
      expect([size, bytes]).toEqual([size, MEMBERS_TEXT.subarray(0, bytes.length)]);
      if (size >= skippable.length + one.length) expect(bytes.length).toBeGreaterThanOrEqual(TEXT.length);
      if (ends.has(size)) expect([size, error]).toEqual([size, undefined]);
      else expect(error).toBeInstanceOf(DumpUnreadable);
    }
  });

  test('with any byte changed is whole all the same, or unreadable', async () => {
    for (let at = 4; at < one.length; at += 1) {
      const { bytes, error } = await read(withChange(one, at));
      if (error === undefined) expect([at, bytes]).toEqual([at, TEXT]);
      else expect(error).toBeInstanceOf(DumpUnreadable);
    }
  });

  test.each<[string, Buffer]>([
    ['garbage', Buffer.from('garbage')],
    ['a newline', Buffer.from('\n')],
    ['zero bytes', Buffer.alloc(512)],
    ['gzip', GZIP],
  ])('with %s behind it: what stands before is passed on', async (_what, behind) => {
    const { bytes, error } = await read(Buffer.concat([one, behind]));
    expect(bytes).toEqual(TEXT);
    expect(String(error)).toContain('s3://landing/day.ndjson is damaged: zstd cannot be read on after about');
  });

  test('damaged far behind the beginning still gives all that stands before', async () => {
    const text = randomBytes(300_000);
    const large = Buffer.concat([
      zstdCompressSync(text.subarray(0, 200_000)),
      zstdCompressSync(text.subarray(200_000)),
    ]);
    const { bytes, error } = await read(large.subarray(0, large.length - 10));
    expect(bytes.equals(text.subarray(0, bytes.length))).toBe(true);
    expect(bytes.length).toBeGreaterThanOrEqual(200_000);
    expect(error).toBeInstanceOf(DumpUnreadable);
  });

  test('that inflates to thirty thousand times its size does not come at once', async () => {
    const piece = Buffer.alloc(MIB);
    const frame = Readable.from(Array.from({ length: 300 }, () => piece)).pipe(createZstdCompress());
    const stored = Buffer.concat(await frame.toArray());
    expect(stored.length).toBeLessThan(64 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    let inflated = 0;
    let most = 0;
    for await (const piece of readDump(dumpOf(stored), 0, memoryDumps(stored), 'zstd')) {
      inflated += piece.length;
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      expect(piece.length).toBeLessThanOrEqual(MIB);
    }
    expect(inflated).toBe(300 * MIB);
    expect(most).toBeLessThan(200 * MIB);
  });
});

describe('a dump that cannot be reached', () => {
  const text = Buffer.alloc(24 * MIB, '1\n');
  const stored = gzipSync(text, { level: 0 });

  test.each([
    ['plain', text],
    ['gzip', stored],
  ])('%s: the error of any range is passed on as it is, and nothing hangs', async (_form, bytes) => {
    for (const failing of [0, 1, 2]) {
      const failure = new Error(`read ${failing} failed`);
      const { dumps } = countingDumps(bytes, (read) => {
        if (read === failing) throw failure;
      });
      expect((await read(bytes, 0, dumps)).error).toBe(failure);
    }
  });

  test.each([
    ['plain', text],
    ['gzip', stored],
  ])('%s: who stops early leaves no request behind, and at most two ranges were asked for', async (_form, bytes) => {
    const { dumps, seen } = countingDumps(bytes);
    for await (const piece of readDump(dumpOf(bytes), 0, dumps, compressionOf(bytes))) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(seen).toEqual({ underWay: 0, furthest: 16 * MIB });
  });
});

/** `onRead` is told the number of each read, which takes a turn of the event loop. */
function countingDumps(bytes: Buffer, onRead: (read: number) => void = () => undefined) {
  const seen = { underWay: 0, furthest: 0 };
  let reads = 0;
  const dumps: Dumps = {
    ...memoryDumps(bytes),
    async read(dump, start, end) {
      const number = reads;
      reads += 1;
      seen.underWay += 1;
      seen.furthest = Math.max(seen.furthest, end);
      try {
        await nextTurn();
        onRead(number);
        return await memoryDumps(bytes).read(dump, start, end);
      } finally {
        seen.underWay -= 1;
      }
    },
  };
  return { dumps, seen };
}

function withChange(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
  return changed;
}
