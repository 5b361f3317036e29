/** Bad input of every format: what is sent of it, and the reject or refusal that names file, place, field, what was found and what was expected. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { eventTexts, openChunker, rejectLines, takeChunks } from '../chunker.ts';
import { dumpOf, sourceOf } from '../fixtures.ts';
import { type FormatInput, formatFrom } from './reading.ts';

/** How many events, the rejects, and why the dump broke off if it did. */
type Outcome = { readonly events: number; readonly rejects?: readonly string[]; readonly failure?: string };
type Row = readonly [what: string, bytes: Buffer | string, outcome: Outcome];

/** The dump is called after its format: `day.csv`. */
async function importAs(format: FormatInput, content: Buffer | string) {
  const bytes = Buffer.from(content);
  const key = `day.${typeof format === 'string' ? format : format.type}`;
  const source = sourceOf({ format: formatFrom(format) });
  const chunker = openChunker(bytes, { source, dump: dumpOf(bytes, { key }) });
  const outcome = await chunker.run();
  const rejects = await rejectLines(chunker);
  const texts = (await takeChunks(chunker)).flatMap(eventTexts);
  const failure = outcome.kind === 'read' ? outcome.failure : undefined;
  const shown = rejects.map(
    ({ position, reason, detail }) => `${String(position)}: ${String(reason)} (${String(detail)})`,
  );
  const folders = new Set((await chunker.results.list('rejects/')).map((name) => name.split('/')[1]));
  return { texts, rejects: shown, failure, folders: [...folders], key };
}

function holds(format: FormatInput, rows: readonly Row[]): void {
  test.each(rows)('%s', async (_what, bytes, { events, rejects = [], failure }) => {
    const found = await importAs(format, bytes);
    expect(found.rejects).toEqual(rejects);
    expect(found.texts).toHaveLength(events);
    if (failure === undefined) expect(found.failure).toBeUndefined();
    else {
      expect(found.failure).toContain(`s3://landing/${found.key}`);
      expect(found.failure).toContain(failure);
    }
    // The rejects themselves need not name the dump: their folder does.
    for (const folder of found.folders) expect(folder).toContain(found.key);
  });
}

const TIME = 1_795_168_800_000;
const event = (i: number, changes: object = {}) => ({
  event_type: 'Seen',
  user_id: `user-${i}`,
  time: TIME,
  ...changes,
});

/** The second of three records is bad, in any format whose records are JSON. */
const BAD_RECORDS: readonly (readonly [what: string, record: string, reject: string])[] = [
  ['text where a time must be', json({ time: 'soon' }), 'time is not a whole number (found "soon"'],
  ['a date that does not exist', json({ time: '2026-02-31' }), 'time is not a whole number (found "2026-02-31"'],
  [
    'a time in microseconds',
    json({ time: TIME * 1_000 }),
    `time is no date (found ${TIME * 1_000}, expected milliseconds`,
  ],
  [
    'a time beyond 2^53',
    json({}).replace(`${TIME}`, '12345678901234567890'),
    'time is no date (found 1234567890123456',
  ],
  ['a number for a name', json({ user_id: 123_456 }), 'user_id is not a string (found 123456'],
  ['text for an object', json({ event_properties: '{}' }), 'event_properties is not an object (found "{}"'],
  [
    'other names, as after a change of schema',
    '{"event":"Seen","uid":"user-2"}',
    'event_type is missing (found only "event", "uid", expected a name',
  ],
  [
    'a missing field',
    '{"event_type":"Seen","user_id":null}',
    'user_id and device_id are both missing (found only "event_type", expected at least one of them',
  ],
  ['an array', '[1,2]', 'record is not an object (found [1,2]'],
  ['no object', '7', 'record is not an object (found 7'],
];

function json(changes: object): string {
  return JSON.stringify(event(2, changes));
}

/** What is taken as it is, though it looks odd. */
const ODD_RECORD =
  '{"event_type":"Seen","user_id":"user-2","a.b":1,"event_properties":{"größe 💶":1,"x.y":2,"big":12345678901234567890}}';

