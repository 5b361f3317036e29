/** The files that a configuration names: which they are, and what is said of one that is missing or wrong. */
import { expect, test } from 'vitest';
import { defineImporter, type ImporterInput } from '../../shared/config.ts';
import { bundledName, type FileReader, filesOf, loadFiles, objectsOf, textOfFiles } from '../../shared/config-files.ts';

const project = { secret: 'amplitude/key' };
const CONVERTER = { converterConfig: { convertToAmplitudeFunc: { event_type: ['value', 'Visit'], user_id: 'uid' } } };

function importerWith(...sources: Partial<ImporterInput['sources'][number]>[]) {
  return defineImporter({
    sources: sources.map((source, i) => ({ name: `s${i}`, prefix: `${i}/`, project, ...source })),
  });
}

function lookup(file: string) {
  return { lookup: { file, key: 'city', column: 'code', take: ['name'] } };
}

function readerOf(files: Readonly<Record<string, unknown>>): FileReader {
  const read = (file: string) => {
    if (!Object.hasOwn(files, file)) throw new Error(`ENOENT: no such file or directory, open '/config/${file}'`);
    const content = files[file];
    return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  };
  return { read, check: (file) => void read(file) };
}

function converterOf(settings: object): object {
  return { converterConfig: { ...CONVERTER.converterConfig, ...settings } };
}

const importer = importerWith(
  { convert: './a.json', enrich: [lookup('./places.csv'), lookup('s3://refs/plans.csv')] },
  { convert: './a.json', enrich: [lookup('../places.csv'), lookup('s3://refs/plans.csv')] },
);

test('files are those of converters and lookups, objects those of lookups, each once', () => {
  expect(filesOf(importer)).toEqual(['./a.json', './places.csv', '../places.csv']);
  expect(objectsOf(importer)).toEqual([{ bucket: 'refs', key: 'plans.csv' }]);
});

test('in a bundle each has a name of its own, which leads nowhere else', () => {
  const names = ['./a.json', 'a.json', '../a.json', '/etc/a.json', 'ä b.json'].map(bundledName);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !/^files\/[^/\\]+$/.test(name))).toEqual([]);
});

test('a converter file is read with the configuration, and counts for its fingerprint', () => {
  const files = { './a.json': CONVERTER, './places.csv': 'x', '../places.csv': 'x' };
  const loaded = loadFiles(importer, readerOf(files));
  expect(loaded.sources.map(({ convert }) => convert)).toEqual([CONVERTER, CONVERTER]);
  const other = loadFiles(importer, readerOf({ ...files, './a.json': converterOf({ ignoreEventFlag: 'x' }) }));
  expect(textOfFiles(other)).not.toBe(textOfFiles(loaded));
});

test('every file that is missing or wrong is told at once: what, where, why', () => {
  const wrong = converterOf({ convertToAmplitudeFunc: { time: ['iso_time_ms', 't'], price: ['ifelse', 'a', 'b'] } });
  const sources = importerWith(
    { convert: './wrong.json', enrich: [lookup('./none.csv')] },
    { convert: './none.json' },
    { convert: './text.json' },
  );
  expect(() =>
    loadFiles(sources, readerOf({ './wrong.json': wrong, './text.json': 'text' })),
  ).toThrowErrorMatchingInlineSnapshot(`
    [ConfigError: the importer's configuration has 4 problems:
      sources[0].enrich[0].lookup.file: cannot read ./none.csv: ENOENT: no such file or directory, open '/config/./none.csv'; paths are relative to the configuration file
      sources[1].convert: cannot read ./none.json: ENOENT: no such file or directory, open '/config/./none.json'; paths are relative to the configuration file
      sources[0].convert: ./wrong.json cannot be used:
        converterConfig.convertToAmplitudeFunc.time: unknown operator "iso_time_ms"; did you mean "iso_time_to_ms"?
        converterConfig.convertToAmplitudeFunc.price: ifelse is written ["ifelse", source, source, source]; found 2 arguments
      sources[2].convert: ./text.json cannot be used:
        Unexpected token 'e', "text" is not valid JSON]
  `);
});

