/** Which chunks go out in one request. */
import { expect, test } from 'vitest';
import { howManyFit } from '../../../lambdas/uploader/upload-together.ts';
import type { Api } from '../../../shared/amplitude-limits.ts';
import type { ChunkHeader } from '../../../shared/chunk.ts';
import { defineImporter } from '../../../shared/config.ts';
import { DUMP, RUN } from './chunks.ts';

const SMALL = { events: 100, hottest: 5, textBytes: 10_000 };
const AFTER = { segment: 0, number: 9 };

function howMany(api: Api, ...chunks: readonly Partial<ChunkHeader>[]): number {
  const [source] = defineImporter({ sources: [{ name: 'web', api, project: { secret: 'key' } }] }).sources;
  if (!source) throw new Error('expected a source');
  const headers = chunks.map((chunk, number): ChunkHeader => {
    const place = { segment: 0, number, lane: 0, spread: 1, crc32: 0, positions: [] };
    return { ...RUN, ...place, source: 'web', bucket: DUMP.bucket, key: DUMP.key, ...SMALL, ...chunk };
  });
  return howManyFit(headers, source);
}

test.each<[string, Api, readonly Partial<ChunkHeader>[], number]>([
  ['one alone', 'batch', [{}], 1],
  ['small ones all together', 'batch', [{}, {}, {}], 3],
  ['those of different dumps too', 'batch', [{}, { dumpId: 'other', number: 0 }], 2],
  ['as many as have 2,000 events', 'batch', [{ events: 1_000 }, { events: 1_000 }, { events: 1 }], 2],
  [
    'as many as one request has bytes for',
    'http-v2',
    [{ textBytes: 500_000 }, { textBytes: 400_000 }, { textBytes: 100_000 }],
    2,
  ],
  [
    'as many as have a tenth of what Amplitude takes of a device in its window',
    'http-v2',
    [{ hottest: 60 }, { hottest: 30 }, { hottest: 1 }],
    2,
  ],
  ['one that is too much by itself', 'http-v2', [{ hottest: 500 }, {}], 1],
  ['those before one that comes after a chunk of another lane', 'batch', [{}, { after: AFTER }, {}], 1],
  ['such a one with those behind it', 'batch', [{ after: AFTER }, {}, {}], 3],
  ['those of one source, which has its own key and API', 'batch', [{}, { source: 'app' }, {}], 1],
  ['each once', 'batch', [{}, {}, { number: 0 }], 2],
])('%s', (_, api, chunks, fit) => {
  expect(howMany(api, ...chunks)).toBe(fit);
});
