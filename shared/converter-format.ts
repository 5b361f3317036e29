/** The format of dumps whose converter file says what they are. */
import type { FileType } from './converter.ts';
import { type Format, type FormatName, formatOf } from './format-settings.ts';

/** Amplitude calls lines of JSON and arrays of it alike; an export of its own is a zip of them. */
const FORMATS: Readonly<Record<FileType, readonly FormatName[]>> = {
  json: ['ndjson', 'json-array', 'zip'],
  csv: ['csv'],
  tsv: ['tsv'],
  parquet: ['parquet'],
};

/**
 * The format that the source says, if the file type can be that, and otherwise what is wrong. Without one it is that of the
 * file type, or undefined where the content must tell. The compression is not asked: that of a dump shows in its first bytes.
 */
export function formatOfConverter(
  format: Format | undefined,
  fileType: FileType | undefined,
): { readonly format: Format | undefined } | { readonly problem: string } {
  const formats = fileType === undefined ? undefined : FORMATS[fileType];
  if (!formats) return { format };
  const [only] = formats;
  if (format === undefined) return { format: formats.length === 1 && only !== undefined ? formatOf(only) : undefined };
  if (formats.includes(format.type)) return { format };
  return {
    problem: `${formats.join(' or ')}, as the converter's fileType is "${fileType}"; take one of the two out, or make them agree`,
  };
}
