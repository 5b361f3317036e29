/** Finds records of a dump by their positions: reads on from where it stands, so that ascending calls read the dump once. */
import type { Source } from '../../shared/config.ts';
import type { Dump } from '../../shared/dump.ts';
import { START } from '../../shared/ledger.ts';
import type { Dumps } from '../../shared/objects.ts';
import type { RawRecord } from './raw-record.ts';
import { type Block, readRecords } from './read-records.ts';

export type RecordFinder = ReturnType<typeof recordFinder>;

/** Without `dumps` the dump is gone, and nothing is found. */
export function recordFinder(dump: Dump, source: Source, dumps: Dumps | undefined) {
  let blocks: AsyncGenerator<Block> | undefined;
  let unread: readonly RawRecord[] = [];
  /** Every record up to here has been passed. */
  let passed = 0;

  async function rewind(): Promise<void> {
    await blocks?.return(undefined);
    blocks = dumps && readRecords(dump, source, START, dumps);
    unread = [];
    passed = 0;
  }

  return {
    /** The records at these positions; one that can no longer be read is left out. */
    async find(positions: ReadonlySet<number>): Promise<ReadonlyMap<number, RawRecord>> {
      const found = new Map<number, RawRecord>();
      if (positions.size === 0) return found;
      let [first, last] = [Number.POSITIVE_INFINITY, 0];
      for (const position of positions) [first, last] = [Math.min(first, position), Math.max(last, position)];
      if (!blocks || first <= passed) await rewind();
      while (blocks && passed < last) {
        if (unread.length === 0) {
          const next = await blocks.next();
          if (next.done) break;
          unread = next.value.records;
        }
        const count = unread.findIndex(({ position }) => position > last);
        const block = count === -1 ? unread : unread.slice(0, count);
        unread = count === -1 ? [] : unread.slice(count);
        for (const record of block) if (positions.has(record.position)) found.set(record.position, record);
        passed = unread.length > 0 ? last : (block.at(-1)?.position ?? passed);
      }
      return found;
    },
    /** To be called at the end: ends what is being read. */
    close: async () => void (await blocks?.return(undefined)),
  };
}
