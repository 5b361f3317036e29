/** What holds for every format that is read as a stream. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FormatInput, readAll, valueOf, valuesOf, type WhatWasRead } from './reading.ts';
import { runs } from '../../../runs.ts';

/** A record that every format can hold; the last field ends with a bracket, so that half of it is nothing. */
type Visit = {
  readonly event_type: string;
  readonly user_id: string;
  readonly price: number;
  readonly paid: boolean;
  readonly event_properties: { readonly text: string };
};

const text = fc.oneof(
  fc.constantFrom(
    '',
    ',',
    '"',
    '""',
    'a,"b"\r\n,c',
    '\n',
    '\r',
    '\t',
    ']',
    '}],[{',
    '\\',
    '\\"',
    '\u2028',
    '💶',
    'NULL',
  ),
  fc.string({ unit: 'binary' }).map((any) => any.toWellFormed().replaceAll('\0', '')),
);
const visit: fc.Arbitrary<Visit> = fc.record({
  event_type: text,
  user_id: text,
  price: fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true, min: -1e9, max: 1e9 }).map((number) => number || 0),
  ),
  paid: fc.boolean(),
  event_properties: fc.record({ text }),
});
const visits = fc.array(visit, { maxLength: 12 });

const types = { price: 'number', paid: 'boolean', event_properties: 'json' };
const COLUMNS = ['event_type', 'user_id', 'price', 'paid', 'event_properties'] as const;

function table(rows: readonly Visit[], delimiter: string, lineEnd: string, header = true): string {
  const cell = (value: unknown) => {
    const raw = typeof value === 'string' ? value : JSON.stringify(value);
    return /^["\s]|[",\t\r\n]/.test(raw) ? `"${raw.replaceAll('"', '""')}"` : raw;
  };
  const lines = rows.map((row) => COLUMNS.map((name) => cell(row[name])).join(delimiter));
  return [...(header ? [COLUMNS.join(delimiter)] : []), ...lines].map((line) => line + lineEnd).join('');
}

type Written = { readonly format: FormatInput; readonly write: (rows: readonly Visit[]) => string };

const FORMATS: Readonly<Record<string, Written>> = {
  ndjson: { format: 'ndjson', write: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join('') },
  'JSON array on one line': { format: 'json-array', write: (rows) => JSON.stringify(rows) },
  'JSON array, indented': { format: 'json-array', write: (rows) => `\ufeff${JSON.stringify(rows, undefined, 2)}\n` },
  'JSON array under a path': {
    format: { type: 'json-array', path: 'data.events' },
    write: (rows) =>
      JSON.stringify({ data: { first: { events: ['}'] }, events: rows, n: [{}] }, events: [1], 'data.events': 1 }),
  },
  CSV: { format: { type: 'csv', types, empty: 'keep' }, write: (rows) => table(rows, ',', '\r\n') },
  'CSV without header': {
    format: { type: 'csv', types, empty: 'keep', columns: [...COLUMNS] },
    write: (rows) => table(rows, ',', '\n', false),
  },
  TSV: { format: { type: 'tsv', types, empty: 'keep' }, write: (rows) => `\ufeff${table(rows, '\t', '\r')}` },
};

const COMPRESSIONS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => Buffer.concat([gzipSync(bytes.subarray(0, 100)), gzipSync(bytes.subarray(100))]),
  zstd: (bytes) => Buffer.concat([zstdCompressSync(bytes.subarray(0, 100)), zstdCompressSync(bytes.subarray(100))]),
};

