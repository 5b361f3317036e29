/** Splits the bytes of CSV or TSV into rows: at LF, CRLF or CR, but not within quotes. */
import { type RecordBytes, unfinishedRecord } from './unfinished-record.ts';

/** What marks the cells of a table; no `quote`: they are never quoted. */
export type Marks = { readonly delimiter: number; readonly quote: number | undefined };

export type Row = RecordBytes & {
  /** Where the next row begins: behind the line end, of a CRLF behind its CR. */
  readonly end: number;
  readonly terminated: boolean;
  /** A quote that opened in it was never closed. */
  readonly unclosed: boolean;
};

const LF = 0x0a;
const CR = 0x0d;

/**
 * A quote opens only at a cell's beginning; elsewhere it is a character like any other. One that is still open after
 * `maxBytes` was never meant to open: its row ends with its line, as an unclosed one, and reading goes on with the next
 * line. So a stray quote swallows neither memory nor the rows behind it. A longer row without line end comes cut.
 */
export function rowSplitter({ delimiter, quote }: Marks, offset: number, maxBytes: number) {
  const begun = unfinishedRecord(maxBytes);
  let next = offset;
  let inQuotes = false;
  /** Where in the row the last quote opened. */
  let openedAt = 0;
  /** The last byte was a quote within quotes: it closes them, or is the first of two that stand for one. */
  let isQuoteOpen = false;
  let lastByte = delimiter;

  function keep(part: Buffer): void {
    begun.add(part);
    lastByte = part.at(-1) ?? lastByte;
  }

  function finish(terminated: boolean, unclosed = false): Row {
    const { bytes, length } = begun.take();
    next += length + (terminated ? 1 : 0);
    inQuotes = false;
    isQuoteOpen = false;
    lastByte = delimiter;
    return { bytes, length, end: next, terminated, unclosed };
  }

  /** The rows that end in this piece. Blank lines are no rows. */
  function* split(piece: Buffer): Generator<Row> {
    const nextLf = seeker(piece, LF);
    const nextCr = seeker(piece, CR);
    const nextQuote = quote === undefined ? () => piece.length : seeker(piece, quote);
    let start = 0;
    let i = 0;
    while (i < piece.length) {
      if (inQuotes) {
        if (isQuoteOpen) {
          isQuoteOpen = false;
          if (piece[i] === quote) i += 1;
          else inQuotes = false;
          continue;
        }
        i = nextQuote(i);
        if (i < piece.length) {
          isQuoteOpen = true;
          i += 1;
        }
        continue;
      }
      const end = Math.min(nextLf(i), nextCr(i));
      const opening = openingQuote(piece, start, i, end, nextQuote);
      if (opening < end) {
        inQuotes = begun.length <= begun.maxWhole;
        openedAt = begun.length + opening - start;
        i = opening + 1;
        continue;
      }
      i = end;
      if (end === piece.length) break;
      if (start < end) keep(piece.subarray(start, end));
      i = end + 1;
      start = i;
      if (begun.length > 0) yield finish(true);
      else finish(true);
    }
    if (start === piece.length) return;
    const rest = piece.subarray(start);
    if (inQuotes && !isQuoteOpen && begun.length + rest.length > begun.maxWhole) yield* endAtLine(rest);
    else keep(rest);
  }

  function openingQuote(
    piece: Buffer,
    start: number,
    from: number,
    end: number,
    nextQuote: (from: number) => number,
  ): number {
    for (let at = nextQuote(from); at < end; at = nextQuote(at + 1)) {
      const before = at > start ? piece[at - 1] : begun.length > 0 ? lastByte : delimiter;
      if (before === delimiter) return at;
    }
    return end;
  }

  /** The open quote was no quote. */
  function* endAtLine(rest: Buffer): Generator<Row> {
    const row = Buffer.concat([begun.take().bytes, rest]);
    const end = Math.min(seeker(row, LF)(openedAt), seeker(row, CR)(openedAt));
    if (end === row.length) {
      inQuotes = false; // one line, and too long: it is only counted to its end
      keep(row);
      return;
    }
    begun.add(row.subarray(0, end));
    yield finish(true, true);
    yield* split(row.subarray(end + 1));
  }

  return {
    split,
    /** The last row, when it does not end with a line end. */
    last(): Row | undefined {
      if (begun.length === 0) return undefined;
      return finish(false, inQuotes && !isQuoteOpen);
    },
  };
}

/** Says where a byte stands next from a place on, or the piece's length, and looks for it only once. */
function seeker(piece: Buffer, byte: number): (from: number) => number {
  let at = -1;
  return (from) => {
    if (at >= from) return at;
    const found = piece.indexOf(byte, from);
    at = found === -1 ? piece.length : found;
    return at;
  };
}
