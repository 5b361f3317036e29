/** Whole converter files, in the style of those that people run at Amplitude: what they make of records, and what is refused. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../shared/amplitude-event.ts';
import { compileConverter, ConverterConfigError } from '../../shared/converter.ts';
import { OPERATORS } from '../../shared/converter/compile.ts';
import { syntaxOf } from '../../shared/converter/operator.ts';
import { ConversionError } from '../../shared/converter/values.ts';
import { runs } from '../runs.ts';

const AT = { dump: 'dump.json', position: 1 };

function convert(config: unknown, record: JsonObject) {
  return compileConverter(config).map(record, AT, []);
}

function problemsOf(config: unknown): readonly string[] {
  try {
    compileConverter(config);
  } catch (error) {
    if (error instanceof ConverterConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** Television sessions in Parquet, columns by name. */
const SESSIONS = {
  config_name: ['television sessions'],
  converterConfig: {
    fileType: 'parquet',
    compressionType: 'none',
    convertToAmplitudeFunc: {
      event_type: 'action',
      user_id: 'user',
      device_id: 'device',
      event_properties: { show_id: 'show' },
      user_properties: { channel: 'utm_channel' },
      time: 'epoch',
      session_id: 'session',
      app_version: 'version',
    },
  },
  keyValidatorConfig: { filterPattern: 'tv/ds=202611[1-2][0-9]/.*\\.parquet' },
};

test('columns are taken by name, and texts become the numbers that the upload API asks for', () => {
  const record = {
    action: 'watch',
    user: 'john-1',
    device: 'box-1',
    show: '123',
    utm_channel: 'search',
    epoch: '1645066434189',
    session: '1',
    version: 3,
  };
  expect(convert(SESSIONS, record)).toEqual({
    event_type: 'watch',
    user_id: 'john-1',
    device_id: 'box-1',
    event_properties: { show_id: '123' },
    user_properties: { channel: 'search' },
    time: 1645066434189,
    session_id: 1,
    app_version: '3',
    $skip_user_properties_sync: true,
  });
});

test('what the file says of its dumps is given back', () => {
  const { fileType, compressionType, filterPattern, unused } = compileConverter(SESSIONS);
  expect({ fileType, compressionType, unused }).toEqual({ fileType: 'parquet', compressionType: 'none', unused: [] });
  expect(filterPattern?.test('tv/ds=20261115/part-0.parquet')).toBe(true);
  expect(filterPattern?.test('tv/ds=20261131/part-0.parquet')).toBe(false);
  expect(filterPattern?.test('old/tv/ds=20261115/part-0.parquet')).toBe(false);
});

/** Amplitude's own export: empty ids are null, times are text with a space. */
const EXPORT = {
  converterConfig: {
    fileType: 'json',
    compressionType: 'gzip',
    convertToAmplitudeFunc: {
      insert_id: '$insert_id',
      event_type: 'event_type',
      device_id: ['ifelse', ['eq', 'device_id', ['value', '']], ['value', null], 'device_id'],
      user_id: ['ifelse', ['eq', 'user_id', ['value', '']], ['value', null], 'user_id'],
      time: ['iso_time_to_ms', 'event_time'],
      event_properties: 'event_properties',
      user_properties: 'user_properties',
      ip: 'ip_address',
      location_lat: 'location_lat',
    },
  },
  keyValidatorConfig: { filterPattern: '.*' },
};

test('an exported event becomes one again', () => {
  const record = {
    $insert_id: 'a-1',
    event_type: 'play',
    device_id: 'phone-1',
    user_id: '',
    event_time: '2023-05-01 00:00:17.382000',
    event_properties: { song: 'x', big: 9007199254740993n },
    user_properties: {},
    ip_address: null,
  };
  expect(convert(EXPORT, record)).toEqual({
    insert_id: 'a-1',
    event_type: 'play',
    device_id: 'phone-1',
    user_id: null,
    time: Date.UTC(2023, 4, 1, 0, 0, 17, 382),
    event_properties: { song: 'x', big: 9007199254740993n },
    user_properties: {},
    ip: null,
    $skip_user_properties_sync: true,
  });
});