describe.each(Object.entries(FORMATS))('%s', (_name, { format, write }) => {
  test('gives the same records as every other format, each with its place', async () => {
    await fc.assert(
      fc.asyncProperty(visits, async (rows) => {
        const read = await readAll(write(rows), { format });
        expect(valuesOf(read)).toEqual(rows);
        expect(read.records.map(({ position }) => position)).toEqual(rows.map((_, i) => i + 1));
        expect(read.failure).toBeUndefined();
      }),
    );
  });

  test.each(Object.entries(COMPRESSIONS))('gives the same in %s', async (_how, compress) => {
    await fc.assert(
      fc.asyncProperty(visits, async (rows) => {
        const bytes = Buffer.from(write(rows));
        expect(await readAll(compress(bytes), { format })).toEqual(await readAll(bytes, { format }));
      }),
      { numRuns: runs(30) },
    );
  });

  test('gives the same in pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(visits, fc.integer({ min: 1, max: 40 }), async (rows, pieceBytes) => {
        const bytes = Buffer.from(write(rows));
        expect(await readAll(bytes, { format, pieceBytes })).toEqual(await readAll(bytes, { format }));
      }),
    );
  });

  test('gives the rest when reading goes on at any checkpoint', async () => {
    await fc.assert(
      fc.asyncProperty(visits, fc.integer({ min: 1, max: 40 }), async (rows, pieceBytes) => {
        const bytes = Buffer.from(write(rows));
        const whole = await readAll(bytes, { format });
        for (const [i, { end, position }] of whole.records.entries()) {
          const rest = await readAll(bytes, { format, from: { offset: end, position }, pieceBytes });
          expect(rest).toEqual({ ...whole, records: whole.records.slice(i + 1) });
        }
      }),
    );
  });

  test('cut off after any byte loses no record before it, makes up none, and what is missing is noticed', async () => {
    const rows = fc.sample(visit, { numRuns: 6, seed: 1 });
    const bytes = Buffer.from(write(rows));
    const ends = (await readAll(bytes, { format })).records.map(({ end }) => end);
    const headerEnd = hasHeader(format) ? bytes.indexOf('event_properties') + 'event_properties'.length : 0;
    for (let size = 0; size < bytes.toString().trimEnd().length; size += 1) {
      const read = await readAll(bytes.subarray(0, size), { format });
      const values = valuesOf(read).filter((value) => value !== undefined);
      const last = read.records.at(-1);
      // Nobody can tell a row that was cut off in its last cell from one whose line end was never written.
      const isAnyonesGuess = isTable(format) && last?.terminated === false && valueOf(last) !== undefined;
      if (isAnyonesGuess) expect(rows[values.length - 1]).toMatchObject(withoutLastCell(values.pop()));
      expect([size, values]).toEqual([size, rows.slice(0, values.length)]);
      expect(values.length).toBeGreaterThanOrEqual(ends.filter((end) => end <= size).length - (isAnyonesGuess ? 1 : 0));
      const isNoticed = read.failure !== undefined || read.records.some((record) => valueOf(record) === undefined);
      if (isJsonArray(format) && size > 0) expect([size, read.failure]).not.toEqual([size, undefined]);
      else if (size > headerEnd && !isAnyonesGuess && !isAtLineEnd(bytes, size))
        expect([size, isNoticed]).toEqual([size, true]);
    }
  });

  test('with no bytes at all has no records and nothing wrong', async () => {
    expect(await readAll('', { format })).toEqual({ records: [] });
  });

  test('of any bytes: nothing crashes, and records and what is between them are every byte', async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes(write), fc.integer({ min: 1, max: 40 }), async (bytes, pieceBytes) => {
        const read = await readAll(bytes, { format, pieceBytes });
        expect(read).toEqual(await readAll(bytes, { format }));
        for (const [i, record] of read.records.entries()) {
          const begin = read.records[i - 1]?.end ?? 0;
          expect(bytes.subarray(begin, record.end).includes(record.bytes)).toBe(true);
          expect(record.position).toBeGreaterThan(read.records[i - 1]?.position ?? 0);
        }
        if (!isPath(format)) expect(unaccounted(bytes, read, format)).toMatch(/^[\s,[\]\ufeff]*$/);
      }),
      { numRuns: runs(500) },
    );
  });
});

const isJsonArray = (format: FormatInput) => format === 'json-array' || isPath(format);
const isPath = (format: FormatInput) => typeof format === 'object' && format.type === 'json-array';

const isTable = (format: FormatInput) => typeof format === 'object' && format.type !== 'json-array';
const hasHeader = (format: FormatInput) => isTable(format) && typeof format === 'object' && !('columns' in format);

/** A line that just ended is whole, with or without its line end. */
function isAtLineEnd(bytes: Buffer, size: number): boolean {
  return size === 0 || /[\r\n]/.test(bytes.toString('latin1', size - 1, size + 1));
}

function withoutLastCell(row: unknown): object {
  const { event_properties: _, ...others } = row as Visit;
  return others;
}

function anyBytes(write: Written['write']): fc.Arbitrary<Buffer> {
  const parts = fc.array(
    fc.oneof(
      fc
        .constantFrom(
          '\n',
          '\r\n',
          '\r',
          ' ',
          '\t',
          '\ufeff',
          '\0',
          '{"a":1}',
          ',',
          '"',
          '""',
          '[',
          ']',
          '{',
          '}',
          '\\',
          ':',
        )
        .map((some) => Buffer.from(some)),
      fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 40 },
  );
  const mutated = fc.tuple(visits, fc.nat(), parts).map(([rows, at, some]) => {
    const bytes = Buffer.from(write(rows));
    const place = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, place), ...some, bytes.subarray(place)]);
  });
  return fc.oneof(
    parts.map((some) => Buffer.concat(some)),
    parts.map((some) => Buffer.concat([Buffer.from('['), ...some])),
    mutated,
  );
}

/** The bytes that are in no record; with a header, without the first row; of a dump that broke off, only up to there. */
function unaccounted(bytes: Buffer, { records, failure }: WhatWasRead, format: FormatInput): string {
  const left: Buffer[] = [];
  let at = 0;
  for (const record of records) {
    // From its end, as a short row may also stand in the header.
    const start = bytes.lastIndexOf(record.bytes, record.end - record.length);
    if (at > 0 || !hasHeader(format)) left.push(bytes.subarray(at, start));
    at = start + record.length;
  }
  const isOnlyHeader = records.length === 0 && hasHeader(format);
  if (failure === undefined && !isOnlyHeader) left.push(bytes.subarray(at));
  return Buffer.concat(left).toString();
}
