/** What a dump is, and the one short name it has in the ledger, in chunks and in the results bucket. */
import { createHash } from 'node:crypto';

/** An object being imported. Embedded, `bucket` is `file`, `key` the absolute path and `etag` a hash of the content. */
export type Dump = {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly versionId?: string;
  /** Size of the object as stored (compressed if it is), in bytes. */
  readonly size: number;
};

/** One reading of a dump: a new one starts when it is imported again, or when code or config changed half-way. */
export type Run = { readonly dumpId: string; readonly run: number };

/**
 * Identity of a dump version: 20 hex digits over bucket, key and version (the ETag where the bucket keeps no versions).
 * The size is not part of it: some notifications leave it out.
 */
export function dumpId(dump: Omit<Dump, 'size'>): string {
  const version = dump.versionId ?? dump.etag;
  return createHash('sha256')
    .update(JSON.stringify([dump.bucket, dump.key, version]))
    .digest('hex')
    .slice(0, 20);
}

/** Where a person finds the dump: a path for a file, `s3://…` for an object. */
export function dumpUrl(dump: Pick<Dump, 'bucket' | 'key'>): string {
  return dump.bucket === FILE_BUCKET ? dump.key : `s3://${dump.bucket}/${dump.key}`;
}

/** The `bucket` of a dump that is a local file. */
export const FILE_BUCKET = 'file';

/**
 * Where the results of a dump lie in the results bucket: its last path segment made harmless, then its id.
 * A key may hold anything (`..`, control characters); what is not a letter, digit, dot or dash becomes `_`.
 */
export function resultsPrefix(kind: 'rejects' | 'receipts', dump: Pick<Dump, 'key'>, id: string): string {
  const name = (dump.key.split('/').at(-1) ?? '')
    .replace(/[^A-Za-z0-9.-]+/g, '_')
    .replace(/^\.+/, '_')
    .slice(0, 80);
  return `${kind}/${name || '_'}-${id}`;
}