describe('NDJSON', () => {
  const lines = (...records: readonly string[]) => records.map((record) => `${record}\n`).join('');
  const whole = lines(json({}), json({ n: 1 }));
  holds('ndjson', [
    ...BAD_RECORDS.map(([what, record, reject]): Row => {
      return [
        what,
        lines(json({}), record, json({ n: 1 })),
        { events: 2, rejects: [expect.stringContaining(`2: ${reject}`)] },
      ];
    }),
    ['empty', '', { events: 0 }],
    ['nothing but line ends', '\n\r\n\n', { events: 0 }],
    ['an empty gzip', gzipSync(''), { events: 0 }],
    [
      'cut off in a record',
      whole.slice(0, -20),
      {
        events: 1,
        rejects: [expect.stringContaining('2: record is not JSON (SyntaxError')],
        failure: 'ends in the middle of its last record (line 2): it was cut off',
      },
    ],
    ['cut off in gzip', gzipSync(whole).subarray(0, -4), { events: 2, failure: 'gzip cannot be read on after about' }],
    [
      'cut off in zstd',
      zstdCompressSync(whole).subarray(0, -4),
      { events: 0, failure: 'zstd cannot be read on after about' },
    ],
    ['mixed line ends', `${json({})}\r\n${json({ n: 1 })}\n\n${json({ n: 2 })}\r\n`, { events: 3 }],
    [
      'CR alone, which ends no line of NDJSON',
      `${json({})}\r${json({ n: 1 })}\r\n${json({ n: 2 })}\n`,
      { events: 1, rejects: [expect.stringContaining('1: record is not JSON (SyntaxError')] },
    ],
    [
      'another encoding',
      Buffer.from(`${json({ n: 'ø' })}\n`, 'latin1'),
      { events: 0, rejects: ['1: record is not UTF-8 (expected JSON in UTF-8; convert the dump)'] },
    ],
    ['names with dots, names in any language, and numbers beyond 2^53', lines(ODD_RECORD), { events: 1 }],
    ['a name that stands twice', lines('{"event_type":7,"user_id":"user-2","event_type":"Seen"}'), { events: 1 }],
  ]);
});

describe('JSON array', () => {
  const array = (...records: readonly string[]) => `[${records.join(',')}]`;
  holds('json-array', [
    ...BAD_RECORDS.map(([what, record, reject]): Row => {
      return [
        what,
        array(json({}), record, json({ n: 1 })),
        { events: 2, rejects: [expect.stringContaining(`2: ${reject}`)] },
      ];
    }),
    ['empty', '', { events: 0 }],
    ['an empty array', '[]', { events: 0 }],
    ['an empty gzip', gzipSync(''), { events: 0, failure: 'it is empty, expected a JSON array' }],
    [
      'cut off in a record',
      array(json({}), json({})).slice(0, -20),
      {
        events: 1,
        rejects: ['2: record is cut off (the dump ends in the middle of it)'],
        failure: 'ends before its array does (after element 2): it was cut off',
      },
    ],
    ['cut off before its bracket', array(json({})).slice(0, -1), { events: 1, failure: 'ends before its array does' }],
    [
      'an object',
      `{"events":${array(json({}))}}`,
      { events: 0, failure: 'byte 0: the dump begins with "{", expected an array' },
    ],
    ['mixed line ends', `[\r\n${json({})},\n${json({ n: 1 })}\r,${json({ n: 2 })}\r\n]\n`, { events: 3 }],
    ['names with dots, names in any language, and numbers beyond 2^53', array(ODD_RECORD), { events: 1 }],
  ]);
});

