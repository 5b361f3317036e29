/** A dump in memory for the formats that are read by place, and what reading it gives. */
import { type Source } from '../../../../shared/config.ts';
import type { Dump } from '../../../../shared/dump.ts';
import { DumpUnreadable } from '../../../../shared/objects.ts';
import type { DumpBytes, ReadFormat } from '../../../../lambdas/chunker/formats/format.ts';
import type { RawRecord } from '../../../../lambdas/chunker/raw-record.ts';
import { defineImporter } from '../../../../shared/config.ts';

export function placedDump(content: Buffer, key = 'day'): DumpBytes {
  const dump: Dump = { bucket: 'b', key, etag: 'e', size: content.length };
  return {
    dump,
    async *stream(offset) {
      yield content.subarray(offset);
    },
    range: (start, end) => Promise.resolve(content.subarray(start, end)),
  };
}

export type Outcome = { readonly records: readonly RawRecord[]; readonly failure?: string };

/** Everything it gives, and the message of the DumpUnreadable that ended it; anything else that is thrown is a bug. */
export async function readAll(read: ReadFormat, bytes: DumpBytes, from = { offset: 0, position: 0 }): Promise<Outcome> {
  const records: RawRecord[] = [];
  try {
    for await (const block of read(bytes, from, SOURCE)) records.push(...block);
  } catch (error) {
    if (!(error instanceof DumpUnreadable)) throw error;
    return { records, failure: error.message };
  }
  return { records };
}

const [only] = defineImporter({ sources: [{ name: 'day', project: { secret: 's' } }] }).sources;
if (!only) throw new Error('a configuration of one source');
const SOURCE: Source = only;
