/** Parquet: what its rows become, whatever codec, encoding and page layout they were written with. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { readRecords } from '../../../../lambdas/chunker/read-records.ts';
import { dumpOf, memoryDumps, sourceOf } from '../fixtures.ts';
import { faultsOf, readAll, valueOf } from './reading.ts';
import { runs } from '../../../runs.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/parquet');
const files = (pattern: string) => globSync(pattern, { cwd: FIXTURES }).toSorted();
const fixture = (name: string) => readFileSync(join(FIXTURES, name));
/** Written by test/fixtures/parquet/make.py, which made the files. */
const EXPECTED = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8'), (_key, value) =>
  value !== null && typeof value === 'object' && typeof value.bigint === 'string' ? BigInt(value.bigint) : value,
);

const read = (name: string) => readAll(fixture(name), { format: 'parquet', key: name });

test.each(files('codec-*'))('%s: flat and nested columns give the rows that were written', async (name) => {
  const { records, failure } = await read(name);
  expect(failure).toBeUndefined();
  expect(records.map(valueOf)).toEqual(EXPECTED.events);
});

test.each(files('encoding-*'))('%s gives the rows that were written', async (name) => {
  const { records, failure } = await read(name);
  expect(failure).toBeUndefined();
  const columns = ['event_type', 'user_id', 'count', 'big', 'price', 'paid'];
  const events: readonly Record<string, unknown>[] = EXPECTED.events;
  expect(records.map(valueOf)).toEqual(
    events.map((event) => Object.fromEntries(columns.map((column) => [column, event[column]]))),
  );
});

test.each(files('pages-*'))('%s: rows that stretch over many pages come whole', async (name) => {
  const { records, failure } = await read(name);
  expect(failure).toBeUndefined();
  expect(records.map(valueOf)).toEqual(EXPECTED.pages);
});

test.each(files('types*'))('%s: each type becomes what a map can use, and null stays null', async (name) => {
  const { records, failure } = await read(name);
  expect(failure).toBeUndefined();
  const [first, second] = records.map(valueOf);
  expect(Object.entries(first ?? {})).toEqual(Object.entries(EXPECTED.types[0]));
  expect(Object.entries(second ?? {})).toEqual(Object.entries(EXPECTED.types[1]));
});

test('INT96 is a time in UTC, to the nanosecond', async () => {
  const { records } = await read('int96.parquet');
  const times = ['1970-01-01T00:00:00.000Z', '2026-11-20T13:05:00.123456789Z', '1969-12-31T23:59:59.999999999Z', null];
  expect(records.map(valueOf)).toEqual(times.map((at) => ({ at })));
});

test('a row stands for itself as JSON, and its place is its number', async () => {
  const { records } = await read('not-a-number.parquet');
  expect(records[0]?.bytes.toString()).toBe('{"price":1.5,"who":"a"}');
  expect(records.map(({ position, end }) => [position, end])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 4],
  ]);
});

test('what is no number is a fault that names the column, and the other rows come', async () => {
  const outcome = await read('not-a-number.parquet');
  expect(faultsOf(outcome)).toEqual([
    '2: column has a value that cannot be read (column price: found NaN, expected a number)',
    '3: column has a value that cannot be read (column price: found Infinity, expected a number)',
  ]);
  expect(outcome.records[1]?.bytes.toString()).toBe('{"price":"NaN","who":"b"}');
  expect(outcome.failure).toBeUndefined();
});

test('bytes without a type are text where they are UTF-8, otherwise base64', async () => {
  const { records } = await read('binary.parquet');
  expect(records.map(valueOf)).toEqual([{ who: 'ok' }, { who: '/w==' }]);
});

test('a file without rows has no records', async () => {
  expect(await read('no-rows.parquet')).toEqual({ records: [] });
});

test.each(['codec-snappy-v1.parquet', 'pages-v1.parquet', 'pages-v2.parquet'])(
  '%s: read on from any row, it gives the rest',
  async (name) => {
    const { records } = await read(name);
    for (const { end, position } of records) {
      const rest = await readAll(fixture(name), { format: 'parquet', key: name, from: { offset: end, position } });
      expect(rest).toEqual({ records: records.slice(end) });
    }
  },
);

test('long rows come in blocks that memory can hold', async () => {
  const text = 'x'.repeat(1_000_000);
  const content = Buffer.from(
    parquetWriteBuffer({ columnData: [{ name: 'text', data: Array.from({ length: 20 }, (_, i) => `${i}${text}`) }] }),
  );
  const sizes: number[] = [];
  for await (const { records } of readRecords(
    dumpOf(content),
    sourceOf({}),
    { offset: 0, position: 0 },
    memoryDumps(content),
  ))
    sizes.push(records.length);
  expect(sizes).toEqual([5, 5, 5, 5]);
});

