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

/** Much alike, of all lengths: what is left of one could stand in for a part of another. */
const LINES = Array.from({ length: 60 }, (_, text) => {
  const events = Array.from({ length: 1 + ((text * 7919) % (text % 3 === 0 ? 3_000 : 40)) }, (__, i) => {
    return `{"event_type":"visit","user_id":"user-${(i * 31 + text) % 5}","event_properties":{"text":"${' '.repeat((i * 17) % 4)}","n":${(i * text * 7919) % 1_000}}}`;
  });
  return Buffer.from(events.join(','));
});

test('a text gives the same bytes whatever was compressed before it', async () => {
  const first = await Promise.all(LINES.map(deflateText));
  for (let round = 1; round <= 10; round += 1) {
    const order = LINES.map((_, i) => (i * 7 + round * 13) % LINES.length);
    const again = await Promise.all(order.map((i) => deflateText(LINES[i] ?? Buffer.alloc(0))));
    expect(again.map((body, at) => body.equals(first[order[at] ?? 0] ?? Buffer.alloc(0)))).not.toContain(false);
  }
});

test('a body ends on a byte boundary, and is no last block', async () => {
  const body = await deflateText(Buffer.from('[1,2,3]'));
  expect(body.subarray(-4)).toEqual(Buffer.of(0, 0, 0xff, 0xff));
  expect(inflate(Buffer.concat([body, body])).toString()).toBe('[1,2,3][1,2,3]');
});
