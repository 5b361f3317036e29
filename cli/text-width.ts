/** Text on a terminal: how many columns it takes, where it is wrapped, and nothing in it that the terminal would obey. */

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });
const PLAIN = /^[\x20-\x7e]*$/;
/** Two columns wide: East Asian Wide and Fullwidth (Unicode UAX #11, in blocks), and what is shown as a picture. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18d08}\u{1b000}-\u{1b2fb}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
/** Columns that are left empty so as not to break a word. */
const MAX_RAGGED = 12;
const INVISIBLE = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

/** Columns on a terminal, of one line. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) width += widthOfGrapheme(segment);
  return width;
}

function widthOfGrapheme(grapheme: string): number {
  if (INVISIBLE.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

/** The line in pieces of at most `width` columns (8 at least); all but the first are indented as it is, and a little more. */
export function wrap(line: string, width: number): readonly string[] {
  if (widthOf(line) <= width) return [line];
  const text = line.trimStart();
  const [indent, hanging] = [0, 2].map((more) =>
    ' '.repeat(Math.min(line.length - text.length + more, Math.floor(width / 2))),
  ) as [string, string];
  const pieces: string[] = [];
  let piece = indent;
  let taken = indent.length;
  for (const { segment } of GRAPHEMES.segment(text)) {
    const needed = widthOfGrapheme(segment);
    if (taken + needed > width) {
      const [whole, rest] = breakWords(piece, width - hanging.length - needed);
      pieces.push(whole);
      piece = hanging + rest;
      taken = hanging.length + widthOf(rest);
    }
    piece += segment;
    taken += needed;
  }
  return [...pieces, piece];
}

/** Behind the last space if a word stands there that begins close to the end, and has room on the next line. */
function breakWords(piece: string, room: number): readonly [string, string] {
  const end = piece.lastIndexOf(' ') + 1;
  const [whole, rest] = [piece.slice(0, end), piece.slice(end)];
  const isShort = rest.length <= MAX_RAGGED && widthOf(rest) <= room && whole.trim() !== '';
  return isShort ? [whole, rest] : [piece, ''];
}

/** Control characters, and those that turn the direction of what follows, as escapes; line ends too. */
export function harmless(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu,
    (found) => ESCAPES[found] ?? `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
