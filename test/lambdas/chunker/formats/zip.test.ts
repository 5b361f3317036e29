/** Zip: the lines of its files, in the order of their names, and what is said of those that cannot be read. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { type Zippable, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { compressionOf } from '../../../../lambdas/chunker/inflate.ts';
import { readAll } from './reading.ts';
import { runs } from '../../../runs.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/zip');
const fixture = (name: string) => readFileSync(join(FIXTURES, name));

const zip = (files: Zippable) => Buffer.from(zipSync(files, { mtime: '2026-11-20' }));
const lines = (...records: readonly string[]) => Buffer.from(records.map((record) => `${record}\n`).join(''));
const read = (content: Buffer, from?: { offset: number; position: number }) =>
  readAll(content, { format: 'zip', key: 'day.zip', ...(from && { from }) });
const textsOf = ({ records }: Awaited<ReturnType<typeof read>>) => records.map(({ bytes }) => bytes.toString());

test.each(['deflated.zip', 'stored.zip', 'zip64.zip', 'streamed.zip'])(
  '%s, as an archiver writes it: gzipped files in folders come in the order of their names, 2 before 10',
  async (name) => {
    const outcome = await read(fixture(name));
    expect(outcome.failure).toBeUndefined();
    const hours = outcome.records.map(({ bytes }) => JSON.parse(bytes.toString()).from.slice(23));
    expect(hours).toEqual(
      ['2#0', '2#0', '2#0', '10#0', '10#0', '10#0', '10#1', '10#1', '10#1'].map((hour) => `${hour}.json.gz`),
    );
    expect(outcome.records.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(outcome.records.at(4)?.within).toEqual({ name: 'export/1234_2026-11-20_10#0.json.gz', before: 3 });
  },
);

test('markers, merged ids, folders and what archivers leave behind are no records', async () => {
  const content = zip({
    'export/': new Uint8Array(0),
    'export/1_2026-11-20_1#0.json.gz': gzipSync('{"a":1}\n'),
    'export/-77_2026-11-20_1.json.gz': gzipSync('{"amplitude_id":1,"merged_amplitude_id":2}\n'),
    'export/complete': lines('done'),
    'export/_SUCCESS': new Uint8Array(0),
    'export/.DS_Store': lines('x'),
    '__MACOSX/export/._1_2026-11-20_1#0.json.gz': lines('x'),
  });
  const outcome = await read(content);
  expect(outcome.failure).toBeUndefined();
  expect(textsOf(outcome)).toEqual(['{"a":1}']);
});

test('plain and compressed files are told apart by their first bytes, not by their names', async () => {
  const content = zip({
    'a.json.gz': lines('{"a":1}'),
    'b.ndjson': gzipSync('{"a":2}\n'),
    'c.JSONL': lines('{"a":3}'),
  });
  expect(textsOf(await read(content))).toEqual(['{"a":1}', '{"a":2}', '{"a":3}']);
});

test('a file without a line end at its end does not run into the next one', async () => {
  const content = zip({ 'a.json': Buffer.from('{"a":1}'), 'b.json': Buffer.from('\ufeff{"a":2}\r\n\r\n{"a":3}') });
  const outcome = await read(content);
  expect(textsOf(outcome)).toEqual(['{"a":1}', '{"a":2}', '{"a":3}']);
  expect(outcome.records.map(({ position, within }) => position - (within?.before ?? 0))).toEqual([1, 1, 3]);
});

test('an empty zip has no records', async () => {
  expect(await read(zip({}))).toEqual({ records: [] });
});

test('a file of another kind is named, and the others are read', async () => {
  const outcome = await read(zip({ 'a.csv': lines('a,b'), 'b.json': lines('{"a":1}') }));
  expect(textsOf(outcome)).toEqual(['{"a":1}']);
  expect(outcome.failure).toMatch(/day\.zip\/a\.csv cannot be read: a file in a zip must be \.json/);
});

test('a method of compression that is not known is named, once for each of few files', async () => {
  const outcome = await read(fixture('bzip2.zip'));
  expect(outcome.records).toEqual([]);
  expect(outcome.failure).toMatch(
    /_2#0\.json\.gz cannot be read: it is compressed with method 12 of zip; zip it with deflate/,
  );
  expect(outcome.failure?.split('\n')).toHaveLength(3);
});

test('of many files that cannot be read three are named and the others counted', async () => {
  const files = Object.fromEntries([1, 2, 3, 4, 5].map((i) => [`${i}.csv`, lines('a')]));
  expect((await read(zip(files))).failure?.split('\n').at(-1)).toBe('2 more files could not be read whole');
});

describe('a zip that is damaged', () => {
  const good = zip({
    'a.json.gz': gzipSync(lines(...Array.from({ length: 500 }, (_, i) => `{"a":${i}}`))),
    'b.json': lines('{"b":1}', '{"b":2}'),
    'c.json': [lines('{"c":1}'), { level: 0 }],
  });
  const patched = (find: string, change: (bytes: Buffer, at: number) => void) => {
    const content = Buffer.from(good);
    change(content, content.indexOf(find, 'latin1'));
    return content;
  };

  test('without its end has no directory, and says so', async () => {
    const { records, failure } = await read(good.subarray(0, good.length - 30));
    expect(records).toEqual([]);
    expect(failure).toMatch(
      /day\.zip is damaged: its directory, which stands at its end, cannot be read .*; drop a whole copy/,
    );
  });

  test('a password is asked for in vain', async () => {
    const content = patched('PK\x01\x02', (bytes, at) => bytes.writeUInt16LE(1, at + 8));
    const outcome = await read(content);
    expect(outcome.failure).toMatch(/a\.json\.gz cannot be read: it is encrypted; zip it without a password/);
    expect(textsOf(outcome)).toEqual(['{"b":1}', '{"b":2}', '{"c":1}']);
  });

  test('a changed byte is noticed by the checksum, and the other files are read', async () => {
    const content = patched('{"c":1}', (bytes, at) => bytes.write('9', at + 5));
    const outcome = await read(content);
    expect(outcome.failure).toMatch(/c\.json is damaged: its checksum is wrong/);
    expect(textsOf(outcome).slice(-3)).toEqual(['{"b":1}', '{"b":2}', '{"c":9}']);
  });

  test('everything before the damage in a file comes, and the files behind it', async () => {
    const content = patched('a.json.gz', (bytes, at) => bytes.fill(0xff, at + 9 + 400, at + 9 + 420));
    const outcome = await read(content);
    expect(outcome.failure).toMatch(/a\.json\.gz is damaged/);
    const texts = textsOf(outcome);
    expect(texts.slice(-3)).toEqual(['{"b":1}', '{"b":2}', '{"c":1}']);
    expect(texts.length).toBeGreaterThan(100);
    expect(texts.slice(0, -3)).toEqual(Array.from({ length: texts.length - 3 }, (_, i) => `{"a":${i}}`));
  });

  test('cut anywhere, it never passes for whole', async () => {
    const whole = textsOf(await read(good));
    for (let length = 1; length < good.length; length += 1) {
      const outcome = await read(good.subarray(0, length));
      expect(outcome.failure, `cut at ${length}`).toBeDefined();
      expect(whole).toEqual(expect.arrayContaining(textsOf(outcome)));
    }
  });

  test('changed before its directory, it gives every line or says that it is damaged', async () => {
    const stored = zip({
      'a.json': [lines('{"a":1}', '{"a":2}'), { level: 0 }],
      'b.json': [lines('{"b":1}'), { level: 0 }],
    });
    const some = await Promise.all(
      [good, stored].map(async (content) => ({ content, whole: textsOf(await read(content)) })),
    );
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...some),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        async ({ content, whole }, changes) => {
          const bytes = Buffer.from(content);
          const end = bytes.indexOf('PK\x01\x02', 'latin1');
          for (const { at, byte } of changes) bytes[at % end] = byte;
          const outcome = await read(bytes);
          if (outcome.failure === undefined) expect(textsOf(outcome)).toEqual(whole);
        },
      ),
      { numRuns: runs(50) },
    );
  });

  test('changed anywhere, it gives records or DumpUnreadable', async () => {
    const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const content = Buffer.from(good);
        for (const { at, byte } of changes) content[at] = byte;
        const { records } = await read(content);
        expect(records.length).toBeLessThan(10_000);
      }),
      { numRuns: runs(100) },
    );
  });
});

test('any bytes give DumpUnreadable', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
      expect((await read(Buffer.from(bytes))).failure).toBeDefined();
    }),
  );
});

test('of any bytes in its files every byte is of a record or between two lines', async () => {
  const part = fc.oneof(
    fc
      .constantFrom('\n', '\r\n', ' ', '\t', '\ufeff', '\0', '{"a":1}', '{', '"', 'PK\x01\x02')
      .map((some) => Buffer.from(some)),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
    // Also those of a mark by themselves: a record may be a piece of the mark before it.
    fc.constantFrom(0xef, 0xbb, 0xbf).map((byte) => Buffer.from([byte])),
  );
  const anyBytes = fc.array(part, { maxLength: 20 }).map((parts) => Buffer.concat(parts));
  const anyFile = fc.oneof(
    anyBytes.map((bytes) => ({ bytes, stored: gzipSync(bytes) })),
    anyBytes.filter((bytes) => compressionOf(bytes) === undefined).map((bytes) => ({ bytes, stored: bytes })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(anyFile, { maxLength: 4 }), async (files) => {
      const named = files.map(({ stored }, i) => [`${i}.json`, stored] as const);
      const { records, failure } = await read(zip(Object.fromEntries(named)));
      expect(failure).toBeUndefined();
      expect(records.map(({ position }) => position)).toEqual(
        records.map(({ position }) => position).toSorted((a, b) => a - b),
      );
      for (const [i, { bytes }] of files.entries()) {
        let at = bytes.indexOf('\ufeff') === 0 ? 3 : 0;
        const between = records
          .filter(({ within }) => within?.name === `${i}.json`)
          .map((record) => {
            const start = bytes.indexOf(record.bytes, at);
            const gap = bytes.subarray(at, start);
            at = start + record.length;
            return gap;
          });
        expect(Buffer.concat([...between, bytes.subarray(at)]).toString()).toMatch(/^[ \t\r\n]*$/);
      }
    }),
    { numRuns: runs(200) },
  );
});

test('read on from any record, it gives the rest', async () => {
  const file = fc.record({
    texts: fc.array(fc.constantFrom('{"a":1}', '', '  ', 'no json', '{"b":"ø"}'), { maxLength: 6 }),
    isGzip: fc.boolean(),
    end: fc.constantFrom('', '\n', '\r\n'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(file, { maxLength: 4 }), async (files) => {
      const named = files.map(({ texts, isGzip, end }, i) => {
        const content = Buffer.from(texts.join('\n') + end);
        return [`${i}.json`, isGzip ? gzipSync(content) : content] as const;
      });
      const content = zip(Object.fromEntries(named));
      const { records } = await read(content);
      for (const [i, { end, position }] of records.entries()) {
        expect((await read(content, { offset: end, position })).records).toEqual(records.slice(i + 1));
      }
    }),
    { numRuns: runs(40) },
  );
});
