/** The configuration says everything that is wrong with it at once. */
import { expect, test } from 'vitest';
import { defineImporter, type ImporterInput, sourceOf } from '../../shared/config.ts';
import { takesKey } from '../../shared/taken-keys.ts';

const project = { secret: 'amplitude/key' };

test('defaults are filled in', () => {
  const importer = defineImporter({ sources: [{ name: 'events', project }] });
  expect(importer.sources[0]).toEqual({
    name: 'events',
    prefix: '',
    project: { secret: 'amplitude/key', region: 'us' },
    api: 'batch',
    inOrder: false,
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

test('two sources may share a prefix when the first leaves something to the second', () => {
  const from = (pattern?: string) => ({ prefix: 'in/', project, ...(pattern !== undefined && { pattern }) });
  const importer = defineImporter({
    sources: [
      { name: 'tables', ...from('**/*.csv') },
      { name: 'days', ...from('day=*/*') },
      { name: 'rest', ...from() },
      { name: 'web', ...from('*.csv'), prefix: 'in/web/' },
    ],
  });
  const names = ['in/a.csv', 'in/day=1/a.csv', 'in/day=1/a', 'in/a', 'in/web/a.csv', 'in/web/a', 'out'];
  expect(names.map((key) => sourceOf(importer, key)?.name)).toEqual([
    'tables',
    'tables',
    'days',
    'rest',
    'web',
    'rest',
    undefined,
  ]);
  const sources = [
    { name: 'rest', ...from() },
    { name: 'days', ...from('day=*/*') },
  ];
  expect(() => defineImporter({ sources })).toThrow(
    'sources[1].prefix: found "in/", expected a prefix of its own, or a pattern for rest, which comes before it and',
  );
});

test('the pattern of a converter is that of its source, of whole keys, unless the source has one', () => {
  const filterPattern = String.raw`in/.*\.json`;
  const convert = { keyValidatorConfig: { filterPattern }, convertToAmplitudeFunc: { event_type: ['path', 'type'] } };
  const sources = [{ name: 'moved', prefix: 'in/', project, convert }];
  const importer = defineImporter({ sources });
  expect(['in/a.json', 'in/a.csv'].map((key) => sourceOf(importer, key)?.name)).toEqual(['moved', undefined]);
  const [own] = defineImporter({
    sources: [{ name: 'moved', prefix: 'in/', project, convert, pattern: '*.csv' }],
  }).sources;
  expect(own && ['in/a.json', 'in/a.csv'].map((key) => takesKey(own, key))).toEqual([false, true]);
});

const acme = { secret: 'acme/key' };

test.each<[string, object, string]>([
  ['no project and no route', {}, "project: found undefined, expected { secret: '…' }, or a route to several projects"],
  [
    'a project that nothing goes to',
    { project, route: { by: 'a', projects: { acme } } },
    `project: found {"secret":"amplitude/key"}, expected none beside a route, unless its otherwise says 'project'`,
  ],
  [
    'no project for the rest',
    { route: { by: 'a', projects: { acme }, otherwise: 'project' } },
    "project: found undefined, expected { secret: '…' }, as the route's otherwise says 'project'",
  ],
  [
    'a route to nowhere',
    { route: { by: 'a', projects: {} } },
    'route.projects: found {}, expected at least one project',
  ],
  [
    'more projects than have room',
    { route: { by: 'a', projects: Object.fromEntries(range(256).map((i) => [`p${i}`, { secret: `s${i}` }])) } },
    'fewer than 256 different projects, but there are 256',
  ],
  ['no path', { route: { by: 'a..b', projects: { acme } } }, 'route.by: found "a..b", expected a path'],
  [
    'no way to choose',
    { route: { by: 5, projects: { acme } } },
    'route.by: found 5, expected a path in the event, a list',
  ],
  [
    'an unknown outcome',
    { route: { by: 'a', projects: { acme }, otherwise: 'default' } },
    'route.otherwise: found "default", expected one of "reject", "filter", "project"',
  ],
  ['a typing mistake', { route: { bye: 'a', projects: { acme } } }, 'route.bye: unknown setting; did you mean "by"?'],
  [
    'a typing mistake in a project',
    { route: { by: 'a', projects: { acme: { secret: 's', regoin: 'eu' } } } },
    'route.projects.acme.regoin: unknown setting; did you mean "region"?',
  ],
  ['a pattern that is none', { project, pattern: '{a' }, 'pattern: found "{a", expected a pattern such as **/*.{csv'],
])('%s is refused', (_, settings, why) => {
  const wrong = { sources: [{ name: 'a', ...settings }] } as unknown as ImporterInput;
  expect(() => defineImporter(wrong)).toThrow(`sources[0].${why}`.replace('sources[0].fewer', 'expected fewer'));
});

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

test('a key belongs to the source with the longest prefix it begins with, or to none', () => {
  const sources = ['in/', 'in/web/', 'eu/'].map((prefix, i) => ({ name: `s${i}`, prefix, project }));
  const importer = defineImporter({ sources });
  expect(sourceOf(importer, 'in/web/day.ndjson')?.prefix).toBe('in/web/');
  expect(sourceOf(importer, 'in/app/day.ndjson')?.prefix).toBe('in/');
  expect(sourceOf(importer, 'other/day.ndjson')).toBeUndefined();
});

test('a format is a name or an object with options, and comes with its defaults', () => {
  const formatFor = (format: ImporterInput['sources'][number]['format']) =>
    defineImporter({ sources: [{ name: 'a', project, format }] }).sources[0]?.format;
  const table = { quote: '"', types: {}, empty: 'omit', nulls: [] };
  expect(formatFor('csv')).toEqual({ type: 'csv', ...table });
  expect(formatFor('tsv')).toEqual({ type: 'tsv', delimiter: '\t', ...table });
  expect(formatFor({ type: 'csv', quote: '', columns: ['a'] })).toEqual({
    type: 'csv',
    ...table,
    quote: '',
    columns: ['a'],
  });
  expect(formatFor({ type: 'json-array', path: 'data.events' })).toEqual({
    type: 'json-array',
    path: ['data', 'events'],
  });
  expect(formatFor({ type: 'json-array', path: ['a.b'] })).toEqual({ type: 'json-array', path: ['a.b'] });
});

test.each<[unknown, string]>([
  [
    'xls',
    'format: found "xls", expected a format (ndjson, json-array, csv, tsv, parquet, zip), or an object with it as',
  ],
  [{ type: 'xls' }, 'format.type: found "xls", expected one of ndjson, json-array, csv, tsv, parquet, zip'],
  [{ type: 'csv', delimeter: ';' }, 'format.delimeter: unknown setting; did you mean "delimiter"?'],
  [{ type: 'csv', delimiter: '||' }, 'format.delimiter: found "||", expected one ASCII character that is no line end'],
  [{ type: 'csv', delimiter: '"' }, 'format.delimiter: found "\\"", expected another character than the quote'],
  [
    { type: 'csv', types: { a: 'int' } },
    'format.types.a: found "int", expected one of "string", "number", "boolean", "json"',
  ],
  [{ type: 'tsv', header: false }, 'format.header: found false, expected columns as well'],
  [
    { type: 'csv', columns: ['a', 'a'] },
    'format.columns: found ["a","a"], expected every name once, but "a" stands twice',
  ],
  [{ type: 'ndjson', path: 'a' }, 'format.path: unknown setting'],
  [{ type: 'json-array', path: 5 }, 'format.path: found 5, expected names with dots between, or an array of names'],
])('the format %j is refused', (format, why) => {
  const wrong = { sources: [{ name: 'a', project, format }] } as unknown as ImporterInput;
  expect(() => defineImporter(wrong)).toThrow(`sources[0].${why}`);
});

test('what is wrong in a map, a filter or a step is said where it stands, in the words of what was meant', () => {
  const wrong = {
    sources: [
      {
        name: 'a',
        project,
        map: {
          user_id: 'user..id',
          tiem: 't',
          time: { time: 't', unti: 's', zone: 'Berlin' },
          city: { template: '{a} {b' },
          country: { pth: 'c' },
          language: [],
          event_properties: { rest: true, from: 'x', fields: { amount: { number: { path: 5 } } } },
        },
        filter: { path: 'a' },
        enrich: [
          { hash: { fields: ['user_id'], length: 3 } },
          { drp: ['a'] },
          { set: { time: { value: () => 1 } } },
          { redact: { patterns: ['('] } },
          { identify: { fields: { $sett: {} } } },
          { batch: 'x', size: 5_000 },
          'upper',
        ],
      },
      { name: 'b', prefix: 'b', project, map: { user_id: 'id' }, filter: { or: [{ path: 'a', equals: {} }] } },
    ],
  } as unknown as ImporterInput;
  expect(() => defineImporter(wrong)).toThrowErrorMatchingInlineSnapshot(`
    [ConfigError: the importer's configuration has 19 problems:
      sources[0].filter: found {"path":"a"}, expected equals, in, exists or matches beside the path
      sources[0].map.user_id: found "user..id", expected a path such as user.id, with names that hold a dot in double quotes
      sources[0].map.time.zone: found "Berlin", expected the IANA name of a time zone, such as Europe/Berlin
      sources[0].map.time.unti: unknown setting; did you mean "unit"?
      sources[0].map.event_properties.fields.amount.number.path: found 5, expected a path, a list of expressions, or an object with one of path, value, template, string, number, boolean, json, time, match, digest, fields, pick, rest, from
      sources[0].map.country: found {"pth":"c"}, expected a path, a list of expressions, or an object with one of path, value, template, string, number, boolean, json, time, match, digest, fields, pick, rest, from
      sources[0].map.city.template: found "{a} {b", expected text with paths in braces: "{first} {last}"
      sources[0].map.language: found [], expected at least 1
      sources[0].map.tiem: unknown setting; did you mean "time"?
      sources[0].enrich[0].hash.secret: missing; expected a string
      sources[0].enrich[0].hash.length: found 3, expected at least 16
      sources[0].enrich[1]: found {"drp":["a"]}, expected a function from event to event, or an object with one of set, drop, redact, hash, userAgent, url, identify, lookup, batch
      sources[0].enrich[2].set.time.value: found a function, expected a value that JSON can hold
      sources[0].enrich[3].redact.patterns[0]: found "(", expected a regular expression
      sources[0].enrich[4].identify.fields.$sett: unknown setting
      sources[0].enrich[5].batch: found "x", expected a function from events to events
      sources[0].enrich[5].size: found 5000, expected at most 1000
      sources[0].enrich[6]: found "upper", expected a function from event to event, or an object with one of set, drop, redact, hash, userAgent, url, identify, lookup, batch
      sources[1].filter.or[0].equals: found {}, expected text, a number, true or false]
  `);
});

test('a declarative map must say which event it is', () => {
  const sources = [{ name: 'a', project, map: { user_id: 'id' } }];
  expect(() => defineImporter({ sources })).toThrow(
    "sources[0].map.event_type: found undefined, expected an expression, such as { value: 'Visit' }",
  );
});