describe('CSV', () => {
  const types = { time: 'number', event_properties: 'json' };
  const header = 'event_type,user_id,time,event_properties';
  const row = (i: number, time: number | string = TIME, properties = '{}') =>
    `Seen,user-${i},${time},"${properties.replaceAll('"', '""')}"`;
  const table = (...rows: readonly string[]) => rows.map((each) => `${each}\n`).join('');
  holds({ type: 'csv', types }, [
    [
      'text where a time must be',
      table(header, row(1), row(2, 'soon'), row(3)),
      { events: 2, rejects: ['2: column time is not a number (found "soon" in cell 3, expected a number)'] },
    ],
    [
      'a date that does not exist',
      table(header, row(1, '2026-02-31')),
      { events: 0, rejects: ['1: column time is not a number (found "2026-02-31" in cell 3, expected a number)'] },
    ],
    [
      'a time beyond 2^53',
      table(header, row(1, '12345678901234567890')),
      {
        events: 0,
        rejects: [expect.stringContaining('1: time is no date (found 12345678901234567890, expected milliseconds')],
      },
    ],
    [
      'what is no JSON',
      table(header, row(1, TIME, '{n:1}')),
      { events: 0, rejects: ['1: column event_properties is not JSON (found "{n:1}" in cell 4, expected JSON)'] },
    ],
    [
      'JSON of another kind',
      table(header, row(1, TIME, '[]')),
      { events: 0, rejects: ['1: event_properties is not an object (found an array)'] },
    ],
    [
      'a cell too few',
      table(header, 'Seen,user-1,1', row(2)),
      { events: 1, rejects: ['1: row has too few cells (found 3, expected 4: none for column "event_properties")'] },
    ],
    [
      'a cell too many',
      table(header, `${row(1)},x`, row(2)),
      { events: 1, rejects: ['1: row has too many cells (found 5, expected 4: 1 behind the last column)'] },
    ],
    ['empty', '', { events: 0 }],
    ['a header alone', table(header), { events: 0 }],
    [
      'cut off in a row',
      table(header, row(1), 'Seen,us').trimEnd(),
      {
        events: 1,
        rejects: ['2: row has too few cells (found 2, expected 4: none for column "time")'],
        failure: 'ends in the middle of its last row (row 2)',
      },
    ],
    [
      'cut off in quotes',
      table(header, row(1), row(2)).slice(0, -3),
      {
        events: 1,
        rejects: ['2: row has a quote that is not closed (it opens cell 4)'],
        failure: 'ends in the middle of its last row (row 2)',
      },
    ],
    [
      'cut off in gzip',
      gzipSync(table(header, row(1))).subarray(0, -4),
      { events: 1, failure: 'gzip cannot be read on after about' },
    ],
    ['mixed line ends', `${header}\r\n${row(1)}\n${row(2)}\r${row(3)}\r\n`, { events: 3 }],
    [
      'columns in another order, and one more',
      table('time,extra,event_type,event_properties,user_id', `${TIME},1,Seen,{},user-1`),
      { events: 1 },
    ],
    [
      'a column that is missing',
      table('event_type,time,event_properties', `Seen,${TIME},{}`),
      {
        events: 0,
        rejects: [
          '1: user_id and device_id are both missing (found only "event_type", "time", "event_properties", expected at least one of them)',
        ],
      },
    ],
    [
      'a column that is missing and has a type',
      table('event_type,user_id,at,event_properties', row(1)),
      { events: 0, failure: 'the header (first row)' },
    ],
    [
      'a header that names a column twice',
      table(`${header},time`, `${row(1)},1`),
      { events: 0, failure: 'columns 3 and 5 are both called "time"; name all columns with format.columns' },
    ],
    ['a header without a name', table(`${header},`, `${row(1)},1`), { events: 0, failure: 'column 5 has no name' }],
    [
      'names with dots, names in any language, and numbers beyond 2^53',
      table(`${header},a.b,größe 💶`, `${row(1, TIME, '{"big":12345678901234567890}')},1,2`),
      { events: 1 },
    ],
    [
      'another encoding',
      Buffer.from(table(header, 'Größe,user-1,1,{}'), 'latin1'),
      { events: 0, rejects: ['1: row is not UTF-8 (expected text in UTF-8; convert the dump)'] },
    ],
    ['another format', json({}), { events: 0, failure: 'the header (first row)' }],
  ]);
});

