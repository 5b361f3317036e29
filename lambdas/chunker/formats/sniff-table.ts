/** Tells from the first lines of a text whether they are a table's, and what stands between its cells. */
const DELIMITERS = [',', '\t', ';', '|'] as const;

/** Looked at when no line ends before. */
const MAX_HEAD_BYTES = 64 * 1024;

/** Whether the first line that is not blank is whole, or as much of it as is looked at. */
export function hasLine(head: Buffer): boolean {
  return head.length >= MAX_HEAD_BYTES || /[^\r\n][\r\n]/.test(head.toString('latin1'));
}

/** The delimiter that stands most often in the first line, outside of quotes; undefined when none does. */
export function sniffDelimiter(text: Buffer): string | undefined {
  const [line = ''] = firstLines(text);
  const bare = line.replace(/"[^"]*"?/g, '');
  const counts = DELIMITERS.map((delimiter) => ({ delimiter, count: bare.split(delimiter).length - 1 }));
  const [most] = counts.toSorted((a, b) => b.count - a.count);
  return most && most.count > 0 ? most.delimiter : undefined;
}

/** What a column may be called for its line to be taken for a header: letters first, one line, not long. */
const NAME = /^[\p{L}_$@][\p{L}\p{N}\p{M}_ .:/()#%$@+-]{0,99}$/u;

/**
 * The delimiter of a text that is plainly a table: its first line holds different names, and the second, if there is one,
 * as many cells. Undefined otherwise: then it may be anything.
 */
export function plainTable(text: Buffer): string | undefined {
  const delimiter = sniffDelimiter(text);
  const [header, row] = firstLines(text);
  if (delimiter === undefined || header === undefined) return undefined;
  const names = cellsOf(header, delimiter);
  if (!names.every((name) => NAME.test(name)) || new Set(names).size < names.length) return undefined;
  if (row === undefined || row.split('"').length % 2 === 0) return delimiter; // a quoted cell goes on in the next line
  return cellsOf(row, delimiter).length === names.length ? delimiter : undefined;
}

/** The first two lines that are not blank. */
function firstLines(text: Buffer): string[] {
  const lines = text
    .subarray(0, MAX_HEAD_BYTES)
    .toString('utf8')
    .split(/[\r\n]+/);
  return lines.filter((line) => line !== '').slice(0, 2);
}

/** Good enough for a look: a cell may be quoted, and a quoted one that goes on in the next line ends with this one. */
function cellsOf(line: string, delimiter: string): string[] {
  const cells: string[] = [];
  for (let rest: string | undefined = line; rest !== undefined; ) {
    const quoted: string | undefined = /^"(?:[^"]|"")*"?/.exec(rest)?.[0];
    const end: number = rest.indexOf(delimiter, quoted?.length ?? 0);
    const cell = end === -1 ? rest : rest.slice(0, end);
    cells.push(quoted === undefined ? cell : cell.replace(/^"|"$/g, ''));
    rest = end === -1 ? undefined : rest.slice(end + 1);
  }
  return cells;
}
