/** Finds the dumps that a plan is for, on this machine or in S3, each with what it is read by. */
import { stat } from 'node:fs/promises';
import type { Importer, Source } from '../shared/config.ts';
import { type Dump, FILE_BUCKET } from '../shared/dump.ts';
import { fileDumps } from '../shared/embedded/files.ts';
import type { Dumps } from '../shared/objects.ts';
import { chooseSource, findDumps } from './find-dumps.ts';
import { UsageError } from './usage.ts';

export type PlanDump = { readonly dump: Dump; readonly dumps: Dumps; readonly source: Source };

/** In the order they were named. Throws a UsageError that says what is not there. */
export async function openPlanDumps(
  names: readonly string[],
  importer: Importer,
  sourceName: string | undefined,
): Promise<readonly PlanDump[]> {
  const found = new Map<string, PlanDump>();
  const files = fileDumps();
  for (const name of names) {
    const dumps = name.startsWith('s3://')
      ? [await openObject(name, importer, sourceName)]
      : await Promise.all(
          findDumps([name], importer, sourceName).map(async ({ path, source }) => {
            return { dump: await describe(path), dumps: files, source };
          }),
        );
    for (const one of dumps) found.set(`${one.dump.bucket}/${one.dump.key}`, one);
  }
  return [...found.values()];
}

/** Its content is not hashed: that would be to read it twice, and nothing here is remembered. */
async function describe(path: string): Promise<Dump> {
  const { size } = await stat(path);
  return { bucket: FILE_BUCKET, key: path, etag: '', size };
}

async function openObject(url: string, importer: Importer, sourceName: string | undefined): Promise<PlanDump> {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.*[^/])$/s.exec(url) ?? [];
  if (bucket === undefined || key === undefined)
    throw new UsageError(`found "${url}", expected an object as s3://bucket/key`);
  const source = chooseSource(key, importer, sourceName);
  // Only here: loading AWS's SDK costs every other command a quarter of a second.
  const { openS3Dump } = await import('./plan-object.ts');
  const opened = await openS3Dump(bucket, key);
  if (!opened) throw new UsageError(`${url}: there is no such object`);
  return { ...opened, source };
}
