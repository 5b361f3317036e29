/** Parquet: what its rows become, whatever codec, encoding and page layout they were written with. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAll, valueOf } from './reading.ts';

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
