/** What a lookup adds to an event, and which reference files it refuses, with which words. */
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { loadLookup } from '../../../../lambdas/chunker/enrich/load-lookup.ts';
import { openTransforms, type TransformPorts } from '../../../../lambdas/chunker/transform.ts';
import type { LookupOptions } from '../../../../shared/enrich-step.ts';
import { dumpOf, memoryDumps, recordOf, sourceOf } from '../fixtures.ts';
import { eventsOf, PORTS, visit } from '../making.ts';
import { memoryReferences } from '../memory-references.ts';

const CSV = 'code,name,size\nCH,Switzerland,8\nDE,Germany,83\n7,Seven,\n';
const LOOKUP: LookupOptions = { file: './places.csv', key: 'city', column: 'code', take: ['name', 'size'] };

/** What becomes of an event in a source with this lookup and this file. */
async function looked(event: object, changes: Partial<LookupOptions> = {}, file: string | Buffer = CSV) {
  const options = { ...LOOKUP, ...changes };
  const ports: TransformPorts = { ...PORTS, references: memoryReferences({ [options.file]: file }) };
  const transform = await openTransforms(ports)(sourceOf({ enrich: [{ lookup: options }] }));
  const [made] = await transform([recordOf(JSON.stringify(event))], 'day.ndjson');
  if (!made) throw new Error('expected what became of the event');
  return made;
}

async function joined(event: object, changes: Partial<LookupOptions> = {}, file: string | Buffer = CSV) {
  const [first] = eventsOf(await looked(visit(event), changes, file));
  if (!first) throw new Error('expected an event');
  const { insert_id, ...rest } = first;
  return rest;
}

describe('the columns that are taken', () => {
  test('become event properties, over what is there', async () => {
    const event_properties = { name: 'old', own: 1 };
    expect(await joined({ city: 'CH', event_properties })).toEqual(
      visit({ city: 'CH', event_properties: { name: 'Switzerland', own: 1, size: '8' } }),
    );
  });

  test.each<[string, Partial<LookupOptions>, object]>([
    [
      'under other names',
      { take: { name: 'place', size: 'people' } },
      { event_properties: { place: 'Germany', people: '83' } },
    ],
    ['under a prefix', { prefix: 'at_' }, { event_properties: { at_name: 'Germany', at_size: '83' } }],
    ['as user properties', { into: 'user_properties', take: ['name'] }, { user_properties: { name: 'Germany' } }],
    ['as fields of the event', { into: 'event', take: { name: 'country' } }, { country: 'Germany' }],
  ])('stand %s', async (_where, changes, added) => {
    expect(await joined({ city: 'DE' }, changes)).toEqual(visit({ city: 'DE', ...added }));
  });

  test('that have no value in the row leave what the event says', async () => {
    expect(await joined({ city: '7', event_properties: { size: 'mine' } })).toMatchObject({
      event_properties: { name: 'Seven', size: 'mine' },
    });
  });

  test('may be named like anything, also with dots and beyond ASCII', async () => {
    const file = 'code,a.b,größe,__proto__\nCH,1,2,3\n';
    const { event_properties } = await joined({ city: 'CH' }, { take: ['a.b', 'größe', '__proto__'] }, file);
    expect(JSON.stringify(event_properties)).toBe('{"a.b":"1","größe":"2","__proto__":"3"}');
  });
});

test('the key may come from the record', async () => {
  const map = () => visit();
  const ports = { ...PORTS, references: memoryReferences({ './places.csv': CSV }) };
  const source = sourceOf({ map, enrich: [{ lookup: { ...LOOKUP, key: '$record.at.place', take: ['name'] } }] });
  const [made] = await (await openTransforms(ports)(source))([recordOf('{"at":{"place":"CH"}}')], 'day.ndjson');
  expect(made && eventsOf(made)).toMatchObject([{ event_properties: { name: 'Switzerland' } }]);
});

