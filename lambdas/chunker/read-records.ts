/** Reads the records of a dump in blocks, by its format, and says so where it breaks off for good. */
import { type Dump, dumpUrl } from '../../shared/dump.ts';
import { type FormatName, formatOf } from '../../shared/format-settings.ts';
import type { Checkpoint } from '../../shared/ledger.ts';
import { type Dumps, DumpUnreadable } from '../../shared/objects.ts';
import type { DumpBytes, ReadFormat, ReadSettings } from './formats/format.ts';
import { readNdjson } from './formats/ndjson.ts';
import { pickFormat } from './formats/pick-format.ts';
import { type Compression, compressionOf } from './inflate.ts';
import type { RawRecord } from './raw-record.ts';
import { readDump } from './read-dump.ts';

export type Block = {
  readonly records: readonly RawRecord[];
  /** The dump is smaller than its records are: compressed in one way or another. */
  readonly isPacked: boolean;
  /** Why nothing more can be read, now or later; only the last block has one. */
  readonly failure?: string;
};

/** Read by place, so that compressing the whole of it would hide its parts. */
export const BY_PLACE: ReadonlySet<FormatName> = new Set(['parquet', 'zip']);

/** What most do without is loaded when the first dump of its kind is read. */
const READERS: Readonly<Record<FormatName, () => Promise<ReadFormat>>> = {
  ndjson: async () => readNdjson,
  'json-array': async () => (await import('./formats/json-array.ts')).readJsonArray,
  csv: async () => (await import('./formats/csv.ts')).readTable,
  tsv: async () => (await import('./formats/csv.ts')).readTable,
  parquet: async () => (await import('./formats/parquet.ts')).readParquet,
  zip: async () => (await import('./formats/zip.ts')).readZip,
};

/** Enough to see the first lines: the first block of zstd may be 128 KiB. */
const HEAD_BYTES = 256 * 1024;

/** What a dump is: the format it is said to have, or the one that its content tells, and how it is compressed. */
export type Recognized = {
  readonly format: NonNullable<ReadSettings['format']>;
  readonly compression: Compression | undefined;
};

/** Throws DumpUnreadable when it is gone. */
export async function recognizeDump(
  dump: Dump,
  settings: Pick<ReadSettings, 'format'>,
  dumps: Dumps,
): Promise<Recognized> {
  const head = await dumps.read(dump, 0, Math.min(HEAD_BYTES, dump.size));
  const compression = compressionOf(head);
  const format = settings.format ?? formatOf(pickFormat(dump.key, await inflatedHead(dump, head, compression)));
  return { format, compression };
}

/** The format that the readers find in the settings is the dump's, also when the source itself names none. */
export async function* readRecords(
  dump: Dump,
  settings: ReadSettings,
  { offset, position }: Pick<Checkpoint, 'offset' | 'position'>,
  dumps: Dumps,
): AsyncGenerator<Block> {
  if (dump.size === 0) return; // whatever it should have been, it has no records
  try {
    const { format, compression } = await recognizeDump(dump, settings, dumps);
    const bytes = bytesOf(dump, dumps, compression);
    if (compression && BY_PLACE.has(format.type)) {
      throw new DumpUnreadable(`${dumpUrl(dump)} is ${format.type} in ${compression}: drop it without ${compression}`);
    }
    const read = await READERS[format.type]();
    for await (const records of read(bytes, { offset, position }, { ...settings, format })) {
      yield { records, isPacked: compression !== undefined || BY_PLACE.has(format.type) };
    }
  } catch (error) {
    if (!(error instanceof DumpUnreadable)) throw error;
    yield { records: [], isPacked: false, failure: error.message };
  }
}

/** The dump's bytes as a format takes them. */
export function bytesOf(dump: Dump, dumps: Dumps, compression?: Compression): DumpBytes {
  return {
    dump,
    stream: (from) => readDump(dump, from, dumps, compression),
    range: (start, end) => dumps.read(dump, start, end),
  };
}

/** The first inflated piece; of a head that breaks off as much as there is. */
async function inflatedHead(dump: Dump, head: Buffer, compression: Compression | undefined): Promise<Buffer> {
  if (!compression) return head;
  const dumps: Dumps = {
    rangeBytes: head.length,
    read: async (_dump, start, end) => head.subarray(start, end),
    size: async () => head.length,
  };
  try {
    for await (const piece of readDump({ ...dump, size: head.length }, 0, dumps, compression)) return piece;
  } catch (error) {
    if (!(error instanceof DumpUnreadable)) throw error;
  }
  return Buffer.alloc(0);
}