describe('Parquet', () => {
  type Column = Parameters<typeof parquetWriteBuffer>[0]['columnData'][number];
  const file = (...columnData: readonly Column[]) => Buffer.from(parquetWriteBuffer({ columnData: [...columnData] }));
  const types: Column = { name: 'event_type', data: ['Seen', 'Seen'], type: 'STRING' };
  const users: Column = { name: 'user_id', data: ['user-1', 'user-2'], type: 'STRING' };
  const times = (...data: bigint[]): Column => ({ name: 'time', data, type: 'INT64' });
  const good = file(types, users, times(BigInt(TIME), BigInt(TIME)));
  holds('parquet', [
    [
      'text where a time must be',
      file(types, users, { name: 'time', data: ['soon', null], type: 'STRING' }),
      { events: 1, rejects: ['1: time is not a whole number (found "soon")'] },
    ],
    [
      'a time beyond 2^53',
      file(types, users, times(9223372036854775807n, 1n)),
      { events: 1, rejects: [expect.stringContaining('1: time is no date (found 9223372036854775807, expected')] },
    ],
    [
      'a number for a name',
      file(types, { name: 'user_id', data: [123_456, 7], type: 'INT32' }),
      { events: 0, rejects: ['1: user_id is not a string (found 123456)', '2: user_id is not a string (found 7)'] },
    ],
    [
      'null for a name',
      file(types, { name: 'user_id', data: ['user-1', null], type: 'STRING' }),
      {
        events: 1,
        rejects: ['2: user_id and device_id are both missing (found only "event_type", expected at least one of them)'],
      },
    ],
    [
      'no number',
      file(types, users, { name: 'price', data: [1.5, Number.NaN], type: 'DOUBLE' }),
      {
        events: 1,
        rejects: ['2: column has a value that cannot be read (column price: found NaN, expected a number)'],
      },
    ],
    [
      'a column that is missing',
      file(users),
      {
        events: 0,
        rejects: [1, 2].map((row) => `${row}: event_type is missing (found only "user_id", expected a name)`),
      },
    ],
    [
      'a column more, and another order',
      file({ name: 'extra', data: [1, 2], type: 'INT32' }, users, types),
      { events: 2 },
    ],
    [
      'names with dots, names in any language, and numbers beyond 2^53',
      file(types, users, { name: 'a.b', data: [1, 2] }, { name: 'größe 💶', data: [2n ** 60n, 1n], type: 'INT64' }),
      { events: 2 },
    ],
    [
      'a name that stands twice',
      file(types, users, types),
      { events: 0, failure: 'cannot be read: two columns are called event_type; write it with each name once' },
    ],
    ['empty', '', { events: 0 }],
    ['no rows', file({ ...types, data: [] }), { events: 0 }],
    ['cut off', good.subarray(0, -10), { events: 0, failure: 'it was cut off: a Parquet file ends with PAR1' }],
    ['cut off in its footer', good.subarray(0, 10), { events: 0, failure: 'has at least 12 bytes, and this has 10' }],
    ['in gzip', gzipSync(good), { events: 0, failure: 'is parquet in gzip: drop it without gzip' }],
    [
      'another format',
      json({}),
      { events: 0, failure: 'it is no Parquet file, which begins with PAR1; check the source' },
    ],
  ]);

  test('a day that no date can hold is named with its column', async () => {
    const schema = [
      { name: 'root', num_children: 2 },
      { name: 'user_id', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      { name: 'at', type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', repetition_type: 'REQUIRED' },
    ] as const;
    const columnData = [
      { name: 'user_id', data: ['user-1'] },
      { name: 'at', data: [9223372036854775807n] },
    ];
    const { rejects } = await importAs('parquet', Buffer.from(parquetWriteBuffer({ columnData, schema: [...schema] })));
    expect(rejects).toEqual([
      '1: column has a value that cannot be read (column at: found 9223372036854775807 (10^-3 s since 1970), expected a time that a date can hold)',
    ]);
  });
});

describe('zip', () => {
  const zip = (files: Readonly<Record<string, Buffer | string>>) =>
    Buffer.from(zipSync(Object.fromEntries(Object.entries(files).map(([name, file]) => [name, Buffer.from(file)]))));
  const lines = (...records: readonly string[]) => records.map((record) => `${record}\n`).join('');
  const first = lines(json({}), json({ n: 1 }));
  holds('zip', [
    ...BAD_RECORDS.map(([what, record, reject]): Row => {
      const content = zip({ 'a.json': first, 'x/b.json.gz': gzipSync(lines(json({ n: 2 }), record)) });
      return [what, content, { events: 3, rejects: [expect.stringContaining(`4: ${reject}`)] }];
    }),
    [
      'a reject, whose place is also said within its file',
      zip({ 'a.json': first, 'x/b.json.gz': gzipSync(`${json({})}\n7\n`) }),
      { events: 3, rejects: ['4: record is not an object (found 7 (line 2 of x/b.json.gz))'] },
    ],
    ['empty', '', { events: 0 }],
    ['no files', zip({}), { events: 0 }],
    ['an empty file in it', zip({ 'a.json': '', 'b.json.gz': gzipSync(''), 'c.json': first }), { events: 2 }],
    [
      'cut off',
      zip({ 'a.json': first }).subarray(0, -30),
      { events: 0, failure: 'its directory, which stands at its end, cannot be read' },
    ],
    [
      'a file in it cut off in gzip',
      zip({ 'a.json.gz': gzipSync(first).subarray(0, -4), 'b.json': lines(json({ n: 3 })) }),
      { events: 3, failure: '/a.json.gz is damaged: gzip cannot be read on after about' },
    ],
    [
      'a file in it cut off in a record',
      zip({ 'a.json': first.slice(0, -20), 'b.json': lines(json({ n: 3 })) }),
      { events: 2, rejects: [expect.stringMatching(/^2: record is not JSON .* \(line 2 of a\.json\)\)$/)] },
    ],
    [
      'a table in it',
      zip({ 'a.csv': 'a,b\n', 'b.json': first }),
      { events: 2, failure: '/a.csv cannot be read: a file in a zip must be .json' },
    ],
    [
      'an array in it',
      zip({ 'a.json': `[${json({})}]` }),
      { events: 0, rejects: [expect.stringContaining('1: record is not an object (found [{"event_type"')] },
    ],
    ['mixed line ends', zip({ 'a.json': `${json({})}\r\n${json({ n: 1 })}\n${json({ n: 2 })}` }), { events: 3 }],
    [
      'names with dots, names in any language, and numbers beyond 2^53',
      zip({ 'ä.json': lines(ODD_RECORD) }),
      { events: 1 },
    ],
    ['another format', json({}), { events: 0, failure: 'cannot be read' }],
  ]);
});

test.each(['ndjson', 'json-array'] as const)(
  '%s: odd names and numbers beyond 2^53 are sent as they came',
  async (format) => {
    const { texts } = await importAs(format, format === 'ndjson' ? ODD_RECORD : `[${ODD_RECORD}]`);
    expect(texts).toEqual([expect.stringContaining(ODD_RECORD.slice(1, -1))]);
  },
);

test('CSV and Parquet: numbers beyond 2^53 are sent as they came', async () => {
  const csv = 'event_type,user_id,a.b,event_properties\nSeen,user-1,1,"{""big"":12345678901234567890}"\n';
  const table = await importAs({ type: 'csv', types: { event_properties: 'json' } }, csv);
  expect(table.texts).toEqual([expect.stringContaining('"a.b":"1","event_properties":{"big":12345678901234567890}')]);
  const columnData = [
    { name: 'event_type', data: ['Seen'] },
    { name: 'user_id', data: ['user-1'] },
    { name: 'a.b', data: [9223372036854775807n] },
  ];
  const rows = await importAs('parquet', Buffer.from(parquetWriteBuffer({ columnData })));
  expect(rows.texts).toEqual([expect.stringContaining('"a.b":9223372036854775807')]);
});

test('files of one source with other columns are read each by its own header', async () => {
  const format = { type: 'csv', types: { n: 'number' } } as const;
  const one = await importAs(format, 'event_type,user_id,n\nSeen,user-1,1\n');
  const other = await importAs(format, 'n;user_id;event_type;city\n1;user-1;Seen;Köln\n');
  expect(one.texts.map(withoutId)).toEqual([{ event_type: 'Seen', user_id: 'user-1', n: 1 }]);
  expect(other.texts.map(withoutId)).toEqual([{ event_type: 'Seen', user_id: 'user-1', n: 1, city: 'Köln' }]);
});

function withoutId(text: string): object {
  const { insert_id: _, ...rest } = JSON.parse(text) as Record<string, unknown>;
  return rest;
}
