/** How the elements of an array become records, and what ends one. */
import { describe, expect, test } from 'vitest';
import { faultsOf, readAll, valuesOf } from './reading.ts';

const textsOf = ({ records }: Awaited<ReturnType<typeof readAll>>) => records.map(({ bytes }) => bytes.toString());
const under = (path: string | readonly string[]) => ({ type: 'json-array', path }) as const;

describe('elements', () => {
  test.each<[string, string, string[]]>([
    ['none', '[]', []],
    ['none, with white space', ' \n[ \t\r\n] \n', []],
    ['one', '[{"a":1}]', ['{"a":1}']],
    ['as they stand, without the white space around', '[ {"a" : 1.0}\n,\t{}\r\n]', ['{"a" : 1.0}', '{}']],
    ['with brackets and commas in strings', '[{"a":"],}["},{"b":"\\"]"}]', ['{"a":"],}["}', '{"b":"\\"]"}']],
    ['nested', '[{"a":[[1,2],{"b":[]}]},[1,[2]]]', ['{"a":[[1,2],{"b":[]}]}', '[1,[2]]']],
    ['that are no objects', '[1,"a",null]', ['1', '"a"', 'null']],
    ['integers beyond 2^53', '[{"a":12345678901234567890}]', ['{"a":12345678901234567890}']],
  ])('%s', async (_what, text, expected) => {
    const read = await readAll(text, { format: 'json-array' });
    expect(textsOf(read)).toEqual(expected);
    expect(read.failure).toBeUndefined();
  });

  test('each knows its number and where the comma or bracket behind it stands', async () => {
    const { records } = await readAll('\ufeff[ {} ,{"a":1}]', { format: 'json-array' });
    expect(records).toEqual([
      { bytes: Buffer.from('{}'), length: 2, position: 1, end: 8, terminated: true },
      { bytes: Buffer.from('{"a":1}'), length: 7, position: 2, end: 16, terminated: true },
    ]);
  });

  test('longer than allowed come cut, and the next ones come whole', async () => {
    const long = `{"a":"${'x'.repeat(200_000)}"}`;
    for (const pieceBytes of [1_000, 10_000_000]) {
      const { records } = await readAll(`[{},${long},{"b":1}]`, {
        format: 'json-array',
        caps: { recordBytes: 1_000 },
        pieceBytes,
      });
      expect(records.map(({ length, bytes }) => [length, bytes.length])).toEqual([
        [2, 2],
        [long.length, 65_536],
        [7, 7],
      ]);
    }
  });

  test('of one piece are not all objects at once', async () => {
    const { records } = await readAll(`[${'{},'.repeat(2_500)}{}]`, { format: 'json-array' });
    expect(records.length).toBe(2_501);
  });
});

describe('damage', () => {
  test.each<[string, string, string[]]>([
    ['a missing comma', '[{"a":1} {"b":2},{"c":3}]', ['{"a":1} {"b":2}', '{"c":3}']],
    ['garbage between elements', '[{"a":1},oops,{"c":3}]', ['{"a":1}', 'oops', '{"c":3}']],
    ['a bracket of the wrong kind', '[{"a":[1}},{"c":3}]', ['{"a":[1}}', '{"c":3}']],
    ['a bracket too many', '[{"a":1}},{"c":3}]', ['{"a":1}}', '{"c":3}']],
  ])('%s is one bad record', async (_what, text, expected) => {
    const read = await readAll(text, { format: 'json-array' });
    expect(textsOf(read)).toEqual(expected);
    expect(valuesOf(read).filter((value) => value === undefined)).toHaveLength(1);
    expect(read.failure).toBeUndefined();
  });

  test.each([
    ['[{"a":1},]', 2],
    ['[,{"a":1}]', 1],
    ['[{"a":1},,{"b":2}]', 2],
  ])('%s lacks element %i', async (text, position) => {
    const read = await readAll(text, { format: 'json-array' });
    expect(faultsOf(read)).toEqual([`${position}: element is missing (found nothing between two commas or brackets)`]);
  });

  test.each([
    ['[{"a":1}', 'after element 1): it was cut off'],
    ['[{"a":1},', 'after element 1): it was cut off'],
    ['[{"a":1},{"b":"2},{"c":3}]', 'after element 2): it was cut off, or a quote or bracket is missing'],
    ['[{"a":1}]]', 'byte 9: the document ended before it, and more follows'],
    ['[{"a":1}][{"b":1}]', 'byte 9: the document ended before it, and more follows'],
    [
      '{"a":[]}',
      'byte 0: the dump begins with "{", expected an array (a path to the array can be given as format.path)',
    ],
    ['event,user', 'byte 0: the dump begins with "e", expected an array'],
    ['  ', 'it is empty, expected a JSON array'],
  ])('%s ends the dump', async (text, why) => {
    const { failure } = await readAll(text, { format: 'json-array' });
    expect(failure).toContain(why);
    expect(failure).toContain('s3://landing/day');
  });

  test('an element that is cut off says so', async () => {
    expect(faultsOf(await readAll('[{"a":1},{"b":', { format: 'json-array' }))).toEqual([
      '2: record is cut off (the dump ends in the middle of it)',
    ]);
  });
});

describe('a path', () => {
  test.each<[string, string | string[], string, string[]]>([
    ['of one name', 'events', '{"n":1,"events":[1,2],"m":{"events":[3]}}', ['1', '2']],
    ['of two', 'data.events', '{"events":[0],"data":{"a":"]}","events":[1]}}', ['1']],
    ['of a name with a dot', ['a.b'], '{"a":{"b":[0]},"a.b":[1]}', ['1']],
    ['written with escapes', 'é"', '{"\\u00e9\\"":[1]}', ['1']],
    ['that stands twice', 'a', '{"a":[1,2],"b":0,"a":[],"a":[3]}', ['1', '2', '3']],
    ['to an empty array', 'a', '{"a":[]}', []],
  ])('%s', async (_what, path, text, expected) => {
    for (const pieceBytes of [1, 2, 3, 100]) {
      const read = await readAll(text, { format: under(path), pieceBytes });
      expect(textsOf(read)).toEqual(expected);
      expect(read.failure).toBeUndefined();
    }
  });

  test.each([
    ['{"a":{"b":1}}', 'byte 10: a.b begins with "1", expected an array'],
    ['{"a":[1]}', 'byte 5: a begins with "[", expected an object'],
    ['{"a":{"c":[1]},"b":[2]}', 'there is no array at a.b'],
    ['[{"a":1}]', 'byte 0: the dump begins with "[", expected an object'],
    ['{"a":{"b":[1]', 'the dump ends before its document does: it was cut off'],
    ['{"a" 1}', 'byte 5: found "1", expected a colon behind the name'],
    ['{a:1}', 'byte 1: found "a", expected a field of an object'],
    ['{"a":{"b":[1]}} {}', 'byte 16: the document ended before it, and more follows'],
  ])('%s is refused', async (text, why) => {
    for (const pieceBytes of [1, 100]) {
      expect((await readAll(text, { format: under('a.b'), pieceBytes })).failure).toContain(why);
    }
  });

  test('goes on in the second array it leads to', async () => {
    const text = '{"a":[1,2],"a":[3,4]}';
    const { records } = await readAll(text, { format: under('a') });
    const third = records[2];
    const rest = await readAll(text, { format: under('a'), from: { offset: third?.end ?? 0, position: 3 } });
    expect(textsOf(rest)).toEqual(['4']);
  });
});
