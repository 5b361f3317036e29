/** Goes through the entries of one column of a row group, a page at a time. */
import { parquetHeader } from 'hyparquet/src/column.js';
import type { PageHeader } from 'hyparquet/src/types.js';
import type { Json } from '../../../../shared/amplitude-event.ts';
import type { PlacedBytes } from '../placed-bytes.ts';
import { checkHeader, checkSum, decodeDictionary, decodePage, type Dictionary, type Page } from './page.ts';
import type { Leaf } from './schema.ts';
import { type BadValue, converterOf } from './values.ts';

/** The bytes of a column are not what they should be: nothing behind this can be read. */
export class ColumnDamaged extends Error {
  override readonly name = 'ColumnDamaged';
}

/** A page's header is some 50 bytes, more where it carries a long minimum and maximum. */
const HEADER_BYTES = 16 * 1024;
const MAX_HEADER_BYTES = 16 * 1024 * 1024;
/** One row may stretch over many pages, but not over all memory. */
const MAX_HELD_ENTRIES = 32 * 1024 * 1024;

export type Cursor = ReturnType<typeof openCursor>;

/** `entries` is how many (values, nulls, empty lists) the footer says the column has in this row group. */
export function openCursor(leaf: Leaf, codec: string, entries: number, bytes: PlacedBytes) {
  const { maxDefinition, maxRepetition } = leaf;
  const convert = converterOf(leaf);
  let dictionary: Dictionary | undefined;
  let unread = entries;
  let held = 0;
  /** Rows that begin in what is held. */
  let begun = 0;
  const waiting: Page[] = [];
  let page: Page | undefined;
  let entry = 0;
  let value = 0;

  async function loadPage(): Promise<void> {
    const { header, size } = await readHeader(bytes);
    const whole = size + header.compressed_page_size;
    const body = (await bytes.peek(whole)).subarray(size, whole);
    checked(() => takePage(header, body));
    bytes.drop(whole);
  }

  function takePage(header: PageHeader, body: Buffer): void {
    if (body.length < header.compressed_page_size) throw new Error('a page is longer than its column');
    checkSum(header, body);
    const context = { leaf, convert, codec, dictionary };
    if (header.type === 'DICTIONARY_PAGE') dictionary = decodeDictionary(header, body, context);
    if (header.type !== 'DATA_PAGE' && header.type !== 'DATA_PAGE_V2') return;
    const loaded = decodePage(header, body, context);
    if (loaded.count > unread) throw new Error(`it has more values than the ${entries} that the footer says`);
    unread -= loaded.count;
    held += loaded.count;
    if (held > MAX_HELD_ENTRIES) throw new Error(`a row has more than ${MAX_HELD_ENTRIES} values`);
    begun += loaded.rows;
    if (loaded.count > 0) waiting.push(loaded);
  }

  /** How many rows are held whole; the last one may go on in the next page. */
  function ready(): number {
    return unread === 0 || maxRepetition === 0 ? begun : Math.max(0, begun - 1);
  }

  function current(): Page | undefined {
    if (page && entry < page.count) return page;
    page = waiting.shift();
    entry = 0;
    value = 0;
    return page;
  }

  function definition(): number {
    const at = current();
    if (!at) throw new ColumnDamaged('it ends within a row');
    return at.definitions?.[entry] ?? maxDefinition;
  }

  function repetition(): number {
    return current()?.repetitions?.[entry] ?? 0;
  }

  /** Goes past an entry; the answer is which value it is, undefined where it is none. */
  function pass(): number | undefined {
    const isValue = definition() === maxDefinition;
    if (repetition() === 0) begun -= 1;
    entry += 1;
    held -= 1;
    if (!isValue) return undefined;
    value += 1;
    return value - 1;
  }

  return {
    leaf,
    ready,
    /** The levels of the next entry; the repetition level is 0 where a row begins, and at the end. */
    definition,
    repetition,
    pass,
    /** The value of the next entry, null where it has none. */
    next(): Json | BadValue {
      const at = pass();
      return at === undefined || !page ? null : page.values(at);
    },
    /** Holds so many rows, or all there are. Throws ColumnDamaged, with what was read before still held. */
    async fill(rows: number): Promise<void> {
      while (ready() < rows && unread > 0) {
        if (bytes.left() === 0) throw new ColumnDamaged(`it ends ${unread} values early`);
        await loadPage();
      }
      if (ready() < rows) throw new ColumnDamaged('it has fewer rows than its row group');
    },
    close: bytes.close,
  };
}

async function readHeader(bytes: PlacedBytes): Promise<{ readonly header: PageHeader; readonly size: number }> {
  for (let wanted = HEADER_BYTES; ; wanted *= 8) {
    const held = await bytes.peek(wanted);
    const isAll = held.length === bytes.left() || wanted >= MAX_HEADER_BYTES;
    const reader = { view: new DataView(held.buffer, held.byteOffset, held.length), offset: 0 };
    try {
      const header = parquetHeader(reader);
      checkHeader(header);
      return { header, size: reader.offset };
    } catch (error) {
      if (isAll) throw damaged(error);
    }
  }
}

/** What decoders throw over bytes that are not what they should be, as ColumnDamaged. */
function checked<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw damaged(error);
  }
}

function damaged(error: unknown): ColumnDamaged {
  return error instanceof ColumnDamaged ? error : new ColumnDamaged(error instanceof Error ? error.message : 'unknown');
}