test.each<[string | undefined, ImporterInput['sources'][number]['format'], string | undefined]>([
  [undefined, undefined, undefined],
  ['json', undefined, undefined],
  ['json', 'zip', 'zip'],
  ['json', 'json-array', 'json-array'],
  ['csv', undefined, 'csv'],
  ['csv', { type: 'csv', delimiter: ';' }, 'csv'],
  ['parquet', undefined, 'parquet'],
])('with the file type %j and the format %j a dump is read as %j', (fileType, format, expected) => {
  const convert = converterOf({ ...(fileType && { fileType }), compressionType: 'gzip' });
  const inFile = loadFiles(importerWith({ convert: './a.json', format }), readerOf({ './a.json': convert }));
  const written = importerWith({ convert: convert as Record<string, unknown>, format });
  for (const { sources } of [inFile, written]) expect(sources[0]?.format?.type).toBe(expected);
});

test('a format that the file type contradicts is refused, whether the converter is a file or not', () => {
  const convert = converterOf({ fileType: 'csv' }) as Record<string, unknown>;
  const why = 'expected csv, as the converter\'s fileType is "csv"; take one of the two out, or make them agree';
  const inFile = importerWith({ convert: './a.json', format: 'parquet' });
  expect(() => loadFiles(inFile, readerOf({ './a.json': convert }))).toThrow(
    `sources[0].format: found parquet, ${why}`,
  );
  expect(() => importerWith({ convert, format: 'parquet' })).toThrow(why);
});

test.each<[object, string]>([
  [{ ...lookup('').lookup }, 'lookup.file: found "", expected at least 1 in length'],
  [{ ...lookup('s3://bucket').lookup }, 'lookup.file: found "s3://bucket", expected a path, or s3://bucket/key'],
  [{ ...lookup('https://x/y').lookup }, 'lookup.file: found "https://x/y", expected a path, or s3://bucket/key'],
  [{ ...lookup('a').lookup, take: [] }, 'lookup.take: found [], expected'],
  [{ ...lookup('a').lookup, take: { a: 'x', b: 'x' } }, 'every name once, but "x" stands twice'],
  [
    { ...lookup('a').lookup, into: 'event', take: { a: 'contry' } },
    'lookup.take: found {"a":"contry"}, expected fields of an event, but it has no "contry"; did you mean "country"?',
  ],
  [{ ...lookup('a').lookup, column: undefined }, 'lookup.column: missing; expected a string'],
  [
    { ...lookup('a').lookup, missing: 'drop' },
    'lookup.missing: found "drop", expected one of "leave", "reject", "filter"',
  ],
])('the lookup %j is refused', (wrong, why) => {
  expect(() => importerWith({ enrich: [{ lookup: wrong }] as never })).toThrow(why);
});

test.each([5, '', 's3://bucket/converter.json'])('the converter %j is refused', (convert) => {
  expect(() => importerWith({ convert: convert as never })).toThrow('sources[0].convert: found');
});

test('a source whose converter file leaves nothing to the next one is refused, as if it were written out', () => {
  const rival =
    'sources[1].prefix: found "in/", expected a prefix of its own, or a pattern for s0, which comes before it and takes all dumps with this one';
  const both = (second: Partial<ImporterInput['sources'][number]>, files: Readonly<Record<string, object>>) =>
    loadFiles(importerWith({ prefix: 'in/', convert: './a.json' }, { prefix: 'in/', ...second }), readerOf(files));
  const some = (filterPattern: string) => ({
    ...CONVERTER,
    keyValidatorConfig: { filterPattern },
  });
  expect(() => both({}, { './a.json': CONVERTER })).toThrow(rival);
  expect(() => both({ pattern: '*.csv' }, { './a.json': CONVERTER })).toThrow(rival);
  const b = { convert: './b.json' };
  expect(() => both(b, { './a.json': some('.*[.]json'), './b.json': some('.*[.]json') })).toThrow(rival);
  expect(both(b, { './a.json': some('.*[.]json'), './b.json': some('.*[.]csv') }).sources).toHaveLength(2);
  expect(both({}, { './a.json': some('.*[.]json') }).sources).toHaveLength(2);
});