/** A shop's server log: JSON in a text, fractions of seconds, two spellings of one field, test orders, `$set` and `$add`. */
const SHOP = {
  converterConfig: {
    fileType: 'json',
    compressionType: 'gzip',
    ignoreEventFlag: '$ignore',
    convertToAmplitudeFunc: {
      $ignore: ['or', ['contains', '+test@', 'email'], ['equals', ['path', 'meta', 'env'], ['value', 'staging']]],
      event_type: [
        'cond',
        ['equals', 'kind', ['value', 'order']],
        ['value', 'Order Completed'],
        ['equals', 'kind', ['value', 'view']],
        ['concat', ['value', 'Viewed '], 'page'],
        ['bool', true],
        'kind',
      ],
      user_id: ['lower', ['any', 'uid', 'userId']],
      time: ['multiply', 'ts', ['int', 1000]],
      price: ['addf', ['path', 'order', 'net'], ['path', 'order', 'tax']],
      event_properties: [
        'merge_dicts',
        ['flatten_dict', '_', ['int', 3], ['exclude_keys', 'meta', 'secret']],
        ['parse_json_object', 'extra'],
        { first_tag: ['path', ['split', ',', 'tags'], '0'], phone: ['replace_with', '[^0-9]', '', 'phone'] },
      ],
      user_properties: { $set: { plan: 'plan' }, $add: { orders: ['value', 1] } },
      $skip_user_properties_sync: ['bool', false],
    },
  },
};

const ORDER = {
  kind: 'order',
  userId: 'Anna@Example.org',
  email: 'anna@example.org',
  ts: 1645066434.189,
  order: { net: 10.5, tax: '1.25' },
  meta: { env: 'live', secret: 'x', client: { os: { name: 'ios' } } },
  extra: '{"coupon":null}',
  tags: 'new,sale',
  phone: '+49 (30) 123',
  plan: 'gold',
};

test('operators stand within one another', () => {
  expect(convert(SHOP, ORDER)).toEqual({
    event_type: 'Order Completed',
    user_id: 'anna@example.org',
    time: 1645066434189,
    price: 11.75,
    event_properties: { env: 'live', client_os_name: 'ios', coupon: null, first_tag: 'new', phone: '4930123' },
    user_properties: { $set: { plan: 'gold' }, $add: { orders: 1 } },
    $skip_user_properties_sync: false,
  });
  expect(convert(SHOP, { kind: 'view', page: 'Home', uid: 'U-1' })).toEqual({
    event_type: 'Viewed Home',
    user_id: 'u-1',
    event_properties: {},
    user_properties: { $set: {}, $add: { orders: 1 } },
    $skip_user_properties_sync: false,
  });
});

test('an ignored record is filtered, even where it could not be converted', () => {
  expect(convert(SHOP, { ...ORDER, email: 'anna+test@example.org', ts: 'never' })).toBeNull();
  expect(convert(SHOP, { ...ORDER, meta: { env: 'staging' } })).toBeNull();
});

test('a record that cannot be converted says where, what was found and what was expected', () => {
  expect(() => convert(SHOP, { ...ORDER, ts: 'never' })).toThrow(
    new ConversionError('converterConfig.convertToAmplitudeFunc.time: multiply found "never", expected a number'),
  );
});

/** Rows of CSV: every cell is text, some are empty. */
const CSV = {
  converterConfig: {
    fileType: 'csv',
    compressionType: 'none',
    header: ['who', 'what', 'when', 'amount', 'sync'],
    convertToAmplitudeFunc: {
      user_id: 'who',
      event_type: 'what',
      time: ['parse_time_to_ms', 'dd.MM.yyyy HH:mm:ss VV', ['concat', 'when', ['value', ' Europe/Berlin']]],
      revenue: 'amount',
      $skip_user_properties_sync: 'sync',
    },
  },
};

test('an empty cell is no number', () => {
  const row = { who: 'user-1', what: 'buy', when: '20.07.2026 08:00:00', amount: '', sync: 'FALSE' };
  expect(convert(CSV, row)).toEqual({
    user_id: 'user-1',
    event_type: 'buy',
    time: Date.UTC(2026, 6, 20, 6),
    revenue: undefined,
    $skip_user_properties_sync: false,
  });
  expect(convert(CSV, { ...row, amount: '1.5' })).toMatchObject({ revenue: 1.5 });
});

