/** Parquet: reads the rows of a file by place, a page of each column in memory at a time. */
import type { RawRecord } from '../raw-record.ts';
import { stringifyExactly } from '../../../shared/exact-json.ts';
import { BLOCK_RECORDS, type DumpBytes, type ReadFormat } from './format.ts';
import { placedBytes, type ReadRange } from './placed-bytes.ts';
import { ColumnDamaged, type Cursor, openCursor } from './parquet/cursor.ts';
import { damaged, type ParquetFile, type RowGroup, readFooter } from './parquet/footer.ts';
import { type Row, rowReader } from './parquet/rows.ts';

/** A row group up to this size is read at once: many small reads would cost more than its bytes. */
const WHOLE_GROUP_BYTES = 8 * 1024 * 1024;
/** What all columns of a larger one hold, twice: the window that is used, and the next one. */
const WINDOWS_BYTES = 16 * 1024 * 1024;
const MIN_WINDOW_BYTES = 64 * 1024;
const MAX_WINDOW_BYTES = 4 * 1024 * 1024;
/** A block of long rows ends here, whatever their number. */
const BLOCK_BYTES = 4 * 1024 * 1024;

/** `end` and `position` of a row are its number from 1. What stands for it in a rejects file is the row as JSON. */
export const readParquet: ReadFormat = async function* (bytes, { offset }) {
  const file = await readFooter(bytes);
  let before = 0;
  for (const [number, group] of file.groups.entries()) {
    const end = before + group.rows;
    if (offset < end) yield* readGroup(bytes, file, { ...group, number, before }, Math.max(0, offset - before));
    before = end;
  }
};

type Place = RowGroup & {
  readonly number: number;
  /** Rows of the groups before it. */
  readonly before: number;
};

async function* readGroup(
  bytes: DumpBytes,
  file: ParquetFile,
  group: Place,
  skip: number,
): AsyncGenerator<RawRecord[]> {
  const cursors = await openCursors(bytes, file, group);
  const readRow = rowReader(file.root, cursors);
  let taken = 0;
  try {
    while (taken < group.rows) {
      const wanted = Math.min(
        BLOCK_RECORDS,
        group.rows - taken,
        taken < skip ? skip - taken : Number.POSITIVE_INFINITY,
      );
      const { ready, damage } = await fill(cursors, wanted);
      const until = taken + ready;
      if (taken < skip) {
        for (const cursor of cursors) passRows(cursor, ready);
        taken = until;
      }
      while (taken < until) {
        const block = readBlock(readRow, group.before + taken, until - taken);
        if (block.records.length > 0) yield block.records;
        taken += block.records.length;
        if (block.damage) throw block.damage;
      }
      if (damage) throw damage;
    }
  } catch (error) {
    if (!(error instanceof ColumnDamaged)) throw error;
    throw damaged(
      bytes.dump,
      `row group ${group.number} cannot be read on after row ${group.before + taken} (${error.message})`,
    );
  } finally {
    await Promise.all(cursors.map((cursor) => cursor.close()));
  }
}

async function openCursors(
  { range, dump }: DumpBytes,
  { leaves }: ParquetFile,
  { columns, rows }: Place,
): Promise<Cursor[]> {
  if (rows === 0) return [];
  const start = Math.min(...columns.map((column) => column.start));
  const end = Math.max(...columns.map((column) => column.end));
  const read = end - start > WHOLE_GROUP_BYTES ? range : await readWhole(range, start, end);
  const share = WINDOWS_BYTES / columns.length;
  const windowBytes = Math.round(Math.min(MAX_WINDOW_BYTES, Math.max(MIN_WINDOW_BYTES, share)));
  return leaves.map((leaf) => {
    const place = columns[leaf.column];
    if (!place) throw damaged(dump, `column ${leaf.path} is missing`);
    return openCursor(leaf, place.codec, place.entries, placedBytes(read, place.start, place.end, windowBytes));
  });
}

async function readWhole(range: ReadRange, start: number, end: number): Promise<ReadRange> {
  const whole = await range(start, end);
  return (from, to) => Promise.resolve(whole.subarray(from - start, to - start));
}

/** How many rows all columns hold then; fewer than `rows` only with the damage that is the reason. */
async function fill(cursors: readonly Cursor[], rows: number) {
  const late = cursors.filter((cursor) => cursor.ready() < rows);
  const results = await Promise.allSettled(late.map((cursor) => cursor.fill(rows)));
  let damage: ColumnDamaged | undefined;
  for (const [i, result] of results.entries()) {
    if (result.status === 'fulfilled') continue;
    const error: unknown = result.reason;
    if (!(error instanceof ColumnDamaged)) throw error; // what cannot be read now may be read later
    damage ??= new ColumnDamaged(`column ${late[i]?.leaf.path}: ${error.message}`);
  }
  const ready = damage ? Math.min(...cursors.map((cursor) => cursor.ready())) : rows;
  return { ready: Math.min(ready, rows), damage };
}

function passRows(cursor: Cursor, rows: number): void {
  for (let passed = 0; passed < rows; passed += 1) {
    do cursor.pass();
    while (cursor.repetition() !== 0);
  }
}

function readBlock(readRow: () => Row, before: number, rows: number) {
  const records: RawRecord[] = [];
  let bytes = 0;
  while (records.length < rows && bytes < BLOCK_BYTES) {
    let row: Row;
    try {
      row = readRow();
    } catch (error) {
      if (error instanceof ColumnDamaged) return { records, damage: error };
      throw error;
    }
    const record = toRecord(row, before + records.length + 1);
    records.push(record);
    bytes += record.length;
  }
  return { records };
}

function toRecord({ value, fault }: Row, position: number): RawRecord {
  const bytes = Buffer.from(stringifyExactly(value));
  const parsed = fault ? { fault } : { value };
  return { bytes, length: bytes.length, position, end: position, terminated: true, parsed };
}
