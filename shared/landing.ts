/** The landing port: what lies where dumps are dropped. */
import type { Dump } from './dump.ts';

/** An object as a list has it. */
export type LandedObject = {
  readonly key: string;
  /** Without quotes. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  /** When it was written, or its upload was begun, ms since epoch. */
  readonly modifiedAt: number;
};

export type Landing = {
  /** Pages of the objects whose keys begin with `prefix` and come after `after`, in the order of the keys. */
  list(prefix: string, after?: string): AsyncIterable<readonly LandedObject[]>;
  /** The dump as a notification of it would name it; undefined when another one has taken its place, or it is gone. */
  identify(object: LandedObject): Promise<Dump | undefined>;
};
