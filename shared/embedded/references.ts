/** Reference files on disk: beside the configuration, or in a function's bundle. */
import { stat } from 'node:fs/promises';
import type { Dump } from '../dump.ts';
import type { References } from '../references.ts';
import { describeFile, fileDumps } from './files.ts';

/** `pathOf` says where a file of the configuration lies. A file is hashed again only when it was touched. */
export function fileReferences(pathOf: (file: string) => string): References {
  const known = new Map<string, { readonly identity: string; readonly dump: Dump }>();
  return {
    async find(file) {
      const path = pathOf(file);
      const identity = await identityOf(path);
      const last = known.get(path);
      if (last && last.identity === identity) return last.dump;
      const dump = await describeFile(path);
      known.set(path, { identity, dump });
      return dump;
    },
    bytes: fileDumps(),
  };
}

/** What is not there has none: describing it says so. */
async function identityOf(path: string): Promise<string> {
  const { ino, size, mtimeNs } = (await stat(path, { bigint: true }).catch(() => undefined)) ?? {};
  return `${ino} ${size} ${mtimeNs}`;
}