test.each([
  ['"7"', '"7"'],
  ['7', '"7"'],
  ['"7"', '7'],
  ['7', '7'],
  ['true', '"true"'],
  ['9007199254740993', '"9007199254740993"'],
  ['9007199254740993', '9007199254740993'],
])('keys are compared as text: %s in the event is %s in the file', async (inEvent, inFile) => {
  const text = `{"event_type":"visit","user_id":"user-1","event_properties":{"k":${inEvent}}}`;
  const file = `{"code":${inFile},"name":"found"}`;
  const lookup = { ...LOOKUP, key: 'event_properties.k', take: ['name'] };
  const ports = { ...PORTS, references: memoryReferences({ './places.csv': file }) };
  const transform = await openTransforms(ports)(sourceOf({ enrich: [{ lookup }] }));
  const [made] = await transform([recordOf(text)], 'day.ndjson');
  expect(made && eventsOf(made)).toMatchObject([{ event_properties: { name: 'found' } }]);
});

test.each(['07', ' 7', '7.0', 'ch', 'Ch'])('%j is another key than 7 and CH', async (city) => {
  expect(await joined({ city })).toEqual(visit({ city }));
});

describe('an event for which there is no row', () => {
  test.each<[unknown, NonNullable<LookupOptions['missing']>, object]>([
    ['FR', 'leave', { kind: 'events' }],
    [null, 'leave', { kind: 'events' }],
    ['FR', 'filter', { kind: 'filtered' }],
    [undefined, 'filter', { kind: 'filtered' }],
    [
      'FR',
      'reject',
      {
        kind: 'unusable',
        reason: 'lookup found no row',
        detail: 'found "FR", expected a value of column "code" of ./places.csv',
      },
    ],
    ['', 'reject', { kind: 'unusable', reason: 'lookup has no key' }],
    [undefined, 'reject', { kind: 'unusable', reason: 'lookup has no key' }],
    [{ a: 1 }, 'leave', { kind: 'unusable', reason: 'lookup.key is not text or a number' }],
  ])('(its key is %j) with missing: %j is %j', async (key, missing, expected) => {
    const made = await looked(visit({ event_properties: { key } }), { key: 'event_properties.key', missing });
    expect(made).toMatchObject(expected);
  });
});

test.each<[string, string | Buffer, Partial<LookupOptions>]>([
  ['NDJSON', '{"code":"CH","name":"Switzerland","size":8}\n', {}],
  ['a JSON array', '[{"code":"CH","name":"Switzerland","size":8}]', {}],
  ['CSV with types', 'code;name;size\nCH;Switzerland;8\n', { format: { type: 'csv', types: { size: 'number' } } }],
  ['TSV', 'code\tname\tsize\nCH\tSwitzerland\t8\n', { format: { type: 'tsv', types: { size: 'number' } } }],
  [
    'CSV without a header',
    'CH,Switzerland,8\n',
    { format: { type: 'csv', columns: ['code', 'name', 'size'], types: { size: 'number' } } },
  ],
  ['gzipped NDJSON', gzipSync('{"code":"CH","name":"Switzerland","size":8}'), {}],
  [
    'Parquet',
    Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: 'code', data: ['CH'] },
          { name: 'name', data: ['Switzerland'] },
          { name: 'size', data: [8] },
        ],
      }),
    ),
    {},
  ],
])('the file may be %s', async (_what, file, changes) => {
  expect(await joined({ city: 'CH' }, changes, file)).toMatchObject({
    event_properties: { name: 'Switzerland', size: 8 },
  });
});

