/** Reference files in memory, which can be replaced. */
import { createHash } from 'node:crypto';
import { DumpUnreadable } from '../../../shared/objects.ts';
import type { References } from '../../../shared/references.ts';

export type MemoryReferences = References & {
  put(file: string, content: string | Buffer): void;
  /** The files that were asked for and the ranges that were read, in order. */
  readonly reads: readonly string[];
};

export function memoryReferences(files: Readonly<Record<string, string | Buffer>>): MemoryReferences {
  const contents = new Map(Object.entries(files).map(([file, content]) => [file, Buffer.from(content)]));
  const reads: string[] = [];
  const etagOf = (content: Buffer) => createHash('sha256').update(content).digest('hex');
  const contentOf = (file: string) => {
    const content = contents.get(file);
    if (!content) throw new Error(`cannot read ${file}: there is no such file`);
    return content;
  };
  return {
    reads,
    put: (file, content) => void contents.set(file, Buffer.from(content)),
    async find(file) {
      const content = contentOf(file);
      return { bucket: 'references', key: file, etag: etagOf(content), size: content.length };
    },
    bytes: {
      rangeBytes: 1_000_000,
      async read({ key, etag }, start, end) {
        const content = contentOf(key);
        if (etagOf(content) !== etag) throw new DumpUnreadable(`cannot read ${key}: it was replaced`);
        reads.push(key);
        return content.subarray(start, end);
      },
      size: async ({ key }) => contentOf(key).length,
    },
  };
}
