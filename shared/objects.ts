/** The object ports: dumps are read by ranges, results (rejects, receipts) are written whole. */
import type { Dump } from './dump.ts';

export type Dumps = {
  /** How much to read at a time: enough to hide what a request costs, little enough that two of them are no matter. */
  readonly rangeBytes: number;
  /** The bytes from `start` up to but not including `end` of exactly this version of the dump; throws DumpUnreadable if it is gone for good. */
  read(dump: Dump, start: number, end: number): Promise<Buffer>;
  /** The dump's size in bytes, for notifications that do not say it. Throws DumpUnreadable likewise. */
  size(dump: Omit<Dump, 'size'>): Promise<number>;
};

/** The dump cannot be read now or later: replaced, deleted or damaged. Anything else a port throws may pass. */
export class DumpUnreadable extends Error {
  override readonly name = 'DumpUnreadable';
}

export type Results = {
  /** Writes the object, replacing one of the same key. Durable when it resolves. */
  put(key: string, body: Buffer): Promise<void>;
  /** The object, or undefined when there is none. */
  get(key: string): Promise<Buffer | undefined>;
  /** Keys that begin with `prefix`, sorted. */
  list(prefix: string): Promise<readonly string[]>;
  /** What a person can open: a path, or an `s3://` URL. */
  url(key: string): string;
};
