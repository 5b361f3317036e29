/** What a format hands over: a record as it stood in the dump. */
import type { JsonObject } from '../../shared/amplitude-event.ts';
import type { Fault } from './check-event.ts';

export type RawRecord = {
  /**
   * What stands for it in a rejects file and in a content `insert_id`: its bytes without what separates it from the next
   * one; of a record that is far too long only the beginning. Formats without text (Parquet) write it as JSON.
   */
  readonly bytes: Buffer;
  /** Many records that were read together, and where among them `bytes` begin: looked at together they cost less. */
  readonly block?: Buffer | undefined;
  readonly start?: number;
  /** Its whole length in bytes: more than `bytes` has when they were cut. */
  readonly length: number;
  /** 1-based: the line number in line formats, otherwise which record (row, element) it is. */
  readonly position: number;
  /** Where the next record begins, in what the format counts: bytes of the decompressed dump, or rows. */
  readonly end: number;
  /** False for the last line of a dump that does not end with a newline. */
  readonly terminated: boolean;
  /** The file in the dump that it stands in, where a dump has several, and how many lines the files before it have. */
  readonly within?: { readonly name: string; readonly before: number };
  /** The record, where the bytes are not its JSON text; or why it cannot be read. */
  readonly parsed?: { readonly value: JsonObject } | { readonly fault: Fault };
};
