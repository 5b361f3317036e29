/** Makes a record of a row of CSV or TSV: its cells by name, each of its column's type. */
import { isUtf8 } from 'node:buffer';
import type { Json, JsonObject } from '../../../shared/amplitude-event.ts';
import type { ColumnType, TableFormat } from '../../../shared/format-settings.ts';
import type { Fault } from '../check-event.ts';
import { parseExactly } from '../../../shared/exact-json.ts';

export type Cells = { readonly cells: readonly string[]; readonly quoted: ReadonlySet<number> };

export type TableOptions = Pick<TableFormat, 'quote' | 'types' | 'empty' | 'nulls'> & { readonly delimiter: string };

const NONE: ReadonlySet<number> = new Set();

/** The cells of a row as they stand in it, or why it has none. */
export function readCells(bytes: Buffer, { delimiter, quote, nulls }: TableOptions): Cells | { readonly fault: Fault } {
  const text = bytes.toString('utf8');
  if (text.includes('\ufffd') && !isUtf8(bytes)) {
    return { fault: { reason: 'row is not UTF-8', detail: 'expected text in UTF-8; convert the dump' } };
  }
  if (text.includes('\0')) {
    return { fault: { reason: 'row has a NUL byte', detail: `found it in cell ${cellAt(text, '\0', delimiter)}` } };
  }
  if (quote === '' || !text.includes(quote)) return { cells: text.split(delimiter), quoted: NONE };
  return readQuoted(text, delimiter, quote, nulls.length > 0);
}

function readQuoted(
  text: string,
  delimiter: string,
  quote: string,
  hasNulls: boolean,
): Cells | { readonly fault: Fault } {
  const cells: string[] = [];
  const mark = quote.charCodeAt(0);
  let quoted: Set<number> | undefined;
  for (let start = 0; start <= text.length; ) {
    if (text.charCodeAt(start) !== mark) {
      const at = text.indexOf(delimiter, start);
      const end = at === -1 ? text.length : at;
      cells.push(text.slice(start, end));
      start = end + 1;
      continue;
    }
    const end = closingQuote(text, start, quote);
    if (end === -1) {
      return { fault: { reason: 'row has a quote that is not closed', detail: `it opens cell ${cells.length + 1}` } };
    }
    if (end + 1 < text.length && text[end + 1] !== delimiter) {
      const detail = `cell ${cells.length + 1}: found ${show(text.slice(end + 1, end + 20))} behind its closing quote, expected a delimiter or a line end; a quote within quotes must be doubled`;
      return { fault: { reason: 'row has a stray quote', detail } };
    }
    // Whether a cell was quoted matters only to what may stand for null.
    if (hasNulls) quoted = (quoted ?? new Set()).add(cells.length);
    const cell = text.slice(start + 1, end);
    cells.push(cell.includes(quote) ? cell.replaceAll(quote + quote, quote) : cell);
    start = end + 2;
  }
  return { cells, quoted: quoted ?? NONE };
}

function closingQuote(text: string, start: number, quote: string): number {
  let end = text.indexOf(quote, start + 1);
  while (end !== -1 && text[end + 1] === quote) end = text.indexOf(quote, end + 2);
  return end;
}

/** What to do with each cell of a column. */
export type Column = { readonly name: string; readonly type: ColumnType };

export function columnsOf(names: readonly string[], { types }: TableOptions): Column[] {
  return names.map((name) => ({ name, type: Object.hasOwn(types, name) ? (types[name] ?? 'string') : 'string' }));
}

/** The record, or the first cell that is not what its column holds. */
export function readRow(
  { cells, quoted }: Cells,
  columns: readonly Column[],
  { empty, nulls }: TableOptions,
): { readonly value: JsonObject } | { readonly fault: Fault } {
  if (cells.length !== columns.length) return { fault: countFault(cells.length, columns) };
  const value: Record<string, Json> = {};
  for (let i = 0; i < columns.length; i += 1) {
    const column = columns[i];
    const cell = cells[i];
    if (!column || cell === undefined) continue;
    if (cell === '' && (empty === 'omit' || column.type !== 'string')) continue;
    const isNull = nulls.length > 0 && nulls.includes(cell) && !quoted.has(i);
    const found = isNull ? null : column.type === 'string' ? cell : READ[column.type](cell);
    if (found === undefined) {
      const reason = `column ${column.name} is not ${EXPECTED[column.type]}`;
      return { fault: { reason, detail: `found ${show(cell)} in cell ${i + 1}, expected ${EXPECTED[column.type]}` } };
    }
    if (column.name === '__proto__') Object.defineProperty(value, column.name, { value: found, enumerable: true });
    else value[column.name] = found;
  }
  return { value };
}

function countFault(found: number, columns: readonly Column[]): Fault {
  const missing = columns[found];
  const which = missing ? `none for column ${show(missing.name)}` : `${found - columns.length} behind the last column`;
  return {
    reason: `row has too ${missing ? 'few' : 'many'} cells`,
    detail: `found ${found}, expected ${columns.length}: ${which}`,
  };
}

const EXPECTED: Readonly<Record<ColumnType, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  json: 'JSON',
};

const READ: Readonly<Record<Exclude<ColumnType, 'string'>, (cell: string) => Json | undefined>> = {
  number: readNumber,
  boolean: readBoolean,
  json: readJson,
};

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Whole numbers beyond 2^53 become bigint; beyond 1e308 there is none. */
function readNumber(cell: string): number | bigint | undefined {
  const text = cell.trim();
  if (!NUMBER.test(text)) return undefined;
  const number = Number(text);
  if (!Number.isFinite(number)) return undefined;
  if (!Number.isInteger(number) || Number.isSafeInteger(number) || !/^[+-]?\d+$/.test(text)) return number;
  return BigInt(text.replace('+', ''));
}

/** As databases write them. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 't', 'yes', 'y', '1'].map((text): [string, boolean] => [text, true]),
  ...['false', 'f', 'no', 'n', '0'].map((text): [string, boolean] => [text, false]),
]);

function readBoolean(cell: string): boolean | undefined {
  return BOOLEANS.get(cell.trim().toLowerCase());
}

function readJson(cell: string): Json | undefined {
  try {
    return parseExactly(cell) as Json; // what JSON.parse gives is Json
  } catch {
    return undefined;
  }
}

function cellAt(text: string, what: string, delimiter: string): number {
  return text.slice(0, text.indexOf(what)).split(delimiter).length;
}

function show(text: string): string {
  const shown = JSON.stringify(text.slice(0, 60));
  return shown.length > 60 ? `${shown.slice(0, 57)}…` : shown;
}
