/** Keeps the tables of lookups as long as their files stay the same, one for all steps that need the same of a file. */
import type { Log } from '../../../shared/log.ts';
import type { Reference, References } from '../../../shared/references.ts';
import { type LoadedLookup, type LookupFile, loadLookup } from './load-lookup.ts';
import type { LookupTable, Memory } from './lookup-table.ts';

/**
 * Of all tables of a process together, bytes: the chunker has 1,769 MB (cdk/importer-stack.ts) and by itself takes up to
 * about 500 MB; while a file is replaced its old table may still be in use beside the new one.
 */
export const LOOKUP_MEMORY = 512 * 1024 * 1024;

export type LookupTables = {
  /** The table of this version of the file; loaded if it is another than before. */
  open(lookup: LookupFile, reference: Reference): Promise<LookupTable>;
};

export function lookupTables({ bytes }: Pick<References, 'bytes'>, log: Log, max = LOOKUP_MEMORY): LookupTables {
  const memory: Memory = { max, used: 0 };
  const kept = new Map<string, { readonly etag: string; readonly loading: Promise<LoadedLookup> }>();

  async function open(lookup: LookupFile, reference: Reference): Promise<LookupTable> {
    const { file, format, column, columns, duplicates } = lookup;
    const name = JSON.stringify([file, format, column, columns, duplicates]);
    const known = kept.get(name);
    if (known?.etag === reference.etag) return (await known.loading).table;
    if (known) {
      // Its memory counts as free: who still reads a dump with the old table is about to finish.
      kept.delete(name);
      memory.used -= await known.loading.then(
        ({ table }) => table.bytes,
        () => 0,
      );
    }
    const loading = loadLookup(lookup, reference, bytes, memory);
    kept.set(name, { etag: reference.etag, loading });
    // What could not be loaded is tried again with the next dump.
    loading.catch(() => kept.get(name)?.loading === loading && kept.delete(name));
    const { table, ...counts } = await loading;
    const { rows, bytes: memoryBytes } = table;
    log('info', 'lookup loaded', { file, etag: reference.etag, rows, memoryBytes, ...counts });
    return table;
  }

  return { open };
}
