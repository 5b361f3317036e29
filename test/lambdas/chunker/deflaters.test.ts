/** Compressors that are used again: none of them mixes up texts. */
import { randomBytes } from 'node:crypto';
import { constants, inflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { deflateText } from '../../../lambdas/chunker/deflaters.ts';

const inflate = (body: Buffer) => inflateRawSync(body, { finishFlush: constants.Z_SYNC_FLUSH });

/** From one byte to several pieces of output that hardly compress. */
const TEXTS = [1, 100, 40_000, 300_000, 1_500_000].flatMap((bytes) => [
  Buffer.alloc(bytes, 'an event, '),
  randomBytes(bytes),
]);

test('many texts at a time each come back whole', async () => {
  const bodies = await Promise.all([...TEXTS, ...TEXTS].map(deflateText));
  expect(bodies.map((body, i) => inflate(body).equals(TEXTS[i % TEXTS.length] ?? body))).not.toContain(false);
});

test('a text gives the same bytes whatever was compressed before it', async () => {
  const first = await Promise.all(TEXTS.map(deflateText));
  const again = await Promise.all(TEXTS.toReversed().map(deflateText));
  expect(again.toReversed().map((body, i) => body.equals(first[i] ?? Buffer.alloc(0)))).not.toContain(false);
});

test('a body ends on a byte boundary, and is no last block', async () => {
  const body = await deflateText(Buffer.from('[1,2,3]'));
  expect(body.subarray(-4)).toEqual(Buffer.of(0, 0, 0xff, 0xff));
  expect(inflate(Buffer.concat([body, body])).toString()).toBe('[1,2,3][1,2,3]');
});
