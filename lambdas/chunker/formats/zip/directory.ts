/** Reads a zip's directory: which files it has, and where each lies. */
import { fromRandomAccessReaderPromise, RandomAccessReader } from 'yauzl';
import { DumpUnreadable } from '../../../../shared/objects.ts';
import { dumpUrl } from '../../../../shared/dump.ts';
import type { DumpBytes } from '../format.ts';

export type ZipEntry = {
  readonly name: string;
  /** Where its own header begins, which says where its bytes begin. */
  readonly headerStart: number;
  /** What that header takes, as far as the directory can tell. */
  readonly headerBytes: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly crc32: number;
  /** 0 as it is, 8 deflate. */
  readonly method: number;
  readonly isEncrypted: boolean;
};

/** The directory is read in steps of some 50 bytes; so much is fetched at a time. */
const WINDOW_BYTES = 256 * 1024;
/** A year of hourly files in ten partitions. */
const MAX_ENTRIES = 100_000;

/** The files of the zip as they stand in its directory. Throws DumpUnreadable when that is missing or damaged. */
export async function readDirectory({ dump, range }: DumpBytes): Promise<ZipEntry[]> {
  const reader = new RangeReader(range, dump.size);
  const entries: ZipEntry[] = [];
  try {
    const options = { lazyEntries: true, autoClose: false, strictFileNames: false };
    const zip = await fromRandomAccessReaderPromise(reader, dump.size, options);
    if (zip.entryCount > MAX_ENTRIES)
      throw new Error(`it has ${zip.entryCount} files, at most ${MAX_ENTRIES}; split it`);
    for await (const entry of zip.eachEntry()) {
      entries.push({
        name: entry.fileName,
        headerStart: entry.relativeOffsetOfLocalHeader,
        headerBytes: 30 + entry.fileNameLength + entry.extraFieldLength,
        compressedBytes: entry.compressedSize,
        bytes: entry.uncompressedSize,
        crc32: entry.crc32,
        method: entry.compressionMethod,
        isEncrypted: entry.isEncrypted(),
      });
    }
  } catch (error) {
    if (reader.failure) throw reader.failure; // what cannot be read now may be read later
    const why = error instanceof Error ? error.message : 'unknown';
    throw new DumpUnreadable(
      `${dumpUrl(dump)} is damaged: its directory, which stands at its end, cannot be read (${why}); drop a whole copy of it`,
    );
  }
  return entries;
}

/** The library wants an object of this class, with a callback; it gets what is read by ranges. */
class RangeReader extends RandomAccessReader {
  /** What went wrong outside the zip. */
  failure: Error | undefined;
  private readonly range: DumpBytes['range'];
  private readonly size: number;
  private start = 0;
  private window: Buffer = Buffer.alloc(0);

  constructor(range: DumpBytes['range'], size: number) {
    super();
    this.range = range;
    this.size = size;
  }

  override read(into: Buffer, offset: number, length: number, at: number, done: ReadDone): void {
    this.load(at, length).then(
      (bytes) => {
        bytes.copy(into, offset);
        done(null, bytes.length);
      },
      (error: Error) => {
        this.failure = error;
        done(error);
      },
    );
  }

  private async load(at: number, length: number): Promise<Buffer> {
    if (at < this.start || at + length > this.start + this.window.length) {
      const end = Math.min(this.size, at + Math.max(length, WINDOW_BYTES));
      this.window = at < end ? await this.range(at, end) : Buffer.alloc(0);
      this.start = at;
    }
    return this.window.subarray(at - this.start, at - this.start + length);
  }
}

type ReadDone = (error: Error | null, bytes?: number) => void;
