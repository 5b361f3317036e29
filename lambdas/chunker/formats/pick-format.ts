/** Picks the format of a dump whose source names none: by its content first, by its name only where that may be several. */
import type { FormatName } from '../../../shared/format-settings.ts';
import { markLength } from './dump-head.ts';
import { plainTable } from './sniff-table.ts';

/** `head` is how the dump begins after decompression, with at least its first lines if they are not very long. */
export function pickFormat(key: string, head: Buffer): FormatName {
  const magic = head.toString('latin1', 0, 4);
  if (magic === 'PAR1' || magic === 'PARE') return 'parquet';
  if (magic === 'PK\x03\x04' || magic === 'PK\x05\x06') return 'zip';
  const text = head.subarray(markLength(head));
  const first = /[^ \t\r\n]/.exec(text.toString('latin1'))?.[0];
  if (first === '[') return 'json-array';
  if (first === '{' || first === undefined) return 'ndjson';
  const name = key.slice(key.lastIndexOf('/') + 1);
  const called = /\.(csv|tsv)(?=\.|$)/i.exec(name)?.[1]?.toLowerCase();
  if (called === 'csv' || called === 'tsv') return called;
  const delimiter = plainTable(text);
  if (delimiter === undefined) return 'ndjson';
  return delimiter === '\t' ? 'tsv' : 'csv';
}
