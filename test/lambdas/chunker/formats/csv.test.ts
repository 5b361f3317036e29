/** How rows become records, and what is wrong with those that do not. */
import { describe, expect, test } from 'vitest';
import { faultsOf, readAll, valuesOf } from './reading.ts';

const csv = (options: Record<string, unknown> = {}) => ({ type: 'csv' as const, ...options });
const values = async (text: string, options?: Record<string, unknown>) =>
  valuesOf(await readAll(text, { format: csv(options) }));

describe('rows', () => {
  test.each<[string, string, unknown[]]>([
    ['none', 'a,b\n', []],
    ['without a line end at the end', 'a,b\n1,2', [{ a: '1', b: '2' }]],
    [
      'of mixed line ends',
      'a,b\r\n1,2\n3,4\r5,6\r\n',
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
        { a: '5', b: '6' },
      ],
    ],
    ['with blank lines between', '\n\na\n\n1\r\n\r\n2\n\n', [{ a: '1' }, { a: '2' }]],
    ['with a byte-order mark before a quoted header', '\ufeff"a",b\n1,2\n', [{ a: '1', b: '2' }]],
    ['with a byte-order mark and a blank line before the header', '\ufeff\na;b\n1;2\n', [{ a: '1', b: '2' }]],
    ['with delimiters, line ends and quotes in quotes', 'a,b\n"1,\r\n""x""",2\n', [{ a: '1,\r\n"x"', b: '2' }]],
    ['with quotes inside of unquoted cells', 'a,b\n5" disk,x"y"z\n', [{ a: '5" disk', b: 'x"y"z' }]],
    ['with white space, which belongs to the cell', 'a,b\n 1 ,\t2\n', [{ a: ' 1 ', b: '\t2' }]],
    ['of which empty cells are left out', 'a,b,c\n,"",1\n', [{ c: '1' }]],
    [
      'with names that are no plain words',
      'a.b,größe,__proto__,💶\n1,2,3,4\n',
      [JSON.parse('{"a.b":"1","größe":"2","__proto__":"3","💶":"4"}')],
    ],
  ])('%s', async (_what, text, expected) => {
    for (const pieceBytes of [1, 2, 5, 1_000]) {
      const read = await readAll(text, { format: 'csv', pieceBytes });
      expect(valuesOf(read)).toEqual(expected);
      expect(read.failure).toBeUndefined();
    }
  });

  test('each has its bytes, its number and where the next one begins', async () => {
    const { records } = await readAll('a,b\r\n"1\n",2\r\n3,4', { format: 'csv' });
    expect(records).toMatchObject([
      { bytes: Buffer.from('"1\n",2'), length: 6, position: 1, end: 12, terminated: true },
      { bytes: Buffer.from('3,4'), length: 3, position: 2, end: 16, terminated: false },
    ]);
  });
});

describe('options', () => {
  test.each<[string, string, Record<string, unknown>, unknown[]]>([
    ['delimiter', 'a;b,c\n1;2,3\n', { delimiter: ';' }, [{ a: '1', 'b,c': '2,3' }]],
    ['another quote', "a,b\n'1,''2',\"3\n", { quote: "'" }, [{ a: "1,'2", b: '"3' }]],
    ['no quote', 'a,b\n"1,2"\n', { quote: '' }, [{ a: '"1', b: '2"' }]],
    ['columns', '1,2\n', { columns: ['x', 'y'] }, [{ x: '1', y: '2' }]],
    ['columns instead of the header', 'a,a\n1,2\n', { columns: ['x', 'y'], header: true }, [{ x: '1', y: '2' }]],
    ['empty kept', 'a,b\n,1\n', { empty: 'keep' }, [{ a: '', b: '1' }]],
    ['empty kept, of a number', 'a,b\n,\n', { empty: 'keep', types: { b: 'number' } }, [{ a: '' }]],
    ['nulls', 'a,b,c\nNULL,\\N,"NULL"\n', { nulls: ['NULL', '\\N'] }, [{ a: null, b: null, c: 'NULL' }]],
    ['nulls of a number', 'a\nNULL\n', { nulls: ['NULL'], types: { a: 'number' } }, [{ a: null }]],
  ])('%s', async (_what, text, options, expected) => {
    expect(await values(text, options)).toEqual(expected);
  });

  test.each([',', ';', '\t', '|'])('without a delimiter the header says that it is %j', async (delimiter) => {
    expect(await values(`"a,;\t|"${delimiter}b\n1${delimiter}2\n`)).toEqual([{ 'a,;\t|': '1', b: '2' }]);
  });
});

describe('types', () => {
  test.each<[string, string, unknown]>([
    ['number', '-1.50e1', -15],
    ['number', ' +7 ', 7],
    ['number', '007', 7],
    ['number', '12345678901234567890', 12345678901234567890n],
    ['number', '9007199254740991', 9007199254740991],
    ['boolean', 'TRUE', true],
    ['boolean', 'f', false],
    ['boolean', '0', false],
    ['json', '{""b"":[12345678901234567890,null]}', { b: [12345678901234567890n, null] }],
    ['string', '1', '1'],
  ])('%s %s', async (type, cell, expected) => {
    expect(await values(`a\n"${cell}"\n`, { types: { a: type } })).toEqual([{ a: expected }]);
  });

  test.each([
    ['number', '1,5', 'column a is not a number (found "1,5" in cell 1, expected a number)'],
    ['number', 'NaN', 'column a is not a number (found "NaN" in cell 1, expected a number)'],
    ['number', '0x10', 'column a is not a number (found "0x10" in cell 1, expected a number)'],
    ['number', '1e400', 'column a is not a number (found "1e400" in cell 1, expected a number)'],
    ['boolean', 'maybe', 'column a is not true or false (found "maybe" in cell 1, expected true or false)'],
    ['json', '{b:1}', 'column a is not JSON (found "{b:1}" in cell 1, expected JSON)'],
  ])('%s %s', async (type, cell, fault) => {
    const read = await readAll(`a\n"${cell}"\n"1"\n`, { format: csv({ types: { a: type } }) });
    expect(faultsOf(read)).toEqual([`1: ${fault}`]);
    expect(valuesOf(read)[1]).toBeDefined();
  });
});

