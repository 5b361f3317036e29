/** The reference files of a source, each in the version that a dump is read with. */
import { createHash } from 'node:crypto';
import type { Source } from '../../shared/config.ts';
import { lookupFilesOf } from '../../shared/enrich-step.ts';
import type { Reference, References } from '../../shared/references.ts';

/** By the name in the configuration. */
export type FoundReferences = ReadonlyMap<string, Reference>;

/** As they are now; a source without any asks nothing. Throws when one is not there. */
export async function findReferences(
  { enrich }: Pick<Source, 'enrich'>,
  references: Pick<References, 'find'>,
): Promise<FoundReferences> {
  const files = lookupFilesOf(enrich ?? []);
  return new Map(await Promise.all(files.map(async (file) => [file, await references.find(file)] as const)));
}

/** A dump half read is started anew when a reference is another one: its chunks would not be the same under their names. */
export function fingerprintWith(fingerprint: string, found: FoundReferences): string {
  if (found.size === 0) return fingerprint;
  const versions = [...found].map(([file, { etag, size }]) => [file, etag, size]);
  return createHash('sha256')
    .update(JSON.stringify([fingerprint, versions]))
    .digest('hex')
    .slice(0, 20);
}

/** Whether `before` has another version of a file than `now`. */
export function isOutdated(before: FoundReferences, now: FoundReferences): boolean {
  return [...before].some(([file, { etag }]) => (now.get(file)?.etag ?? etag) !== etag);
}
