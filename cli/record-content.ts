/** What stands in a record, as far as it can be read. */
import { isUtf8 } from 'node:buffer';
import type { RawRecord } from '../lambdas/chunker/raw-record.ts';
import { parseExactly } from '../shared/exact-json.ts';

/** JSON, or text that is none, or bytes that are no text. */
export type RecordContent = { readonly record: unknown } | { readonly text: string } | { readonly base64: string };

export function contentOf({ bytes, parsed }: Pick<RawRecord, 'bytes' | 'parsed'>): RecordContent {
  if (parsed && 'value' in parsed) return { record: parsed.value };
  if (!isUtf8(bytes)) return { base64: bytes.toString('base64') };
  const text = bytes.toString();
  try {
    return { record: parseExactly(text) };
  } catch {
    return { text };
  }
}
