/** Where a huge dump is cut into parts, so that several readers can be at it at a time, each without what stands before its part. */
import type { Importer } from '../../shared/config.ts';
import type { Dump } from '../../shared/dump.ts';
import type { FormatName } from '../../shared/format-settings.ts';
import { type Dumps, DumpUnreadable } from '../../shared/objects.ts';
import type { Source } from '../../shared/config.ts';
import type { FormatStart } from './formats/format.ts';
import type { RowGroup } from './formats/parquet/footer.ts';
import { bytesOf, type Recognized, recognizeDump } from './read-records.ts';

export type Parts = {
  readonly format?: FormatName;
  /**
   * Where the second part, the third … begin: with the first record that begins there or later, in what the format counts
   * (bytes, or rows). None when the dump is read as one.
   */
  readonly starts: readonly number[];
};

const AS_ONE: Parts = { starts: [] };

/** Where a line's end is looked for, bytes at a time. */
const SEARCH_BYTES = 256 * 1024;
const LF = 0x0a;
const CR = 0x0d;

/**
 * Follows from the dump and the configuration alone. What is compressed, a JSON array, or a table whose cells may be quoted
 * cannot be read from the middle: whether a line end is one of a row depends on every quote before it.
 */
export async function findParts(
  dump: Dump,
  source: Pick<Source, 'format' | 'insertId' | 'eventsPerDay'>,
  { partBytes }: Pick<Importer, 'partBytes'>,
  dumps: Dumps,
): Promise<Parts> {
  // Where its segments end depends on what others of its source have sent on the day.
  if (dump.size < 2 * partBytes || source.eventsPerDay !== undefined) return AS_ONE;
  try {
    const recognized = await recognizeDump(dump, source, dumps);
    const { type: format } = recognized.format;
    if (recognized.compression) return AS_ONE;
    if (format === 'parquet') {
      const { readFooter } = await import('./formats/parquet/footer.ts');
      const { groups } = await readFooter(bytesOf(dump, dumps));
      return { format, starts: startsOfGroups(groups, partBytes) };
    }
    // How many lines are before a part is not known where it is read.
    if (!isCutAtLines(recognized) || source.insertId === 'position') return AS_ONE;
    const count = Math.floor(dump.size / partBytes);
    return { format, starts: Array.from({ length: count - 1 }, (_, i) => (i + 1) * partBytes) };
  } catch (error) {
    if (!(error instanceof DumpUnreadable)) throw error;
    return AS_ONE; // whoever reads it says what is wrong
  }
}

function isCutAtLines({ format }: Recognized): boolean {
  return format.type === 'ndjson' || ((format.type === 'csv' || format.type === 'tsv') && format.quote === '');
}

/** A part ends with the row group with which it has `partBytes`. */
function startsOfGroups(groups: readonly RowGroup[], partBytes: number): number[] {
  const starts: number[] = [];
  let [rows, bytes] = [0, 0];
  for (const group of groups) {
    if (bytes >= partBytes) {
      starts.push(rows);
      bytes = 0;
    }
    rows += group.rows;
    for (const { start, end } of group.columns) bytes += end - start;
  }
  return starts;
}

/** The part, counted from 0, of the record that begins at this offset. */
export function partAt({ starts }: Parts, offset: number): number {
  const next = starts.findIndex((start) => start > offset);
  return next === -1 ? starts.length : next;
}

/**
 * Where reading a later part begins; undefined when no record begins in it. In a format of lines the position is counted
 * from the part's beginning on, as if one stood before it.
 */
export async function startOfPart(
  part: number,
  parts: Parts,
  dump: Dump,
  dumps: Dumps,
): Promise<FormatStart | undefined> {
  const start = parts.starts[part - 1];
  if (start === undefined) return undefined;
  if (parts.format === 'parquet') return { offset: start, position: start };
  const offset = await lineEndFrom(start, parts.format !== 'ndjson', dump, dumps);
  return offset < dump.size && partAt(parts, offset) === part ? { offset, position: 1 } : undefined;
}

/**
 * Where the first line ends that does so at `start` or later, as the format's reader sees it: of a row that ends with CRLF
 * behind its CR. Without one, the dump's end.
 */
async function lineEndFrom(start: number, isTable: boolean, dump: Dump, dumps: Dumps): Promise<number> {
  let before = -1;
  for (let at = Math.max(0, start - 2); at < dump.size; at += SEARCH_BYTES) {
    const piece = await dumps.read(dump, at, Math.min(at + SEARCH_BYTES, dump.size));
    for (let i = piece.indexOf(LF); i !== -1; i = piece.indexOf(LF, i + 1)) {
      const last = i === 0 ? before : piece[i - 1];
      const end = at + i + (isTable && last === CR ? 0 : 1);
      if (end >= start) return end;
    }
    before = piece.at(-1) ?? before;
  }
  return dump.size;
}