test('settings that are not used are named', () => {
  expect(compileConverter({ ...CSV, extra: 1, keyValidatorConfig: { more: 1 } }).unused).toEqual([
    'extra',
    'converterConfig.header',
    'keyValidatorConfig.more',
  ]);
});

test.each([
  ['1645066434189', 1645066434189],
  ['1645066434189.0', 1645066434189],
  ['2026-11-20T08:00:00Z', Date.UTC(2026, 10, 20, 8)],
  ['', ''],
  ['soon', 'soon'],
])('the time %j becomes %j', (found, time) => {
  expect(convert({ convertToAmplitudeFunc: { time: 't' } }, { t: found })).toMatchObject({ time });
});

test('the rules may be any description that makes an event, several events, or null', () => {
  const two = { convertToAmplitudeFunc: ['array', { event_type: 'a' }, { event_type: 'b', ignore: 'c' }] };
  expect(convert(two, { a: 'x', b: 'y' })).toMatchObject([{ event_type: 'x' }, { event_type: 'y' }]);
  expect(convert({ ...two, ignoreEventFlag: 'ignore' }, { a: 'x', b: 'y', c: true })).toEqual([
    { event_type: 'x', $skip_user_properties_sync: true },
  ]);
  const maybe = { convertToAmplitudeFunc: ['ifelse', 'bot', ['value', null], { event_type: 'a' }] };
  expect(convert(maybe, { bot: true })).toBeNull();
  expect(() => convert({ convertToAmplitudeFunc: ['condition', 'bot', {}] }, {})).toThrow(
    'convertToAmplitudeFunc: found no value, expected an event',
  );
});

test('the time of the import comes from whoever compiles the file', () => {
  const config = { convertToAmplitudeFunc: { event_type: 'a', time: ['ms_time_now'] } };
  const { map } = compileConverter(config, { clock: ({ position }) => position * 1000 });
  expect(map({ a: 'x' }, { dump: 'd', position: 5 }, [])).toMatchObject({ time: 5000 });
});

test('a member named __proto__ is one like any other', () => {
  const config: unknown = JSON.parse(
    '{"convertToAmplitudeFunc":{"event_type":"__proto__","event_properties":{"__proto__":"a","b":["merge_dicts","o"]}}}',
  );
  const record = JSON.parse('{"__proto__":"x","a":1,"o":{"__proto__":2}}') as JsonObject;
  expect(JSON.stringify(convert(config, record))).toBe(
    '{"event_type":"x","event_properties":{"__proto__":1,"b":{"__proto__":2}},"$skip_user_properties_sync":true}',
  );
});

test('all problems are listed at once, each with its path', () => {
  const config = {
    converterConfig: {
      fileType: 'avro',
      compressionType: 7,
      convertToAmplitudeFunc: {
        event_type: ['lowercased', 'a'],
        time: ['ifelse', 'a', ['parse_time_to_ms', 'hh:mm yyyy', 't']],
        event_properties: { 'my key': ['merge_dicts', ['foo', ['bar']], 5] },
        user_id: [['path', 'a']],
      },
    },
    keyValidatorConfig: { filterPattern: '*.json' },
  };
  expect(problemsOf(config)).toEqual([
    'converterConfig.fileType: found "avro", expected one of json, csv, tsv, parquet',
    'converterConfig.compressionType: found 7, expected a text',
    'keyValidatorConfig.filterPattern: the expression "*.json" cannot be read: Nothing to repeat',
    'converterConfig.convertToAmplitudeFunc.event_type: unknown operator "lowercased"; did you mean "lowercase"?',
    'converterConfig.convertToAmplitudeFunc.time: ifelse is written ["ifelse", source, source, source]; found 2 arguments',
    'converterConfig.convertToAmplitudeFunc.time[2]: parse_time_to_ms: "h" and "K" count half a day and need "a" (AM, PM); 0 to 23 is "H"',
    'converterConfig.convertToAmplitudeFunc.event_properties["my key"][1]: unknown operator "foo"; did you mean "bool"?',
    'converterConfig.convertToAmplitudeFunc.event_properties["my key"][2]: found 5, expected a field name, an object or a list with an operator; a constant is ["value", 5]',
    "converterConfig.convertToAmplitudeFunc.user_id: found a list where an operator's name belongs",
  ]);
  expect(() => compileConverter(config)).toThrow(/^the converter configuration has 9 problems:\n {2}converterConfig/);
});

