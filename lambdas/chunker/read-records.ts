/** Reads the records of a dump in blocks, and says so where it breaks off for good. */
import type { Source } from '../../shared/config.ts';
import { type Dump, dumpUrl } from '../../shared/dump.ts';
import type { Checkpoint } from '../../shared/ledger.ts';
import { type Dumps, DumpUnreadable } from '../../shared/objects.ts';
import { readLines } from './formats/ndjson.ts';
import type { RawRecord } from './raw-record.ts';
import { readDump } from './read-dump.ts';

/** `failure` is why nothing more can be read, now or later; only the last block has one. */
export type Block = { readonly records: readonly RawRecord[]; readonly failure?: string };

export async function* readRecords(
  dump: Dump,
  source: Source,
  { offset, position }: Checkpoint,
  dumps: Dumps,
): AsyncGenerator<Block> {
  let last: RawRecord | undefined;
  try {
    const options = { offset, position, maxBytes: source.caps.recordBytes };
    for await (const records of readLines(readDump(dump, offset, dumps), options)) {
      last = records.at(-1);
      yield { records };
    }
  } catch (error) {
    if (!(error instanceof DumpUnreadable)) throw error;
    yield { records: [], failure: error.message };
    return;
  }
  if (!last || !isCutOff(last)) return;
  yield {
    records: [],
    failure: `${dumpUrl(dump)} ends in the middle of its last record (line ${last.position}): it was cut off; drop a whole copy of it`,
  };
}

/** An object that begins and does not end, at the end of the dump. Any other bad last line is only a bad line. */
function isCutOff({ bytes, terminated }: RawRecord): boolean {
  return !terminated && bytes[0] === 0x7b && bytes.at(-1) !== 0x7d;
}
