/** Every operator of the converter language: an example of what it does, and of what it refuses when a file is loaded. */
import { expect, test } from 'vitest';
import type { Json } from '../../../shared/amplitude-event.ts';
import { type Compilation, compileSource, OPERATORS } from '../../../shared/converter/compile.ts';

const NOW = Date.UTC(2026, 10, 20, 8, 0, 0, 5);
const AT = { dump: 'clicks.json', position: 7 };

function compile(description: unknown) {
  const compilation: Compilation = { problems: [], clock: () => NOW };
  const read = compileSource(description, ['rule'], compilation);
  return { read: (record: Json) => read(record, AT), problems: compilation.problems };
}

function evaluate(description: unknown, record: Json = {}): Json | undefined {
  const { read, problems } = compile(description);
  expect(problems).toEqual([]);
  return read(record);
}

type Row = {
  readonly name: string;
  /** Description, record, what comes out. */
  readonly works: readonly (readonly [unknown, Json, Json | undefined])[];
  /** Description, record, the failure. */
  readonly fails?: readonly (readonly [unknown, Json, RegExp])[];
  readonly wrong: readonly [unknown, string];
};

const NOTHING = undefined;
const missing = ['path', 'no', 'such'];

const ROWS: readonly Row[] = [
  {
    name: 'path',
    works: [
      [['path', 'foo', 'bar'], { foo: { bar: 1 } }, 1],
      [['path', 'foo', '1'], { foo: ['a', 'b'] }, 'b'],
      [['path', 'foo', 'length'], { foo: ['a', 'b'] }, NOTHING],
      [['path', 'foo', '2'], { foo: ['a', 'b'] }, NOTHING],
      [['path', ['parse_json_element', 'text'], 'a'], { text: '{"a":"x"}' }, 'x'],
      [['path', 'constructor'], {}, NOTHING],
      [['path', 'a.b'], { 'a.b': 1, a: { b: 2 } }, 1],
      [['path'], { whole: true }, { whole: true }],
    ],
    wrong: [
      ['path', 'foo', 1],
      'rule[2]: found 1, expected a field name, an object or a list with an operator; a constant is ["value", 1]',
    ],
  },
  {
    name: 'any',
    works: [
      [['any', 'a', 'b', 'c'], { b: null, c: 3 }, 3],
      [['any', 'a', 'b'], { b: null }, null],
      [['any', 'a'], {}, NOTHING],
      [
        ['any', ['iso_time_to_ms', 't'], ['parse_time_to_ms', 'd.M.yyyy', 't']],
        { t: '1.2.2021' },
        Date.UTC(2021, 1, 1),
      ],
    ],
    fails: [[['any', ['iso_time_to_ms', 't'], 'u'], { t: 'noon' }, /rule\[1\]: iso_time_to_ms found "noon"/]],
    wrong: [['any'], 'rule: any is written ["any", source | source …]; found 0 arguments'],
  },
  {
    name: 'value',
    works: [
      [['value', 'amplitude'], {}, 'amplitude'],
      [['value', null], {}, null],
      [['value', ['concat', 'a']], {}, ['concat', 'a']],
    ],
    wrong: [['value', 1, 2], 'rule: value is written ["value", json]; found 2 arguments'],
  },
  {
    name: 'dict',
    works: [
      [['dict', 'k', 'a', 'l', 'b'], { a: 1 }, { k: 1 }],
      [
        { k: 'a', l: { m: 'b' } },
        { a: null, b: 2 },
        { k: null, l: { m: 2 } },
      ],
      [{}, {}, {}],
    ],
    wrong: [['dict', 'k'], 'rule: dict is written ["dict", "text", source | "text", source …]; found 1 argument'],
  },
  {
    name: 'array',
    works: [[['array', 'a', 'b', 'c', ['iso_time_to_ms', 'a']], { a: 'x', c: null }, ['x', null]]],
    wrong: [
      ['array', true],
      'rule[1]: found true, expected a field name, an object or a list with an operator; a constant is ["value", true]',
    ],
  },
  {
    name: 'condition',
    works: [
      [['condition', 'a', ['value', 1], 'b', ['value', 2]], { b: 'true' }, 2],
      [['condition', 'a', ['value', 1]], { a: false }, NOTHING],
    ],
    fails: [[['condition', 'a', ['value', 1]], { a: 'yes' }, /rule: condition found "yes", expected true or false/]],
    wrong: [
      ['condition', 'a', 'b', 'c'],
      'rule: condition is written ["condition", source, source | source, source …]; found 3 arguments',
    ],
  },
  {
    name: 'ifelse',
    works: [
      [['ifelse', ['eq', 'id', ['value', '']], ['value', null], 'id'], { id: '' }, null],
      [['ifelse', ['eq', 'id', ['value', '']], ['value', null], 'id'], { id: 'u' }, 'u'],
      [['ifelse', missing, 'a', 'b'], { b: 2 }, 2],
    ],
    wrong: [['ifelse', 'a', 'b'], 'rule: ifelse is written ["ifelse", source, source, source]; found 2 arguments'],
  },
  {
    name: 'sample_md5',
    works: [
      [['sample_md5', ['int', 100], 'id'], { id: 'u' }, true],
      [['sample_md5', ['int', 0], 'id'], { id: 'u' }, false],
      // md5('a') begins with 0cc175b9: 4.98 %.
      [['sample_md5', ['int', 5], 'id'], { id: 'a' }, true],
      [['sample_md5', ['int', 4], 'id'], { id: 'a' }, false],
      [['sample_md5', ['int', 100], 'id'], {}, false],
    ],
    fails: [
      [['sample_md5', ['int', 101], 'id'], { id: 'a' }, /rule: sample_md5 found 101, expected a percentage, 0 to 100/],
    ],
    wrong: [['sample_md5', 'id'], 'rule: sample_md5 is written ["sample_md5", source, source]; found 1 argument'],
  },
  {
    name: 'iso_time_to_ms',
    works: [
      [['iso_time_to_ms', 't'], { t: '2021-01-01T05:06:07' }, Date.UTC(2021, 0, 1, 5, 6, 7)],
      [['iso_time_to_ms', 't'], { t: '2023-05-01 00:00:17.382999' }, Date.UTC(2023, 4, 1, 0, 0, 17, 382)],
      [['iso_time_to_ms', 't'], { t: '2021-01-01T05:06:07+02:00' }, Date.UTC(2021, 0, 1, 3, 6, 7)],
      [['iso_time_to_ms', 't'], { t: null }, NOTHING],
    ],
    fails: [
      [['iso_time_to_ms', 't'], { t: '2021-02-30' }, /found "2021-02-30", expected an ISO 8601 time/],
      [['iso_time_to_ms', 't'], { t: '' }, /found "", expected an ISO 8601 time/],
      [['iso_time_to_ms', 't'], { t: [] }, /found a list, expected an ISO 8601 time/],
    ],
    wrong: [['iso_time_to_ms'], 'rule: iso_time_to_ms is written ["iso_time_to_ms", source]; found 0 arguments'],
  },
  {
    name: 'ms_to_iso_time',
    works: [
      [['ms_to_iso_time', 't'], { t: Date.UTC(2021, 0, 1, 5, 6, 7) }, '2021-01-01T05:06:07'],
      [['ms_to_iso_time', 't'], { t: '1609477567008' }, '2021-01-01T05:06:07.008'],
    ],
    fails: [[['ms_to_iso_time', 't'], { t: 'soon' }, /found "soon", expected milliseconds since epoch/]],
    wrong: [
      ['ms_to_iso_time', 5],
      'rule[1]: found 5, expected a field name, an object or a list with an operator; a constant is ["value", 5]',
    ],
  },
  {
    name: 'iso_time_now',
    works: [[['iso_time_now'], {}, '2026-11-20T08:00:00.005']],
    wrong: [['iso_time_now', 'a'], 'rule: iso_time_now is written ["iso_time_now"]; found 1 argument'],
  },
  {
    name: 'ms_time_now',
    works: [[['ms_time_now'], {}, NOW]],
    wrong: [['ms_time_now', 'a'], 'rule: ms_time_now is written ["ms_time_now"]; found 1 argument'],
  },
  {
    name: 'int96_time_to_ms',
    works: [
      // Julian day 2,458,672 and 58,540.6 seconds.
      [['int96_time_to_ms', 't'], { t: 'AP6qCz41AAAwhCUA' }, Date.UTC(2019, 6, 7, 16, 15, 40, 600)],
      [['int96_time_to_ms', 't'], { t: '2019-07-07T16:15:42Z' }, Date.UTC(2019, 6, 7, 16, 15, 42)],
    ],
    fails: [
      [['int96_time_to_ms', 't'], { t: 'AP6qCz41' }, /found "AP6qCz41", expected 12 bytes of an INT96 time in base64/],
    ],
    wrong: [
      ['int96_time_to_ms', 'a', 'b'],
      'rule: int96_time_to_ms is written ["int96_time_to_ms", source]; found 2 arguments',
    ],
  },
  {
    name: 'parse_time_to_ms',
    works: [[['parse_time_to_ms', 'M/d/yyyy H:mm:ss', 't'], { t: '1/1/2021 5:06:07' }, Date.UTC(2021, 0, 1, 5, 6, 7)]],
    fails: [
      [
        ['parse_time_to_ms', 'M/d/yyyy', 't'],
        { t: '13/1/2021' },
        /parse_time_to_ms found "13\/1\/2021", expected a time as "M\/d\/yyyy"/,
      ],
    ],
    wrong: [
      ['parse_time_to_ms', 'yyyy-ww', 't'],
      'rule: parse_time_to_ms: the letter "w" is not supported in a time format; quote text: \'w\'',
    ],
  },
  {
    name: 'parse_json_element',
    works: [
      [['parse_json_element', 'j'], { j: '{"a":[1,null]}' }, { a: [1, null] }],
      [['parse_json_element', 'j'], { j: '9007199254740993' }, 9007199254740993n],
      [['parse_json_element', 'j'], { j: '' }, NOTHING],
    ],
    fails: [
      [['parse_json_element', 'j'], { j: '{' }, /rule: parse_json_element found "\{", expected JSON as text/],
      [['parse_json_element', 'j'], { j: {} }, /found an object, expected JSON as text/],
    ],
    wrong: [
      ['parse_json_element'],
      'rule: parse_json_element is written ["parse_json_element", source]; found 0 arguments',
    ],
  },
  {
    name: 'merge_dicts',
    works: [
      [['merge_dicts', 'a', 'b', { z: 'n' }], { a: { x: 1, y: 1 }, b: { y: 2 }, n: 3 }, { x: 1, y: 2, z: 3 }],
      [['merge_dicts', 'a', 'b'], { b: null }, NOTHING],
    ],
    fails: [[['merge_dicts', 'a'], { a: 'text' }, /merge_dicts found "text", expected an object/]],
    wrong: [['merge_dicts'], 'rule: merge_dicts is written ["merge_dicts", source | source …]; found 0 arguments'],
  },
  {
    name: 'flatten_dict',
    works: [
      [
        ['flatten_dict', '.', ['int', 9], 'o'],
        { o: { a: { b: { c: 1 } }, d: [{}], e: {} } },
        { 'a.b.c': 1, d: [{}], e: {} },
      ],
      [['flatten_dict', '_', ['int', 1], 'o'], { o: { a: { b: { c: 1 } } } }, { a_b: { c: 1 } }],
    ],
    fails: [
      [
        ['flatten_dict', '.', ['int', -1], 'o'],
        { o: {} },
        /flatten_dict found -1, expected a number of levels, 0 or more/,
      ],
    ],
    wrong: [
      ['flatten_dict', '.', 2, 'o'],
      'rule[2]: found 2, expected a field name, an object or a list with an operator; a constant is ["value", 2]',
    ],
  },
  {
    name: 'exclude_keys',
    works: [
      [['exclude_keys', 'o', 'a', 'b'], { o: { a: 1, b: 2, c: 3 } }, { c: 3 }],
      [['exclude_keys', 'o'], { o: { a: 1 } }, { a: 1 }],
    ],
    fails: [[['exclude_keys', 'o', 'a'], { o: 1 }, /exclude_keys found 1, expected an object/]],
    wrong: [['exclude_keys', 'o', ['value', 'a']], 'rule[2]: exclude_keys: found a list, expected a text'],
  },
  {
    name: 'concat',
    works: [
      [['concat', 'a', ['value', '-'], 'n', 'b'], { a: 'x', n: 5, b: true }, 'x-5true'],
      [['concat', 'a', 'b'], { a: 'x', b: null }, NOTHING],
      [['concat', 'a', 'b'], { a: 'x', b: {} }, NOTHING],
    ],
    wrong: [['concat'], 'rule: concat is written ["concat", source | source …]; found 0 arguments'],
  },
  {
    name: 'replace_with',
    works: [
      [['replace_with', '[0-9]+', '#', 't'], { t: 'a12b3' }, 'a#b#'],
      [['replace_with', '(\\w+)@(?<host>\\w+)', '${host}/$1\\$', 't'], { t: 'me@home' }, 'home/me$'],
      [['replace_with', 'a', 'b', 't'], { t: ['a'] }, NOTHING],
    ],
    wrong: [
      ['replace_with', '(?>a)', '', 't'],
      "rule: replace_with: the group (?>a of Java's regular expressions is not supported",
    ],
  },
  {
    name: 'split',
    works: [
      [['split', '.', 't'], { t: 'a.b.' }, ['a', 'b', '']],
      [['split', '.', 't'], { t: {} }, NOTHING],
    ],
    wrong: [['split', '', 't'], 'rule: split: found "", expected the text to split at'],
  },
  {
    name: 'lowercase',
    works: [[['lowercase', 't'], { t: 'ÄBc' }, 'äbc']],
    wrong: [['lowercase'], 'rule: lowercase is written ["lowercase", source]; found 0 arguments'],
  },
  {
    name: 'typeof',
    works: [
      [
        ['array', ...['s', 'l', 'd', 'b', 'n', 'i', 'z', 'no'].map((field) => ['typeof', field])],
        { s: '', l: [], d: {}, b: true, n: 1.5, i: 10n, z: null },
        ['string', 'list', 'dict', 'bool', 'number', 'number', 'null', 'null'],
      ],
    ],
    wrong: [['typeof', 'a', 'b'], 'rule: typeof is written ["typeof", source]; found 2 arguments'],
  },
  {
    name: 'bool',
    works: [[['bool', false], {}, false]],
    wrong: [['bool', 'true'], 'rule: bool: found "true", expected true or false'],
  },
  {
    name: 'not',
    works: [
      [['not', 'a'], { a: 'TRUE' }, false],
      [['not', 'a'], {}, true],
    ],
    fails: [[['not', 'a'], { a: 1 }, /not found 1, expected true or false/]],
    wrong: [['not'], 'rule: not is written ["not", source]; found 0 arguments'],
  },
  {
    name: 'and',
    works: [
      [['and', 'a', 'b'], { a: true, b: 'true' }, true],
      [['and', 'a', 'b'], { a: true, b: null }, false],
    ],
    wrong: [['and'], 'rule: and is written ["and", source | source …]; found 0 arguments'],
  },
  {
    name: 'or',
    works: [
      [['or', 'a', 'b'], { a: '', b: 'true' }, true],
      [['or', 'a', 'b'], { a: 'false' }, false],
    ],
    wrong: [['or'], 'rule: or is written ["or", source | source …]; found 0 arguments'],
  },
  {
    name: 'equals',
    works: [
      [['equals', 'a', ['value', 'x']], { a: 'x' }, true],
      [['equals', 'a', ['value', '1']], { a: 1 }, false],
      [['equals', 'a', 'b'], { a: { x: [1], y: 2n }, b: { y: 2, x: [1] } }, true],
      [['equals', 'a', ['value', null]], {}, true],
      [['equals', 'a', 'b'], { a: [1, 2], b: [1] }, false],
    ],
    wrong: [['equals', 'a'], 'rule: equals is written ["equals", source, source]; found 1 argument'],
  },
  {
    name: 'contains',
    works: [
      [['contains', 'ar', 'a'], { a: 'card' }, true],
      [['contains', 'ar', 'a'], { a: null }, false],
      [['contains', 'ar', 'a'], { a: ['card', 'ar'] }, true],
      [['contains', 'ar', 'a'], { a: ['card'] }, false],
    ],
    wrong: [['contains', ['value', 'ar'], 'a'], 'rule[1]: contains: found a list, expected a text'],
  },
  {
    name: 'int',
    works: [[['int', -5], {}, -5]],
    wrong: [['int', 1.5], 'rule: int: found 1.5, expected a whole number'],
  },
  {
    name: 'round',
    works: [
      [['round', 'a'], { a: '2.5' }, 3],
      [['round', 'a'], { a: -2.5 }, -2],
      [['round', 'a'], { a: null }, 0],
      [['round', 'a'], {}, NOTHING],
    ],
    fails: [[['round', 'a'], { a: 'x' }, /round found "x", expected a number/]],
    wrong: [['round'], 'rule: round is written ["round", source]; found 0 arguments'],
  },
  {
    name: 'add',
    works: [
      [['add', 'a', 'b', ['int', 3]], { a: '1', b: null }, 4],
      [['add', 'a', 'b'], { a: 1.7, b: 1.1 }, 2],
      [['add', 'a', ['int', 1]], { a: 9007199254740992n }, 9007199254740993n],
      [['add', 'a', ['int', 1]], {}, NOTHING],
    ],
    fails: [[['add', 'a'], { a: '' }, /add found "", expected a number/]],
    wrong: [['add'], 'rule: add is written ["add", source | source …]; found 0 arguments'],
  },
  {
    name: 'addf',
    works: [[['addf', 'a', 'b'], { a: 1.5, b: '1.25' }, 2.75]],
    fails: [[['addf', 'a', 'a'], { a: 1.7e308 }, /addf found .*, expected a result below 1e308/]],
    wrong: [['addf'], 'rule: addf is written ["addf", source | source …]; found 0 arguments'],
  },
  {
    name: 'subtract',
    works: [[['subtract', 'a', 'b'], { a: 5, b: '7' }, -2]],
    wrong: [['subtract', 'a'], 'rule: subtract is written ["subtract", source, source]; found 1 argument'],
  },
  {
    name: 'multiply',
    works: [
      [['multiply', 'seconds', ['int', 1000]], { seconds: '1645066434.189' }, 1645066434189],
      [['multiply', 'a', ['int', 1000]], { a: 1.005 }, 1005],
      [['multiply', 'a', ['int', 1000]], { a: 1.0059 }, 1005],
      [['multiply', 'a', 'a'], { a: 9007199254740991 }, 81129638414606663681390495662081n],
    ],
    wrong: [['multiply'], 'rule: multiply is written ["multiply", source | source …]; found 0 arguments'],
  },
  {
    name: 'divide',
    works: [
      [['divide', 'micros', ['int', 1000]], { micros: '1645066434189999' }, 1645066434189],
      [['divide', 'nanos', ['int', 1000000]], { nanos: 1645066434189999999n }, 1645066434189],
      [['divide', 'a', ['int', 2]], { a: -7 }, -3],
      [['divide', 'a', ['int', 1001]], { a: 9007199254740991 }, 8998201053687],
    ],
    fails: [[['divide', 'a', 'b'], { a: 1, b: '0.0' }, /divide found 0, expected a divisor other than 0/]],
    wrong: [['divide', 'a', 'b', 'c'], 'rule: divide is written ["divide", source, source]; found 3 arguments'],
  },
];

