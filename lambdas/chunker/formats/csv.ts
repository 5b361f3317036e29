/** CSV and TSV: each row behind the header is a record, its cells named by the columns. */
import { type Dump, dumpUrl } from '../../../shared/dump.ts';
import { formatOf, type TableFormat } from '../../../shared/format-settings.ts';
import { DumpUnreadable } from '../../../shared/objects.ts';
import type { RawRecord } from '../raw-record.ts';
import { markLength, peek } from './dump-head.ts';
import { BLOCK_RECORDS, type DumpBytes, type FormatStart, type ReadFormat, type ReadSettings } from './format.ts';
import { hasLine, sniffDelimiter } from './sniff-table.ts';
import { type Column, columnsOf, readCells, readRow, type TableOptions } from './table-cells.ts';
import { type Row, rowSplitter } from './table-rows.ts';

/**
 * A record's `bytes` are its row without the line end, its `position` counts rows without the header and blank lines.
 * A header that does not name each column once ends the dump: no row could be trusted.
 */
export const readTable: ReadFormat = async function* (bytes, from, source) {
  const { rows, columns, options } = await openTable(bytes, from, source);
  let position = from.position;
  let records: RawRecord[] = [];
  for await (const some of rows) {
    for (const row of some) {
      position += 1;
      records.push(recordOf(row, position, columns, options));
    }
    yield records;
    const last = some.at(-1);
    const cutOff = last && !last.terminated ? cutOffFault(records.at(-1), last) : undefined;
    if (cutOff !== undefined) {
      throw new DumpUnreadable(
        `${dumpUrl(bytes.dump)} ends in the middle of its last row (row ${position}): ${cutOff}; it was cut off: drop a whole copy of it`,
      );
    }
    records = [];
  }
};

/** At the end of a dump a row that lacks something was cut off; with every cell there nobody can tell. */
function cutOffFault(record: RawRecord | undefined, row: Row): string | undefined {
  if (!record?.parsed || !('fault' in record.parsed)) return undefined;
  const { reason, detail } = record.parsed.fault;
  return row.unclosed || reason === TOO_FEW ? `${reason}, ${detail}` : undefined;
}

const TOO_FEW = 'row has too few cells';

function recordOf(row: Row, position: number, columns: readonly Column[], options: TableOptions): RawRecord {
  const { bytes, length, end, terminated } = row;
  const record = { bytes, length, position, end, terminated };
  if (bytes.length < length) return record; // cut: it is too long whatever it holds
  const cells = readCells(bytes, options);
  if ('fault' in cells) return { ...record, parsed: cells };
  return { ...record, parsed: readRow(cells, columns, options) };
}

type Table = {
  readonly rows: AsyncIterable<readonly Row[]>;
  readonly columns: readonly Column[];
  readonly options: TableOptions;
};

/** The header is read from the dump's beginning, wherever reading goes on. */
async function openTable({ dump, stream }: DumpBytes, from: FormatStart, source: ReadSettings): Promise<Table> {
  const format = tableFormat(source);
  const maxBytes = source.caps.recordBytes;
  const { head, pieces, close } = await peek(stream(0), hasLine);
  const mark = markLength(head);
  const options = { ...format, delimiter: format.delimiter ?? sniffDelimiter(head.subarray(mark)) ?? ',' };
  const hasHeader = format.header ?? format.columns === undefined;
  const all = readRows(pieces, mark, 0, options, maxBytes);
  const { first, rows } = hasHeader ? await takeFirst(all) : { first: undefined, rows: all };
  const names = first ? headerNames(dump, first, format, options) : (format.columns ?? []);
  const columns = columnsOf(names, options);
  if (from.position === 0) return { rows, columns, options };
  await close();
  return { rows: readRows(stream(from.offset), 0, from.offset, options, maxBytes), columns, options };
}

function tableFormat({ format }: ReadSettings): TableFormat {
  const chosen = format ?? formatOf('csv');
  if (chosen.type === 'csv' || chosen.type === 'tsv') return chosen;
  throw new Error(`${chosen.type} is no format of rows`);
}

/** The rows of the pieces, which stand at `offset` in the dump, in blocks; the first `mark` bytes are of no row. */
async function* readRows(
  pieces: AsyncIterable<Buffer>,
  mark: number,
  offset: number,
  { delimiter, quote }: TableOptions,
  maxBytes: number,
): AsyncGenerator<readonly Row[]> {
  const marks = { delimiter: delimiter.charCodeAt(0), quote: quote === '' ? undefined : quote.charCodeAt(0) };
  const splitter = rowSplitter(marks, offset + mark, maxBytes);
  let left = mark;
  for await (const piece of pieces) {
    let rows: Row[] = [];
    for (const row of splitter.split(left === 0 ? piece : piece.subarray(left))) {
      rows.push(row);
      if (rows.length < BLOCK_RECORDS) continue;
      yield rows;
      rows = [];
    }
    if (rows.length > 0) yield rows;
    left = 0; // the first piece holds the whole mark, since it was looked at
  }
  const last = splitter.last();
  if (last) yield [last];
}

async function takeFirst(
  blocks: AsyncGenerator<readonly Row[]>,
): Promise<{ readonly first: Row | undefined; readonly rows: AsyncIterable<readonly Row[]> }> {
  const begin = await blocks.next();
  const [first, ...others] = begin.done ? [] : begin.value;
  async function* rest(): AsyncGenerator<readonly Row[]> {
    if (others.length > 0) yield others;
    yield* blocks;
  }
  return { first, rows: rest() };
}

/** The columns' names; throws DumpUnreadable where the header cannot be what it should. */
function headerNames(dump: Dump, row: Row, { columns, types }: TableFormat, options: TableOptions): readonly string[] {
  const refuse = (what: string) =>
    new DumpUnreadable(`the header (first row) of ${dumpUrl(dump)} cannot be used: ${what}`);
  if (row.bytes.length < row.length) throw refuse(`it is ${row.length} bytes long, without a line end`);
  const read = readCells(row.bytes, options);
  if ('fault' in read) throw refuse(`${read.fault.reason} (${read.fault.detail})`);
  if (columns) {
    if (read.cells.length === columns.length) return columns;
    throw refuse(`it has ${read.cells.length} columns, format.columns names ${columns.length}`);
  }
  const names = read.cells;
  const empty = names.indexOf('');
  if (empty !== -1) throw refuse(`column ${empty + 1} has no name; name all columns with format.columns`);
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i);
  const name = names[twice];
  if (name !== undefined) {
    const first = names.indexOf(name) + 1;
    throw refuse(`columns ${first} and ${twice + 1} are both called "${name}"; name all columns with format.columns`);
  }
  const missing = Object.keys(types).find((typed) => !names.includes(typed));
  if (missing === undefined) return names;
  throw refuse(
    `format.types names a column "${missing}", found ${names
      .slice(0, 20)
      .map((found) => `"${found}"`)
      .join(', ')}`,
  );
}
