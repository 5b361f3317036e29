/** Finds where a JSON value ends, byte by byte, without parsing it. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
export const CLOSE_ARRAY = 0x5d;
export const CLOSE_OBJECT = 0x7d;

export type ValueScanner = ReturnType<typeof valueScanner>;

/**
 * Brackets are counted and not matched: what is between two separators and is no JSON is found out by whoever parses it.
 * `closer` is what closes the array or object in which the values stand.
 */
export function valueScanner(closer: typeof CLOSE_ARRAY | typeof CLOSE_OBJECT) {
  let depth = 0;
  let inString = false;
  let isEscaped = false;
  return {
    /** The place of the comma or closer behind the value, from `start` on; the piece's length if it is not in this piece. */
    scan(piece: Buffer, start: number): number {
      let level = depth;
      let i = start;
      for (; i < piece.length; i += 1) {
        if (inString) {
          i = endOfString(piece, i);
          if (i === piece.length) break;
          inString = false;
          continue;
        }
        const byte = piece[i];
        if (byte === QUOTE) inString = true;
        else if (byte === 0x7b || byte === 0x5b) level += 1;
        else if (level > 0 && (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY)) level -= 1;
        else if (level === 0 && (byte === COMMA || byte === closer)) break;
      }
      depth = level;
      return i;
    },
    /** Whether a value could end here. */
    isWhole: () => depth === 0 && !inString,
  };

  /** The place of the quote that closes the string, or the piece's length. */
  function endOfString(piece: Buffer, start: number): number {
    let i = start;
    if (isEscaped) {
      isEscaped = false;
      i += 1;
    }
    for (; i < piece.length; i += 1) {
      const byte = piece[i];
      if (byte === QUOTE) return i;
      if (byte !== BACKSLASH) continue;
      i += 1;
      isEscaped = i === piece.length;
    }
    return piece.length;
  }
}
