/** What a format is: from a dump's bytes to its records. */
import type { Source } from '../../../shared/config.ts';
import type { Dump } from '../../../shared/dump.ts';
import type { RawRecord } from '../raw-record.ts';

export type DumpBytes = {
  readonly dump: Dump;
  /** The dump's bytes after decompression (gzip, zstd, none), from `offset` on, in pieces of any size. */
  stream(offset: number): AsyncIterable<Buffer>;
  /** The bytes as they lie, from start up to end, for formats that are read by place (Parquet, zip). */
  range(start: number, end: number): Promise<Buffer>;
};

/** What a source says of how its dumps are read. */
export type ReadSettings = Pick<Source, 'format' | 'caps'>;

/** Where reading goes on, as a checkpoint says it: what the last record had as `end` and `position`; both 0 at the beginning. */
export type FormatStart = { readonly offset: number; readonly position: number };

/** Yields blocks of at most about 1,000 records. Throws DumpUnreadable, after everything that could be read, where the dump is damaged for good. */
export type ReadFormat = (
  bytes: DumpBytes,
  from: FormatStart,
  settings: ReadSettings,
) => AsyncIterable<readonly RawRecord[]>;

/** Handed over at a time: a piece of 8 MiB may hold millions of records, which as objects, or as their events, would be 1 GB. */
export const BLOCK_RECORDS = 1_000;