describe('a file that is damaged', () => {
  const good = fixture('checksum.parquet');
  const change = (at: number, write: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(good);
    write(bytes.subarray(at));
    return bytes;
  };

  test.each([
    ['another beginning', change(0, (bytes) => bytes.write('JUNK')), /is no Parquet file, which begins with PAR1/],
    ['another end', good.subarray(0, -1), /was cut off: a Parquet file ends with PAR1/],
    ['an encrypted footer', change(good.length - 4, (bytes) => bytes.write('PARE')), /is encrypted/],
    ['eleven bytes', Buffer.from('PAR1___PAR1'), /has at least 12 bytes, and this has 11/],
    [
      'a footer longer than the file',
      change(good.length - 8, (bytes) => bytes.writeUInt32LE(99_999)),
      /footer claims 99999 bytes/,
    ],
    ['no footer', Buffer.from('PAR1\0\0\0\0PAR1'), /its footer cannot be read/],
    [
      'a byte of a page changed',
      change(60, (bytes) => bytes.writeUInt8((bytes[0] ?? 0) ^ 1)),
      /row group 0 cannot be read on after row 0 \(column event_type: .*\); drop a whole copy/,
    ],
  ])('%s is told', async (_what, content, message) => {
    const { records, failure } = await readAll(content, { format: 'parquet' });
    expect(records).toEqual([]);
    expect(failure).toMatch(message);
  });

  test('the rows before a damaged page come, from row groups before it and from its own', async () => {
    const name = 'pages-v2.parquet';
    const content = fixture(name);
    const whole = (await read(name)).records;
    const damaged = Buffer.from(content);
    damaged.fill(0xee, Math.floor(content.length * 0.6), Math.floor(content.length * 0.6) + 40);
    const { records, failure } = await readAll(damaged, { format: 'parquet', key: name });
    expect(failure).toMatch(new RegExp(`row group 1 cannot be read on after row ${records.length} \\(column list\\.`));
    expect(records.length).toBeGreaterThan(70);
    expect(records).toEqual(whole.slice(0, records.length));
  });

  test('a codec that is not known is named with its column', async () => {
    const content = fixture('codec-brotli-v1.parquet');
    // In the footer, where each column's codec (4, brotli, is 8 in zigzag) stands between its path and its number of values.
    const at = content.indexOf(Buffer.from('event_type\x15\x08\x16', 'latin1'));
    content.writeUInt8(6, at + 11);
    const { failure } = await readAll(content, { format: 'parquet' });
    expect(failure).toMatch(/column event_type is compressed with LZO; write it with snappy, gzip, zstd/);
  });

  test.each(['codec-zstd-v2.parquet', 'encoding-delta-v1.parquet', 'encoding-dictionary-v2.parquet'])(
    '%s cut anywhere never passes for whole',
    async (name) => {
      const content = fixture(name);
      for (let length = 1; length < content.length; length += 7) {
        const { records, failure } = await readAll(content.subarray(0, length), { format: 'parquet' });
        expect([length, records.length, failure]).toEqual([length, 0, expect.stringMatching(/day/)]);
      }
    },
  );

  test('changed anywhere, it gives rows or DumpUnreadable, in little time and memory', async () => {
    const some = files('*.parquet').map(fixture);
    const mutation = fc.record({
      at: fc.nat(),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff)),
      length: fc.integer({ min: 1, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...some),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        async (content, mutations) => {
          const bytes = Buffer.from(content);
          for (const { at, byte, length } of mutations) {
            const start = 4 + (at % (bytes.length - 16));
            bytes.fill(byte, start, Math.min(start + length, bytes.length - 8));
          }
          const { records } = await readAll(bytes, { format: 'parquet' });
          expect(records.length).toBeLessThanOrEqual(200);
        },
      ),
      { numRuns: runs(1_500) },
    );
    expect(process.memoryUsage().rss).toBeLessThan(1_500_000_000);
  });

  test('changed anywhere before its footer, it gives every row, or those up to the damage and says so', async () => {
    const some = await Promise.all(
      files('*.parquet').map(async (name) => ({
        name,
        content: fixture(name),
        rows: (await read(name)).records.length,
      })),
    );
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...some),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        async ({ name, content, rows }, changes) => {
          const bytes = Buffer.from(content);
          const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
          for (const { at, byte } of changes) if (footer > 4) bytes[4 + (at % (footer - 4))] = byte;
          const { records, failure } = await readAll(bytes, { format: 'parquet', key: name });
          expect(records.map(({ position }) => position)).toEqual(records.map((_, i) => i + 1));
          if (failure === undefined) expect(records).toHaveLength(rows);
          else expect(records.length).toBeLessThan(rows);
        },
      ),
      { numRuns: runs(500) },
    );
  });

  test('any bytes between the marks give DumpUnreadable', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const length = Buffer.alloc(4);
        length.writeUInt32LE(bytes.length);
        const content = Buffer.concat([Buffer.from('PAR1'), bytes, length, Buffer.from('PAR1')]);
        expect((await readAll(content, { format: 'parquet' })).failure).toBeDefined();
      }),
    );
  });
});

test.each(['parquet', 'zip'] as const)('%s: what cannot be read now is no damage', async (format) => {
  const content = format === 'zip' ? readFileSync(join(FIXTURES, '../zip/deflated.zip')) : fixture('pages-v1.parquet');
  for (let working = 1; ; working += 1) {
    let calls = 0;
    const dumps = memoryDumps(content);
    const failing: typeof dumps = {
      ...dumps,
      read: async (...range) => {
        calls += 1;
        if (calls > working) throw new Error('connection reset');
        return dumps.read(...range);
      },
    };
    const reading = collect(readRecords(dumpOf(content), sourceOf({ format: { type: format } }), START, failing));
    if ((await reading.catch((error: Error) => error.message)) !== 'connection reset') break;
    expect(working).toBeLessThan(50);
  }
  expect(
    (await collect(readRecords(dumpOf(content), sourceOf({}), START, memoryDumps(content)))).length,
  ).toBeGreaterThan(0);
});

const START = { offset: 0, position: 0 };

async function collect(blocks: ReturnType<typeof readRecords>) {
  const failures: string[] = [];
  const records: unknown[] = [];
  for await (const block of blocks) {
    records.push(...block.records);
    if (block.failure !== undefined) failures.push(block.failure);
  }
  expect(failures).toEqual([]);
  return records;
}
