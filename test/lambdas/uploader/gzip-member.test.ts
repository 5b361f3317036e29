/** A request body spliced together from compressed text is an ordinary gzip file, to everyone. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { deflateText } from '../../../lambdas/uploader/amplitude.ts';
import { combineCrc32, gzipMember } from '../../../lambdas/uploader/gzip-member.ts';
import { temporaryDirectory } from '../../shared/temporary.ts';
import { runs } from '../../runs.ts';

type Parts = { readonly prefix: Buffer; readonly texts: readonly Buffer[]; separator: Buffer; suffix: Buffer };

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
/** What compresses well and what does not, short and long. */
const text = fc.oneof(
  bytes(300),
  fc
    .record({ piece: bytes(40), times: fc.nat(3_000) })
    .map(({ piece, times }) => Buffer.alloc(piece.length * times, piece)),
);
const parts: fc.Arbitrary<Parts> = fc.record({
  prefix: bytes(200),
  texts: fc.array(text, { maxLength: 4 }),
  separator: bytes(4),
  suffix: bytes(60),
});

test('unpacked it is prefix, texts with separators between them, and suffix', async () => {
  const property = fc.asyncProperty(parts, async (some) => {
    expect(gunzipSync(await memberOf(some)).equals(joined(some))).toBe(true);
  });
  await fc.assert(property, { numRuns: runs(300) });
});

test('the longest prefix and suffix that fit a stored block', async () => {
  const longest = Buffer.alloc(65_535, 'x');
  const some = { prefix: longest, texts: [Buffer.from('{}')], separator: longest, suffix: longest };
  expect(gunzipSync(await memberOf(some)).equals(joined(some))).toBe(true);
});

test.each(['prefix', 'separator', 'suffix'])('a %s too long for a stored block is refused, not cut', async (name) => {
  const texts = await Promise.all(['a', 'b'].map((letter) => deflateText(Buffer.from(letter))));
  const one = (part: string) => Buffer.alloc(part === name ? 65_536 : 1, 'x');
  expect(() => gzipMember(one('prefix'), texts, one('separator'), one('suffix'))).toThrow(
    'a stored block holds at most 65535 bytes, not 65536',
  );
});

test('gunzip takes it for a file of its own', async ({ skip }) => {
  skip(isMissing('gunzip'), 'gunzip is not installed');
  const { files, texts } = await samples();
  execFileSync('gunzip', ['--test', ...files]);
  expect(execFileSync('gunzip', ['-c', ...files]).equals(Buffer.concat(texts))).toBe(true);
});

test("Python's gzip takes it for a file of its own", async ({ skip }) => {
  skip(isMissing('python3'), 'python3 is not installed');
  const { files, texts } = await samples();
  const script =
    'import gzip, hashlib, sys\nfor f in sys.argv[1:]: print(hashlib.sha256(gzip.open(f).read()).hexdigest())';
  const hashes = execFileSync('python3', ['-c', script, ...files])
    .toString()
    .trim()
    .split('\n');
  expect(hashes).toEqual(texts.map((one) => createHash('sha256').update(one).digest('hex')));
});

test('the checksum of two texts one after the other follows from theirs', () => {
  const property = fc.property(text, text, (first, second) => {
    expect(combineCrc32(crc32(first), crc32(second), second.length)).toBe(crc32(Buffer.concat([first, second])));
  });
  fc.assert(property, { numRuns: runs(300) });
});

test('the checksum before or after nothing is the other one', () => {
  const some = crc32('some');
  expect(combineCrc32(some, 0, 0)).toBe(some);
  expect(combineCrc32(0, some, 4)).toBe(some);
});

test('the checksum of a text of many gigabytes can be combined too', () => {
  // 5 GB of zeros, put together by doubling 5 MB of them ten times.
  let length = 5_000_000;
  let zeros = crc32(Buffer.alloc(length));
  for (let i = 0; i < 10; i += 1) {
    zeros = combineCrc32(zeros, zeros, length);
    length *= 2;
  }
  const front = combineCrc32(crc32('front'), zeros, length);
  const whole = combineCrc32(front, crc32('back'), 4);
  expect(whole).toBe(combineCrc32(crc32('front'), combineCrc32(zeros, crc32('back'), 4), length + 4));
});

async function memberOf({ prefix, texts, separator, suffix }: Parts): Promise<Buffer> {
  return gzipMember(prefix, await Promise.all(texts.map(deflateText)), separator, suffix);
}

function joined({ prefix, texts, separator, suffix }: Parts): Buffer {
  const separated = texts.flatMap((one, i) => (i === 0 ? [one] : [separator, one]));
  return Buffer.concat([prefix, ...separated, suffix]);
}

/** Some members, as files. */
async function samples(): Promise<{ files: string[]; texts: Buffer[] }> {
  const directory = temporaryDirectory();
  const some = fc.sample(parts, { numRuns: 40, seed: 1 });
  const members = await Promise.all(some.map(memberOf));
  const files = members.map((_, i) => join(directory, `${i}.gz`));
  for (const [i, member] of members.entries()) writeFileSync(files[i] ?? '', member);
  return { files, texts: some.map(joined) };
}

/** A machine may lack it; CI has all of them, and there the test fails instead. */
function isMissing(program: string): boolean {
  return !process.env.CI && spawnSync(program, ['--version']).status !== 0;
}
