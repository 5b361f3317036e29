/** Dumps of every format, larger than one invocation or one reader: stopped by a deadline and gone on with, or cut into parts. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { makeReady, type MakeReadyOutcome } from '../../../lambdas/chunker/make-ready.ts';
import { findParts } from '../../../lambdas/chunker/parts.ts';
import type { Format } from '../../../shared/format-settings.ts';
import { eventTexts, LEASE_MS, openChunker, rejectLines, type RunChanges, takeChunks } from './chunker.ts';
import { memoryDumps, sourceOf } from './fixtures.ts';
import { type FormatInput, formatFrom } from './formats/reading.ts';

/** A tenth of the records is of no use. */
const RECORDS = Array.from({ length: 90 }, (_, i) => ({
  event_type: i % 10 === 4 ? '' : 'visit',
  user_id: `user-${(i * i) % 7}`,
  insert_id: `event-${i}`,
}));
const json = RECORDS.map((record) => JSON.stringify(record));
const columns = ['event_type', 'user_id', 'insert_id'] as const;
const table = (delimiter: string, lineEnd: string) =>
  [columns.join(delimiter), ...RECORDS.map((record) => columns.map((name) => record[name]).join(delimiter))]
    .map((row) => row + lineEnd)
    .join('');
const parquet = Buffer.from(
  parquetWriteBuffer({
    columnData: columns.map((name) => ({ name, data: RECORDS.map((record) => record[name]) })),
    rowGroupSize: 13,
  }),
);
const zipped = Object.fromEntries(
  [0, 1, 2].map((i) => [`${i}.ndjson`, Buffer.from(json.slice(30 * i, 30 * i + 30).join('\n'))]),
);

type Written = { readonly format: FormatInput; readonly content: Buffer | string };

const PACKED: Readonly<Record<string, Written>> = {
  'NDJSON in gzip': { format: 'ndjson', content: gzipSync(json.join('\n')) },
  'NDJSON in zstd': { format: 'ndjson', content: zstdCompressSync(json.join('\n')) },
  'a JSON array': { format: 'json-array', content: `[${json.join(',\n')}]` },
  'CSV with quotes': { format: 'csv', content: table(',', '\n') },
  'TSV with quotes': { format: 'tsv', content: table('\t', '\r\n') },
  'a zip': { format: 'zip', content: Buffer.from(zipSync(zipped)) },
};
const CUT: Readonly<Record<string, Written>> = {
  NDJSON: { format: 'ndjson', content: json.join('\n') },
  'NDJSON with CRLF': { format: 'ndjson', content: `${json.join('\r\n')}\r\n` },
  'CSV without quotes': { format: { type: 'csv', quote: '' }, content: table(',', '\n') },
  'CSV without quotes, with CRLF': { format: { type: 'csv', quote: '' }, content: table(',', '\r\n') },
  'TSV without quotes': { format: { type: 'tsv', quote: '' }, content: table('\t', '\n') },
  Parquet: { format: 'parquet', content: parquet },
};

const sourceFor = (format: FormatInput) => sourceOf({ format: formatFrom(format), caps: { eventsPerChunk: 3 } });

function openOf({ format, content }: Written, partBytes?: number) {
  const importer = { lanes: 4, uploaders: 8, segmentRecords: 8, ...(partBytes !== undefined && { partBytes }) };
  return openChunker(content, { source: sourceFor(format), importer });
}

/** Reads it to its end; `deadlineMs` is how long each invocation may take, where reading a range takes a second. */
async function read(chunker: ReturnType<typeof openChunker>, deadlineMs: number, changes: RunChanges = {}) {
  const { dumps } = chunker.ports;
  const slow: typeof dumps.read = (...range) => {
    chunker.clock.advance(1_000);
    return dumps.read(...range);
  };
  for (let invocations = 1; ; invocations += 1) {
    const deadline = chunker.clock.now() + deadlineMs;
    const ports = { dumps: { ...dumps, read: slow, rangeBytes: 150 }, msLeft: () => deadline - chunker.clock.now() };
    const outcome = await chunker.run({ ...ports, ...changes });
    if (outcome.kind === 'unfinished') continue;
    expect(outcome).toMatchObject({ kind: 'read' });
    const taken = await takeChunks(chunker);
    const chunks = taken.toSorted((a, b) => a.segment - b.segment || a.number - b.number);
    const placed = chunks.flatMap((chunk) => eventTexts(chunk).map((text, i) => `${chunk.positions[i]} ${text}`));
    const found = chunks.map(({ segment, number, positions, after }) => ({ segment, number, positions, after }));
    return { invocations, events: placed.toSorted(), chunks: found, rejects: await rejectLines(chunker) };
  }
}

