/** The port of reference files: those that a configuration names and that are read while dumps are imported, such as a lookup's. */
import * as z from 'zod';
import { type Dump, FILE_BUCKET } from './dump.ts';
import type { Dumps } from './objects.ts';

/** The version of a reference file: what is read of it later is exactly that. */
export type Reference = Dump;

export type References = {
  /** The file as it is now: `./countries.csv` or `s3://bucket/key`, as the configuration says it. Throws, and says what to do, when it is not there. */
  find(file: string): Promise<Reference>;
  /** Reads what `find` found; throws DumpUnreadable when it has been replaced since. */
  readonly bytes: Dumps;
};

const OBJECT = /^s3:\/\/([^/]+)\/(.+)$/s;

export const fileSchema = z
  .string()
  .min(1)
  .refine((file) => !/^[a-z0-9]+:/i.test(file) || objectOf(file) !== undefined, 'a path, or s3://bucket/key');

/** Bucket and key of an object; undefined of a path. */
export function objectOf(file: string): { readonly bucket: string; readonly key: string } | undefined {
  const [, bucket, key] = OBJECT.exec(file) ?? [];
  return bucket === undefined || key === undefined ? undefined : { bucket, key };
}

/** Of one kind for paths and of another for objects. `objects` is asked for only when an object is named. */
export function eitherReferences(files: References, objects: () => Promise<References>): References {
  const homeOf = async (reference: Pick<Dump, 'bucket'>) => (reference.bucket === FILE_BUCKET ? files : objects());
  return {
    find: async (file) => (objectOf(file) ? await objects() : files).find(file),
    bytes: {
      // That of objects: files cost nothing to ask, and large pieces of them do no harm.
      rangeBytes: 8 * 1024 * 1024,
      read: async (dump, start, end) => (await homeOf(dump)).bytes.read(dump, start, end),
      size: async (dump) => (await homeOf(dump)).bytes.size(dump),
    },
  };
}