describe('a bad row is one bad record', () => {
  test.each([
    ['1', 'row has too few cells (found 1, expected 2: none for column "b")'],
    ['1,2,3', 'row has too many cells (found 3, expected 2: 1 behind the last column)'],
    [
      '"1"x,2',
      'row has a stray quote (cell 1: found "x,2" behind its closing quote, expected a delimiter or a line end; a quote within quotes must be doubled)',
    ],
    ['1,\0', 'row has a NUL byte (found it in cell 2)'],
  ])('%j', async (row, fault) => {
    const read = await readAll(`a,b\n1,2\n${row}\n3,4\n`, { format: 'csv' });
    expect(faultsOf(read)).toEqual([`2: ${fault}`]);
    expect(valuesOf(read)).toEqual([{ a: '1', b: '2' }, undefined, { a: '3', b: '4' }]);
    expect(read.failure).toBeUndefined();
  });

  test('that is not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('a\n'), Buffer.of(0xff), Buffer.from('\n\ufffd\n')]);
    const read = await readAll(bytes, { format: 'csv' });
    expect(faultsOf(read)).toEqual(['1: row is not UTF-8 (expected text in UTF-8; convert the dump)']);
    expect(valuesOf(read)[1]).toEqual({ a: '\ufffd' });
  });
});

describe('a quote that is never closed', () => {
  test('ends the dump when it opens near the end, with everything behind it in one record', async () => {
    const read = await readAll('a,b\n1,2\n3,"4\n5,6\n', { format: 'csv' });
    expect(read.records.map(({ bytes }) => bytes.toString())).toEqual(['1,2', '3,"4\n5,6\n']);
    expect(faultsOf(read)).toEqual(['2: row has a quote that is not closed (it opens cell 2)']);
    expect(read.failure).toContain('ends in the middle of its last row (row 2): row has a quote that is not closed');
  });

  test('costs its own line and no other when more follows than a record may have', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => (i === 10 ? 'row 10,"10\n' : `row ${i},${i}\n`));
    const text = `a,b\n${rows.join('')}`;
    for (const pieceBytes of [1_000, 70_000, 10_000_000]) {
      const read = await readAll(text, { format: 'csv', caps: { recordBytes: 100_000 }, pieceBytes });
      expect(read.records.map(({ position }) => position)).toEqual(rows.map((_, i) => i + 1));
      expect(faultsOf(read)).toEqual(['11: row has a quote that is not closed (it opens cell 2)']);
      expect(read.records.at(-1)).toMatchObject({
        end: text.length,
        parsed: { value: { a: 'row 19999', b: '19999' } },
      });
      expect(read.failure).toBeUndefined();
    }
  });

  test('keeps the quoted line ends before it', async () => {
    const long = 'x\n'.repeat(60_000);
    const read = await readAll(`a,b\n"1\n2","3\n${long}`, { format: 'csv', caps: { recordBytes: 1_000 } });
    expect(read.records[0]?.bytes.toString()).toBe('"1\n2","3');
    expect(read.records).toHaveLength(60_001);
  });

  test('in one line that is too long makes the line cut', async () => {
    const long = `"${'x'.repeat(200_000)}`;
    for (const pieceBytes of [1_000, 10_000_000]) {
      const read = await readAll(`a\n${long}\n1\n`, { format: 'csv', caps: { recordBytes: 1_000 }, pieceBytes });
      expect(read.records.map(({ length, bytes }) => [length, bytes.length])).toEqual([
        [200_001, 65_536],
        [1, 1],
      ]);
    }
  });
});

describe('a header that cannot be used ends the dump', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['a,b,a\n1,2,3\n', {}, 'columns 1 and 3 are both called "a"; name all columns with format.columns'],
    ['a,,b\n1,2,3\n', {}, 'column 2 has no name; name all columns with format.columns'],
    ['a,b\0\n', {}, 'row has a NUL byte'],
    ['"a,b\n1,2\n', {}, 'row has a quote that is not closed'],
    ['a,b\n1,2\n', { types: { c: 'number' } }, 'format.types names a column "c", found "a", "b"'],
    ['a,b\n1,2\n', { columns: ['x'], header: true }, 'it has 2 columns, format.columns names 1'],
  ])('%j', async (text, options, why) => {
    const read = await readAll(text, { format: csv(options) });
    expect(read.records).toEqual([]);
    expect(read.failure).toContain('the header (first row) of s3://landing/day cannot be used');
    expect(read.failure).toContain(why);
  });

  test('in UTF-16', async () => {
    const { failure } = await readAll(Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'), { format: 'csv' });
    expect(failure).toContain('row is not UTF-8');
  });
});
