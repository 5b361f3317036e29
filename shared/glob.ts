/**
 * Glob patterns of keys: `*` is any text without a slash, `**` any text, `?` one character that is no slash, `[0-9]` one of
 * these, `[!a]` none of these, `{a,b}` either; a backslash takes the next character as it is. Not `path.matchesGlob`, which
 * ignores case on macOS and passes over names that begin with a dot: a key must belong to one source everywhere.
 */

/** In this order: what stands first is tried first. */
const PIECES = /\\.|\*\*\/|\*+|\?|\[[!^]?[^\]\\/]+\]|\{[^{}[\]\\]*\}|[^\\[\]{}]/gsu;

/** What matches a whole key; undefined when the pattern is none. */
export function compileGlob(glob: string): RegExp | undefined {
  const pieces = glob.match(PIECES) ?? [];
  if (pieces.join('') !== glob) return undefined;
  try {
    return new RegExp(`^${pieces.map(toRegex).join('')}$`, 'su');
  } catch {
    return undefined; // a range such as [z-a]
  }
}

function toRegex(piece: string): string {
  if (piece === '**/') return '(?:.*/)?';
  if (piece.startsWith('**')) return '.*';
  if (piece === '*') return '[^/]*';
  if (piece === '?') return '[^/]';
  if (piece.startsWith('[')) return toCharacters(piece.slice(1, -1));
  if (piece.startsWith('{')) return `(?:${piece.slice(1, -1).split(',').map(toAlternative).join('|')})`;
  return RegExp.escape(piece.startsWith('\\') ? piece.slice(1) : piece);
}

function toCharacters(inside: string): string {
  return /^[!^]/.test(inside) ? `[^/${inside.slice(1)}]` : `[${inside}]`;
}

/** Within braces there are no others, but there may be wildcards. */
function toAlternative(text: string): string {
  return (text.match(PIECES) ?? []).map(toRegex).join('');
}
