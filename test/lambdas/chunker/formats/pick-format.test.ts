/** Which format a dump is read in when its source names none. */
import { describe, expect, test } from 'vitest';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pickFormat } from '../../../../lambdas/chunker/formats/pick-format.ts';
import { readAll, valuesOf } from './reading.ts';

describe('a dump', () => {
  test.each<[string, string, string]>([
    ['{"a":1}\n', 'day.json', 'ndjson'],
    ['\ufeff \n{"a":1}\n', 'day.csv', 'ndjson'],
    ['[{"a":1}]', 'day.json', 'json-array'],
    ['\ufeff\r\n [', 'day.ndjson', 'json-array'],
    ['PAR1\x15\x04', 'day.ndjson', 'parquet'],
    ['PK\x03\x04\x14', 'day.csv', 'zip'],
    ['a,b\n1,2\n', 'day', 'csv'],
    ['"a","b"\r\n"1,\n2","3"\r\n', 'day', 'csv'],
    ['a;b c\n1;2\n', 'day.txt', 'csv'],
    ['a\tb\n1\t2\n', 'day', 'tsv'],
    ['a|b\n', 'day.ndjson', 'csv'],
    ['1,2\n', 'days/day.CSV.gz', 'csv'],
    ['whatever', 'day.tsv', 'tsv'],
    ['1,2\n', 'days.csv/day', 'ndjson'],
    ['hello, world\n{"a":1}\n', 'day', 'ndjson'],
    ['hello,world\n{"a":1,"b":2,"c":3}\n', 'day', 'ndjson'],
    ['oops\n', 'day', 'ndjson'],
    ['1,2\n3,4\n', 'day', 'ndjson'],
    ['a,a\n', 'day', 'ndjson'],
    ['', 'day.csv', 'ndjson'],
  ])('that begins with %j and is called %s is %s', (head, key, format) => {
    expect(pickFormat(key, Buffer.from(head))).toBe(format);
  });

  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('in %s is looked at after decompression', async (_how, compress) => {
    expect(valuesOf(await readAll(compress(Buffer.from('a,b\n1,2\n'))))).toEqual([{ a: '1', b: '2' }]);
    expect(valuesOf(await readAll(compress(Buffer.from('[{"a":1}]'))))).toEqual([{ a: 1 }]);
  });

  test('keeps its format when reading goes on in the middle', async () => {
    const from = { offset: 8, position: 1 };
    expect(valuesOf(await readAll('a,b\n1,2\n3,4\n', { from }))).toEqual([{ a: '3', b: '4' }]);
  });

  test('is read as its source says, whatever it looks like', async () => {
    const { records } = await readAll('a,b\n1,2\n', { format: 'ndjson', key: 'day.csv' });
    expect(records.map(({ bytes }) => bytes.toString())).toEqual(['a,b', '1,2']);
  });

  test('that is read by place cannot be compressed as a whole', async () => {
    const { failure } = await readAll(gzipSync('PAR1'), {});
    expect(failure).toContain('is parquet in gzip: drop it without gzip');
  });
});
