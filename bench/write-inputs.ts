/** Writes the same generated events in every format and compression that can be read, a piece at a time. */
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress, gzipSync } from 'node:zlib';
import { Zip, ZipPassThrough } from 'fflate';
import { fileWriter, parquetWriteRows } from 'hyparquet-writer';
import { generateLines, type MadeDump } from './generate-dump.ts';
import type { Input } from './inputs.config.ts';

/** `rawBytes` are those of the events as NDJSON, whatever the input takes. */
export async function writeInput(input: Input, path: string, rawBytes: number): Promise<MadeDump> {
  const { made, pieces } = generateLines({ rawBytes });
  await writeLines(input, path, pieces());
  return made;
}

/** Of lines that `generateLines` made. */
export async function writeLines(input: Input, path: string, pieces: Pieces): Promise<void> {
  if (input === 'parquet') writeParquet(path, pieces);
  else if (input === 'gzip') await pipeline(pieces, createGzip({ level: 1 }), createWriteStream(path));
  else if (input === 'zstd') await pipeline(pieces, createZstdCompress(), createWriteStream(path));
  else await pipeline(WRITERS[input](pieces), createWriteStream(path));
}

type Pieces = Iterable<Buffer>;

const WRITERS: Readonly<Record<Exclude<Input, 'parquet' | 'gzip' | 'zstd'>, (pieces: Pieces) => Pieces>> = {
  ndjson: (pieces) => pieces,
  'json-array': toArray,
  csv: (pieces) => toTable(pieces, ','),
  tsv: (pieces) => toTable(pieces, '\t'),
  zip: toZip,
};

function* toArray(pieces: Pieces): Generator<Buffer> {
  let before = '[\n';
  for (const piece of pieces) {
    yield Buffer.from(before + linesOf(piece).join(',\n'));
    before = ',\n';
  }
  yield Buffer.from(before === ',\n' ? '\n]\n' : '[]\n');
}

const COLUMNS = [
  'event_type',
  'user_id',
  'device_id',
  'time',
  'session_id',
  'platform',
  'os_name',
  'os_version',
  'device_model',
  'app_version',
  'country',
  'city',
  'language',
  'event_properties',
] as const;
type Value = string | number | bigint | object | undefined;
type Row = { readonly [Column in (typeof COLUMNS)[number]]?: Value };

/** What is an object is a cell of JSON. */
function* toTable(pieces: Pieces, delimiter: string): Generator<Buffer> {
  const cell = (value: Value) => {
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value ?? '');
    return /[",\t\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  yield Buffer.from(`${COLUMNS.join(delimiter)}\n`);
  for (const piece of pieces) {
    const rows = linesOf(piece).map((line) => {
      const row = JSON.parse(line) as Row;
      return `${COLUMNS.map((column) => cell(row[column])).join(delimiter)}\n`;
    });
    yield Buffer.from(rows.join(''));
  }
}

/** Pieces of events in one file of the zip: as Amplitude's export has them, gzipped and by the hour. */
const PIECES_A_FILE = 20;

function* toZip(pieces: Pieces): Generator<Buffer> {
  let written: Buffer[] = [];
  const zip = new Zip((error, bytes) => {
    if (error) throw error;
    written.push(Buffer.from(bytes));
  });
  let files = 0;
  let held: Buffer[] = [];
  function* close(): Generator<Buffer> {
    const file = new ZipPassThrough(`export/1234_2026-11-20_${files}#0.json.gz`);
    zip.add(file);
    file.push(Uint8Array.from(gzipSync(Buffer.concat(held), { level: 1 })), true);
    files += 1;
    held = [];
    yield* written;
    written = [];
  }
  for (const piece of pieces) {
    held.push(piece);
    if (held.length === PIECES_A_FILE) yield* close();
  }
  if (held.length > 0) yield* close();
  zip.end();
  yield* written;
}

type Element = NonNullable<Parameters<typeof parquetWriteRows>[0]['schema']>[number];

const leaf = (name: string, type: NonNullable<Element['type']>, more: Partial<Element> = {}): Element => ({
  name,
  type,
  repetition_type: 'OPTIONAL',
  ...more,
});
const text = (name: string) => leaf(name, 'BYTE_ARRAY', { converted_type: 'UTF8' });
const group = (name: string, fields: number): Element => ({
  name,
  num_children: fields,
  repetition_type: 'OPTIONAL',
});
const list = (name: string, element: Element): Element[] => [
  { ...group(name, 1), converted_type: 'LIST' },
  { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
  element,
];

/** Objects are groups, and lists are lists. */
const SCHEMA: Element[] = [
  { name: 'root', num_children: COLUMNS.length },
  ...COLUMNS.slice(0, -1).map((name) => (/^(time|session_id)$/.test(name) ? leaf(name, 'INT64') : text(name))),
  group('event_properties', 5),
  text('request_id'),
  group('product', 4),
  text('id'),
  text('name'),
  ...list('tags', text('element')),
  leaf('price', 'DOUBLE'),
  leaf('position', 'INT32'),
  group('campaign', 3),
  text('source'),
  text('medium'),
  ...list('ids', leaf('element', 'INT32')),
  text('url'),
];

function writeParquet(path: string, pieces: Pieces): void {
  function* rows(): Generator<Row> {
    for (const piece of pieces) {
      for (const line of linesOf(piece)) {
        const { time, session_id, ...others } = JSON.parse(line) as Row;
        yield { ...others, time: BigInt(Number(time)), session_id: BigInt(Number(session_id)) };
      }
    }
  }
  const columns = COLUMNS.map((name) => ({ name }));
  const done = parquetWriteRows({
    writer: fileWriter(path),
    rows: rows(),
    columns,
    schema: SCHEMA,
    rowGroupSize: ROW_GROUP,
  });
  if (done) throw new Error('expected a writer that does not wait');
}

/** Rows of a row group, as Spark writes them at its default of 128 MB, held by the writer as objects meanwhile. */
const ROW_GROUP = 100_000;

function linesOf(piece: Buffer): string[] {
  return piece.toString().trimEnd().split('\n');
}