describe('of several rows with one key', () => {
  const file = 'code,name,size\nCH,first,1\nDE,x,1\nCH,second,2\nDE,x,1\n';

  test.each(['first', 'last'] as const)('the %s counts if the step says so', async (duplicates) => {
    const expected = { first: 'first', last: 'second' }[duplicates];
    expect(await joined({ city: 'CH' }, { duplicates, take: ['name'] }, file)).toMatchObject({
      event_properties: { name: expected },
    });
  });

  test('none counts otherwise, if they do not say the same: the file is refused', async () => {
    await expect(looked(visit(), {}, file)).rejects.toThrow(
      `the lookup cannot use ./places.csv:\n  row 3: it has the same "code" as row 1 and other values; expected each key once, or in the step duplicates: 'first' or 'last'`,
    );
    expect(await joined({ city: 'CH' }, { take: ['name'] }, 'code,name\nCH,same\nCH,same\n')).toMatchObject({
      event_properties: { name: 'same' },
    });
  });

  test('how many there are is logged, as is how many rows have no key', async () => {
    const logged: unknown[] = [];
    const references = memoryReferences({ './places.csv': `${file},nobody,0\n` });
    const log: TransformPorts['log'] = (_level, message, fields) => void logged.push({ message, ...fields });
    await openTransforms({ ...PORTS, references, log })(
      sourceOf({ enrich: [{ lookup: { ...LOOKUP, duplicates: 'first' } }] }),
    );
    expect(logged).toMatchObject([{ message: 'lookup loaded', rows: 2, duplicates: 2, withoutKey: 1 }]);
    expect(JSON.stringify(logged)).not.toMatch(/CH|second/);
  });
});

test.each<[string, string | Buffer, RegExp]>([
  ['is empty', '', /the lookup cannot use \.\/places\.csv:\n {2}it has no rows/],
  ['has a header alone', 'code,name,size\n', /it has no rows/],
  [
    'has another header',
    'Code,name,size\nCH,a,1\n',
    /no row has a value in column "code"; found columns "Code", "name", "size"/,
  ],
  [
    'lacks a column',
    'code,nom,size\nCH,a,1\n',
    /no row has a value in column "name"; found columns "code", "nom", "size"/,
  ],
  ['names a column twice', 'code,name,name\nCH,a,1\n', /name/],
  ['has a row that is cut off', 'code,name,size\nCH,a\nDE,b,1\n', /row 1: row has too few cells, found 2, expected 3/],
  ['has a quote that is not closed', 'code,name,size\n"CH,a,1\n', /quote/],
  ['has lines that are no JSON', '{"code":"CH","name":"a","size":1}\n{"code":\n', /row 2: record is not JSON/],
  [
    'has keys that are objects',
    '{"code":{"a":1},"name":"a","size":1}',
    /row 1: found an object in column "code", expected text or a number/,
  ],
  ['has empty keys alone', '{"code":"","name":"a","size":1}', /no row has a key in column "code"/],
  ['is a damaged gzip file', gzipSync(CSV.repeat(1_000)).subarray(0, 60), /the lookup cannot use/],
])('a file that %s is refused', async (_what, file, expected) => {
  await expect(looked(visit({ city: 'CH' }), {}, file)).rejects.toThrow(expected);
});

test('several problems of a file are told at once', async () => {
  const file = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `{"code":${name}}`).join('\n');
  const refused = await looked(visit(), {}, file).catch((error: unknown) => error as Error);
  expect(String((refused as Error).message).match(/row \d/g)).toEqual(['row 1', 'row 2', 'row 3', 'row 4', 'row 5']);
});

test('a file that does not fit the memory is refused with numbers, and leaves no memory taken', async () => {
  const rows = Array.from({ length: 40_000 }, (_, i) => `${i},${'x'.repeat(100)},1\n`);
  const bytes = Buffer.from(`code,name,size\n${rows.join('')}`);
  const memory = { max: 4 * 1024 * 1024, used: 1024 * 1024 };
  const lookup = { file: './places.csv', column: 'code', columns: ['name', 'size'], duplicates: 'refuse' as const };
  await expect(loadLookup(lookup, dumpOf(bytes, { key: 'places.csv' }), memoryDumps(bytes), memory)).rejects.toThrow(
    /the first [12]\d,\d{3} rows of its 4\.3 MB take 2\.\d MB of memory; all lookups together may take 4\.2 MB, and others take 1 MB: take fewer columns/,
  );
  expect(memory.used).toBe(1024 * 1024);
});