test('every operator has a row here', () => {
  expect(ROWS.map(({ name }) => name).toSorted()).toEqual(OPERATORS.map(({ names }) => names[0]).toSorted());
});

const WORKS = ROWS.flatMap(({ name, works }) => works.map(([given, record, out]) => ({ name, given, record, out })));
test.each(WORKS)('$name: $given of $record', ({ given, record, out }) => {
  expect(evaluate(given, record)).toEqual(out);
});

const FAILS = ROWS.flatMap(({ name, fails = [] }) =>
  fails.map(([given, record, why]) => ({ name, given, record, why })),
);
test.each(FAILS)('$name fails on $record: $why', ({ given, record, why }) => {
  expect(() => evaluate(given, record)).toThrow(why);
});

test.each(ROWS)('$name refuses wrong arguments when it is loaded', ({ wrong: [given, problem] }) => {
  expect(compile(given).problems).toEqual([problem]);
});

const ALIASES = OPERATORS.flatMap(({ names: [first, ...others] }) => others.map((alias) => ({ first, alias })));
test.each(ALIASES)('$alias means $first', ({ first, alias }) => {
  for (const [given, record, out] of ROWS.find(({ name }) => name === first)?.works ?? []) {
    if (Array.isArray(given) && given[0] === first) expect(evaluate([alias, ...given.slice(1)], record)).toEqual(out);
  }
});

test('the time of the import is refused where nobody gives it', () => {
  const compilation: Compilation = { problems: [], clock: undefined };
  compileSource({ time: ['ms_time_now'] }, [], compilation);
  expect(compilation.problems).toEqual([
    'time: ms_time_now: the time of the import is not known here; take a time from the record',
  ]);
});
