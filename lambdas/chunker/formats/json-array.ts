/** One JSON array of any size, the whole dump or under a path of it: each element is a record, byte for byte. */
import { dumpUrl } from '../../../shared/dump.ts';
import type { JsonArrayFormat } from '../../../shared/format-settings.ts';
import { DumpUnreadable } from '../../../shared/objects.ts';
import type { RawRecord } from '../raw-record.ts';
import { markLength, peek } from './dump-head.ts';
import { BLOCK_RECORDS, type ReadFormat } from './format.ts';
import { arrayFinder } from './json-path.ts';
import { CLOSE_ARRAY, valueScanner } from './json-value.ts';
import { isSpace, NOTHING, trimRecord, unfinishedRecord } from './unfinished-record.ts';

/**
 * Where an element ends follows from commas and brackets alone, so that one that is no JSON is one bad record. What no
 * element can be made of (the array does not begin, does not end, or something follows it) ends the dump.
 * A record's `end` is where the comma or bracket behind its element stands.
 */
export const readJsonArray: ReadFormat = async function* ({ dump, stream }, from, source) {
  const format: JsonArrayFormat = source.format?.type === 'json-array' ? source.format : { type: 'json-array' };
  const finder = arrayFinder(format.path ?? [], from.position > 0);
  const elements = elementReader(from, source.caps.recordBytes);
  const { head, pieces } = await peek(stream(from.offset), ({ length }) => length >= 3);
  let skipped = from.offset === 0 ? markLength(head) : 0;
  let base = from.offset;
  const damaged = (at: number, what: string) =>
    new DumpUnreadable(`${dumpUrl(dump)} cannot be read on at its byte ${at}: ${what}`);

  for await (const piece of pieces) {
    for (let i = skipped; i < piece.length; ) {
      if (finder.inArray()) {
        i = elements.read(piece, i, base);
        if (elements.isFull()) yield elements.take();
        if (elements.isOver()) finder.leaveArray();
        continue;
      }
      i = finder.scan(piece, i);
      const fault = finder.fault();
      if (fault === undefined) continue;
      yield elements.take();
      throw damaged(base + i, fault);
    }
    base += piece.length;
    skipped = 0;
    if (elements.count() > 0) yield elements.take();
  }
  if (finder.inArray()) elements.end(base);
  if (elements.count() > 0) yield elements.take();
  if (finder.inArray()) {
    throw new DumpUnreadable(
      `${dumpUrl(dump)} ends before its array does (after element ${elements.position()}): it was cut off, or a quote or bracket is missing in that element; drop a whole copy of it`,
    );
  }
  const fault = finder.endFault();
  if (fault !== undefined) throw damaged(base, fault);
};

/** The elements of one or more arrays, in blocks. */
function elementReader({ position: before, offset }: { position: number; offset: number }, maxBytes: number) {
  const begun = unfinishedRecord(maxBytes);
  const value = valueScanner(CLOSE_ARRAY);
  let position = before;
  let records: RawRecord[] = [];
  /** An element was handed over, and its comma or the array's end comes next. */
  let isAfterElement = offset > 0;
  /** Nothing but white space has come since the array's beginning. */
  let isFresh = true;
  let isOver = false;

  function add(end: number, terminated: boolean, isWhole = true): void {
    const { bytes, length } = trimRecord(begun.take());
    position += 1;
    const record = { bytes, length, position, end, terminated };
    if (length === 0) {
      records.push({ ...record, bytes: NOTHING, parsed: { fault: MISSING } });
    } else records.push(isWhole ? record : { ...record, parsed: { fault: CUT_OFF } });
  }

  return {
    count: () => records.length,
    position: () => position,
    isFull: () => records.length >= BLOCK_RECORDS,
    isOver: () => isOver,
    take(): RawRecord[] {
      const taken = records;
      records = [];
      return taken;
    },
    /** Reads to the end of the piece, of the array, or of a block; returns the place after. `base` is where the piece stands. */
    read(piece: Buffer, start: number, base: number): number {
      isOver = false;
      let i = start;
      while (i < piece.length && records.length < BLOCK_RECORDS) {
        if (begun.length === 0) while (i < piece.length && isSpace(piece[i])) i += 1;
        const end = value.scan(piece, i);
        if (i < end) begun.add(piece.subarray(i, end));
        if (end === piece.length) return end;
        const isEnd = piece[end] === CLOSE_ARRAY;
        if (!isAfterElement && !(isEnd && isFresh && begun.length === 0)) add(base + end, true);
        isAfterElement = false;
        isFresh = isEnd;
        i = end + 1;
        isOver = isEnd;
        if (isEnd) return i;
      }
      return i;
    },
    /** The dump is over, the array is not. */
    end(base: number): void {
      if (begun.length > 0 && !isAfterElement) add(base, false, value.isWhole());
    },
  };
}

const MISSING = { reason: 'element is missing', detail: 'found nothing between two commas or brackets' };
const CUT_OFF = { reason: 'record is cut off', detail: 'the dump ends in the middle of it' };