test.each([
  [null, '(top): found null, expected an object'],
  ['converter.json', '(top): found "converter.json", expected an object'],
  [{}, 'convertToAmplitudeFunc: missing; expected the rules that make an event'],
  [{ converterConfig: [] }, 'converterConfig: found a list, expected an object'],
  [{ convertToAmplitudeFunc: 'a', keyValidatorConfig: 5 }, 'keyValidatorConfig: found 5, expected an object'],
  [{ converterConfig: {} }, 'converterConfig.convertToAmplitudeFunc: missing; expected the rules that make an event'],
])('%j is no converter', (config, problem) => {
  expect(problemsOf(config)).toEqual([problem]);
});

test('rules nested without end are refused', () => {
  let rules: unknown = 'a';
  for (let i = 0; i < 50_000; i++) rules = ['path', rules];
  expect(problemsOf({ convertToAmplitudeFunc: rules })[0]).toMatch(/nested more than 100 levels deep$/);
});

/** Operators and things like them, with arguments that often fit. */
const anyRules = fc.letrec<{ rule: unknown }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'rule' },
    fc.constantFrom<unknown>('a', 'b', '0', '.', 'yyyy-MM-dd', '__proto__', 3, -1, null, true, ['int', 3]),
    fc
      .tuple(fc.constantFrom(...OPERATORS.flatMap(({ names }) => names)), fc.array(tie('rule'), { maxLength: 4 }))
      .map(([name, given]) => [name, ...given]),
    fc.dictionary(fc.constantFrom('a', 'event_type', 'time', '__proto__', '$ignore'), tie('rule'), { maxKeys: 3 }),
  ),
})).rule;

const anyValue = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    '2026-11-20',
    '1.5',
    '{"a":1}',
    10n ** 20n,
    1e300,
    '',
    'true',
    (JSON as unknown as { rawJSON(text: string): object }).rawJSON('1e400'),
  ),
);
const anyRecord = fc.dictionary(fc.constantFrom('a', 'b', '0', '__proto__', 'constructor'), anyValue);

test('any JSON compiles or is refused with a list, and any record is converted, filtered or refused', () => {
  const anyFile = fc.oneof(
    fc.jsonValue(),
    anyRules.map((convertToAmplitudeFunc) => ({ convertToAmplitudeFunc, ignoreEventFlag: '$ignore' })),
    fc.record({
      converterConfig: fc.record({ fileType: fc.jsonValue(), convertToAmplitudeFunc: anyRules }, { requiredKeys: [] }),
      keyValidatorConfig: fc.jsonValue(),
    }),
  );
  let compiled = 0;
  fc.assert(
    fc.property(anyFile, anyRecord, (file, record) => {
      const before = JSON.stringify(file);
      if (problemsOf(file).length > 0) return;
      compiled += 1;
      const { map } = compileConverter(file, { clock: () => 0 });
      try {
        expect(map(record as JsonObject, AT, [])).toBeTypeOf('object');
      } catch (error) {
        expect(error).toBeInstanceOf(ConversionError);
      }
      expect(JSON.stringify(file)).toBe(before);
    }),
    { numRuns: runs(3_000) },
  );
  expect(compiled).toBeGreaterThan(runs(100));
});

test('the documentation has a row for every operator, with how it is written and its other names', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/converter.md'), 'utf8').replaceAll('\\|', '|');
  const [, table = ''] = text.split('## Operators');
  const rows = [...table.matchAll(/^\| (`\[.*?\]`(?:, `.*?`)*) \|/gm)].map(([, row = '']) => row);
  const operators = OPERATORS.map((operator) =>
    [syntaxOf(operator), ...operator.names.slice(1)].map((text) => `\`${text}\``).join(', '),
  );
  expect(rows.toSorted()).toEqual(operators.toSorted());
});
