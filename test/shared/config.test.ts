/** The configuration says everything that is wrong with it at once. */
import { expect, test } from 'vitest';
import { defineImporter, type ImporterInput, sourceOf } from '../../shared/config.ts';

const project = { secret: 'amplitude/key' };

test('defaults are filled in', () => {
  const importer = defineImporter({ sources: [{ name: 'events', project }] });
  expect(importer.sources[0]).toEqual({
    name: 'events',
    prefix: '',
    project: { secret: 'amplitude/key', region: 'us' },
    api: 'batch',
    insertId: 'content',
    lane: 'device',
    caps: { eventsPerChunk: 2_000, chunkBytes: 3_000_000, recordBytes: 20_000_000 },
  });
  expect(importer.lanes).toBe(32);
});

test('every problem is reported at once, with its path, what was found and what is allowed', () => {
  const wrong = {
    source: [],
    lanes: 0,
    uploads: 'zip',
    sources: [
      { name: 'Events!', prefx: 'in/', project: { secret: '', regoin: 'eu', region: 'uk' }, map: 'upper' },
      { name: 'b', caps: { eventsPerChunk: 2.5, chunkbytes: 1 }, project },
    ],
  } as unknown as ImporterInput;
  expect(() => defineImporter(wrong)).toThrowErrorMatchingInlineSnapshot(`
    [ConfigError: the importer's configuration has 11 problems:
      sources[0].name: found "Events!", expected lower-case letters, digits and dashes, at most 40
      sources[0].map: found "upper", expected a function from record to event, or an object with an expression for each field
      sources[0].project.secret: found "", expected at least 1 in length
      sources[0].project.region: found "uk", expected one of "us", "eu"
      sources[0].project.regoin: unknown setting; did you mean "region"?
      sources[0].prefx: unknown setting; did you mean "prefix"?
      sources[1].caps.eventsPerChunk: found 2.5, expected a whole number
      sources[1].caps.chunkbytes: unknown setting; did you mean "chunkBytes"?
      lanes: found 0, expected at least 1
      uploads: found "zip", expected one of "gzip", "identity"
      source: unknown setting; did you mean "sources"?]
  `);
});

test.each([
  ['name', '', 'b'],
  ['prefix', 'a/', 'a/'],
])('two sources with the same %s are refused', (field, prefix, other) => {
  const sources = [
    { name: 'same', prefix, project },
    { name: field === 'name' ? 'same' : 'other', prefix: other, project },
  ];
  expect(() => defineImporter({ sources })).toThrow(`sources[1].${field}: found`);
});

test('a key belongs to the source with the longest prefix it begins with, or to none', () => {
  const sources = ['in/', 'in/web/', 'eu/'].map((prefix, i) => ({ name: `s${i}`, prefix, project }));
  const importer = defineImporter({ sources });
  expect(sourceOf(importer, 'in/web/day.ndjson')?.prefix).toBe('in/web/');
  expect(sourceOf(importer, 'in/app/day.ndjson')?.prefix).toBe('in/');
  expect(sourceOf(importer, 'other/day.ndjson')).toBeUndefined();
});
