/** Reads the reference file of a lookup into a table, and refuses it, with what was found where, if it cannot be trusted. */
import type { Json, JsonObject } from '../../../shared/amplitude-event.ts';
import type { LookupOptions } from '../../../shared/enrich-step.ts';
import { stringifyExactly } from '../../../shared/exact-json.ts';
import { formatSchema } from '../../../shared/format-settings.ts';
import { START } from '../../../shared/ledger.ts';
import type { Dumps } from '../../../shared/objects.ts';
import type { Reference } from '../../../shared/references.ts';
import type { ReadSettings } from '../formats/format.ts';
import { toText } from '../json.ts';
import { readRecord } from '../read-record.ts';
import { readRecords } from '../read-records.ts';
import {
  type LookupTable,
  type Memory,
  PAGE_BYTES,
  startTable,
  type TableBuilder,
  type Values,
} from './lookup-table.ts';

/** What of the file a step needs. */
export type LookupFile = Required<Pick<LookupOptions, 'file' | 'column' | 'duplicates'>> &
  Pick<LookupOptions, 'format'> & {
    /** Whose values are kept. */
    readonly columns: readonly string[];
  };

export type LoadedLookup = {
  readonly table: LookupTable;
  /** Rows that are in the table by their key alone: of the same key another one counts. */
  readonly duplicates: number;
  /** Rows without a key, which nothing can find. */
  readonly withoutKey: number;
};

/** So many problems are told of one file. */
const MOST_TOLD = 5;
/** Of the columns that are kept: a character may take two bytes. */
const MAX_ROW_LENGTH = PAGE_BYTES / 2;

/** Throws one error with what is wrong with the file, or with why it cannot be read now; then no memory is taken. */
export async function loadLookup(
  lookup: LookupFile,
  reference: Reference,
  bytes: Dumps,
  memory: Memory,
): Promise<LoadedLookup> {
  // Beside the values where the row stands, so that a duplicate can say of what.
  const table = startTable(lookup.columns.length + 1, memory);
  const reading = startReading(lookup, reference, table, memory);
  const { format, file } = lookup;
  const settings = { format: format === undefined ? undefined : formatSchema.parse(format), caps: CAPS };
  try {
    for await (const { records, failure } of readRecords(reference, settings, START, bytes)) {
      if (failure !== undefined) throw refusal(file, [failure]);
      for (const record of records) reading.add(record.position, readRecord(record, settings, true));
    }
    return reading.end();
  } catch (error) {
    table.drop();
    throw error;
  }
}

function startReading(lookup: LookupFile, reference: Reference, table: TableBuilder, memory: Memory) {
  const { file, column, columns } = lookup;
  const problems: string[] = [];
  const seen = new Set<string>();
  const counts = { rows: 0, duplicates: 0, withoutKey: 0 };

  function keep(key: string, values: Values, position: number): void {
    const put = table.put(key, [...values, position]);
    if (put === 'too-long') tell(position, `it is longer than ${MAX_ROW_LENGTH} characters; take fewer columns`);
    if (put === 'full') throw refusal(file, [tooLarge(reference, table, memory)]);
  }

  function tell(position: number, problem: string): void {
    problems.push(`row ${position}: ${problem}`);
    if (problems.length >= MOST_TOLD) throw refusal(file, problems);
  }

  return {
    add(position: number, read: ReturnType<typeof readRecord>): void {
      counts.rows += 1;
      if (!('value' in read)) return tell(position, 'reason' in read ? `${read.reason}, ${read.detail}` : read.kind);
      for (const name in read.value) if (read.value[name] !== null) seen.add(name);
      const row = toRow(read.value, lookup);
      if ('problem' in row) return tell(position, row.problem);
      if (row.key === '') {
        counts.withoutKey += 1;
        return;
      }
      const known = table.find(row.key);
      if (!known) return keep(row.key, row.values, position);
      counts.duplicates += 1;
      if (lookup.duplicates === 'last') keep(row.key, row.values, position);
      if (lookup.duplicates === 'refuse' && stringifyExactly(known.slice(0, -1)) !== stringifyExactly(row.values)) {
        tell(position, `it has the same ${quote(column)} as row ${String(known.at(-1))} and other values; ${ONCE}`);
      }
    },
    end(): LoadedLookup {
      const missing = [column, ...columns].filter((name) => !seen.has(name));
      if (counts.rows === 0) problems.push('it has no rows; expected at least one');
      else if (missing.length > 0) problems.push(...missing.map((name) => missingColumn(name, [...seen])));
      else if (table.rows === 0) problems.push(`no row has a key in column ${quote(column)}`);
      if (problems.length > 0) throw refusal(file, problems);
      return { table, duplicates: counts.duplicates, withoutKey: counts.withoutKey };
    },
  };
}

const ONCE = "expected each key once, or in the step duplicates: 'first' or 'last'";

function tooLarge({ size }: Reference, table: LookupTable, { max, used }: Memory): string {
  const others = used - table.bytes;
  return (
    `the first ${table.rows.toLocaleString('en-US')} rows of its ${megabytes(size)} take ${megabytes(table.bytes)} of memory; ` +
    `all lookups together may take ${megabytes(max)}${others > 0 ? `, and others take ${megabytes(others)}` : ''}: take ` +
    'fewer columns, or leave out rows that no event needs'
  );
}

/** A longer row is refused; the rest of the caps is about events. */
const CAPS: ReadSettings['caps'] = { recordBytes: 20_000_000, eventsPerChunk: 2_000, chunkBytes: 3_000_000 };

/** The key is empty where there is none. */
function toRow(
  value: JsonObject,
  { column, columns }: LookupFile,
): { readonly key: string; readonly values: Values } | { readonly problem: string } {
  const own = (name: string): Json | undefined => (Object.hasOwn(value, name) ? (value[name] ?? undefined) : undefined);
  const found = own(column);
  const key = found === undefined ? '' : toText(found);
  if (key !== undefined) return { key, values: columns.map(own) };
  return {
    problem: `found ${Array.isArray(found) ? 'a list' : 'an object'} in column ${quote(column)}, expected text or a number`,
  };
}

function missingColumn(name: string, seen: readonly string[]): string {
  const named = seen.slice(0, 20).map(quote).join(', ');
  const more = seen.length > 20 ? ` and ${seen.length - 20} more` : '';
  return `no row has a value in column ${quote(name)}; found columns ${named}${more}`;
}

function quote(name: string): string {
  return JSON.stringify(name);
}

/** One line for each problem. */
function refusal(file: string, problems: readonly string[]): Error {
  return new Error(`the lookup cannot use ${file}:\n${problems.map((line) => `  ${line}`).join('\n')}`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toLocaleString('en-US', { maximumFractionDigits: 1 })} MB`;
}