test.each(Object.entries({ ...PACKED, ...CUT }))(
  '%s that takes longer than an invocation is gone on with until it is read, and gives the same',
  async (_, written) => {
    const { invocations, ...whole } = await read(openOf(written), LEASE_MS);
    const { invocations: several, ...stopped } = await read(openOf(written), 62_000);
    expect(whole.events).toHaveLength(81);
    expect(whole.rejects).toHaveLength(9);
    expect(stopped).toEqual(whole);
    expect([invocations, several > 3]).toEqual([1, true]);
  },
);

describe('a dump is cut', () => {
  test.each(Object.entries(CUT))('when it is %s, and its parts can be made ready', async (_, written) => {
    const whole = await read(openOf(written), LEASE_MS);
    const partBytes = Math.floor(written.content.length / 6);
    const alone = await read(openOf(written, partBytes), LEASE_MS);
    const chunker = openOf(written, partBytes);
    const made: MakeReadyOutcome[] = [];
    let taken = 0;
    const ask = async (parts: number) => {
      for (let part = 1; part <= parts; part += 1) {
        made.push(await makeReady({ ...chunker.request, part }, chunker.ports));
      }
    };
    const get = async (key: string) => {
      const found = await chunker.results.get(key);
      taken += found ? 1 : 0;
      return found;
    };
    const helped = await read(chunker, LEASE_MS, { askForParts: ask, results: { ...chunker.results, get } });
    expect(helped).toEqual(alone);
    expect({ events: helped.events, rejects: helped.rejects }).toEqual({
      events: whole.events,
      rejects: whole.rejects,
    });
    const segments = made.reduce((sum, one) => sum + one.segments, 0);
    expect(made.map(({ kind }) => kind)).toEqual(made.map(() => 'ready'));
    expect([taken, made.length >= 2, segments >= made.length]).toEqual([segments, true, true]);
  });

  test.each(Object.entries(PACKED))('not when it is %s', async (_, { format, content }) => {
    expect(await partsOf({ format, content }, 100)).toEqual([]);
  });

  test.each([
    ['from twice the bytes of a part on', 199, []],
    ['from twice the bytes of a part on', 200, [100]],
    ['into parts of so many bytes and a longer last one', 399, [100, 200]],
  ])('%s: of %i bytes at %j', async (_, size, starts) => {
    const content = `{"a":1}\n`.repeat(50).slice(0, size);
    expect(await partsOf({ format: 'ndjson', content }, 100)).toEqual(starts);
  });

  test('of Parquet between row groups', async () => {
    expect(await partsOf({ format: 'parquet', content: parquet }, 1)).toEqual([13, 26, 39, 52, 65, 78]);
  });

  test('not where insert_ids are made from positions, unless the format knows them', async () => {
    const settings = { insertId: 'position' as const };
    expect(await partsOf({ format: 'ndjson', content: json.join('\n') }, 100, settings)).toEqual([]);
    expect(await partsOf({ format: 'parquet', content: parquet }, 1, settings)).toHaveLength(6);
  });

  test('not when nothing can be read of it: its reader says why', async () => {
    expect(await partsOf({ format: 'parquet', content: Buffer.alloc(1_000) }, 100)).toEqual([]);
  });
});

async function partsOf(
  { format, content }: Written,
  partBytes: number,
  settings: { readonly insertId?: 'position' } = {},
): Promise<readonly number[]> {
  const bytes = Buffer.from(content);
  const dump = { bucket: 'landing', key: 'day', etag: 'e1', size: bytes.length };
  const source: { format: Format } & ReturnType<typeof sourceOf> = {
    ...sourceOf(settings),
    format: formatFrom(format),
  };
  return (await findParts(dump, source, { partBytes }, memoryDumps(bytes))).starts;
}
