/** Opens the one dump that a person names: a file on this machine, or an object in S3. */
import type { Importer, Source } from '../shared/config.ts';
import { type Dump, FILE_BUCKET } from '../shared/dump.ts';
import { fileDumps } from '../shared/embedded/files.ts';
import type { Dumps } from '../shared/objects.ts';
import { chooseSource, findDumps } from './find-dumps.ts';
import { UsageError } from './usage.ts';

export type NamedDump = { readonly dump: Dump; readonly dumps: Dumps; readonly source: Source };

/** Throws a UsageError that says what is not there, or which sources there are when none follows from the name. */
export async function openNamedDump(name: string, importer: Importer, sourceName?: string): Promise<NamedDump> {
  if (!name.startsWith('s3://')) return openFile(name, importer, sourceName);
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.*[^/])$/s.exec(name) ?? [];
  if (bucket === undefined || key === undefined) {
    throw new UsageError(`${name} names no object; expected s3://bucket/key of one dump`);
  }
  const source = chooseSource(key, importer, sourceName);
  // Only here: loading AWS's SDK costs every other command a quarter of a second.
  const { openS3Dump } = await import('./s3-dump.ts');
  return { ...(await openS3Dump(bucket, key)), source };
}

async function openFile(name: string, importer: Importer, sourceName: string | undefined): Promise<NamedDump> {
  const [first, ...others] = findDumps([name], importer, sourceName);
  if (first === undefined) throw new UsageError(`${name}: no dump`);
  if (others.length > 0) {
    throw new UsageError(`${name} stands for ${others.length + 1} dumps; name one of them, such as ${first.path}`);
  }
  const dumps = fileDumps();
  // What tells its versions apart is not asked for: hashing a large file takes as long as reading it.
  const dump = { bucket: FILE_BUCKET, key: first.path, etag: '' };
  return { dump: { ...dump, size: await dumps.size(dump) }, dumps, source: first.source };
}
