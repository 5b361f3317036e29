/** Which files of a zip hold records, and the decompressed bytes of one. */
import { crc32 } from 'node:zlib';
import { type Dump, dumpUrl } from '../../../../shared/dump.ts';
import { DumpUnreadable } from '../../../../shared/objects.ts';
import { compressionOf, inflate } from '../../inflate.ts';
import type { DumpBytes } from '../format.ts';
import { placedBytes } from '../placed-bytes.ts';
import type { ZipEntry } from './directory.ts';

const RECORDS = /\.(json|ndjson|jsonl)(\.gz|\.zst)?$/i;
/** Of Amplitude's export, which users were merged: no events. `-OrgID_yyyy-MM-dd_H.json.gz`. */
const MERGED_IDS = /^-[^_]+_\d{4}-\d{2}-\d{2}_\d{1,2}\.json(\.gz)?$/;

/** Whether a file holds records, has none (a marker, a folder, what an archiver leaves), or cannot be told. */
export function kindOfEntry({ name, bytes }: ZipEntry): 'records' | 'nothing' | 'unknown' {
  const base = name.split('/').at(-1) ?? '';
  if (base === '' || base.startsWith('.') || name.startsWith('__MACOSX/') || MERGED_IDS.test(base)) return 'nothing';
  if (RECORDS.test(base)) return 'records';
  return bytes === 0 || base.startsWith('complete') ? 'nothing' : 'unknown';
}

/** A smaller file is read in one piece, with its header. */
const SMALL_BYTES = 4 * 1024 * 1024;
const WINDOW_BYTES = 4 * 1024 * 1024;
/** A file's own header may be longer than the directory's entry for it. */
const HEADER_MARGIN_BYTES = 512;
const HEADER_SIGNATURE = 0x04034b50;

/**
 * The file's bytes, decompressed from the zip and, if it is gzip or zstd itself, from that too. Throws DumpUnreadable,
 * after everything that could be read, where it is damaged or of a kind that cannot be read.
 */
export async function* readEntry(bytes: DumpBytes, entry: ZipEntry): AsyncGenerator<Buffer> {
  const dump = { ...bytes.dump, key: `${bytes.dump.key}/${entry.name}`, size: entry.compressedBytes };
  if (entry.isEncrypted) throw unreadable(dump, 'it is encrypted; zip it without a password');
  if (entry.method !== 0 && entry.method !== 8) {
    throw unreadable(dump, `it is compressed with method ${entry.method} of zip; zip it with deflate (8)`);
  }
  const compressed = await openEntry(bytes, entry, dump);
  const content = () => checked(entry.method === 0 ? compressed() : inflate(dump, 'deflate', compressed), entry, dump);
  const compression = compressionOf(await firstBytes(content()));
  yield* compression ? inflate({ ...dump, size: entry.bytes }, compression, content) : content();
}

async function openEntry({ range, dump: { size } }: DumpBytes, entry: ZipEntry, dump: Dump) {
  const start = entry.headerStart;
  const wanted = entry.headerBytes + HEADER_MARGIN_BYTES + Math.min(entry.compressedBytes, SMALL_BYTES);
  const head = await range(Math.min(start, size), Math.min(start + wanted, size));
  if (head.length < 30 || head.readUInt32LE(0) !== HEADER_SIGNATURE)
    throw damaged(dump, 'its header is not where it should be');
  const from = 30 + head.readUInt16LE(26) + head.readUInt16LE(28);
  const until = from + entry.compressedBytes;
  if (start + until > size) throw damaged(dump, 'the zip ends before it');
  async function* small() {
    yield head.subarray(from, until);
  }
  return () => (until <= head.length ? small() : large(range, start + from, start + until));
}

async function* large(range: DumpBytes['range'], start: number, end: number): AsyncGenerator<Buffer> {
  const placed = placedBytes(range, start, end, WINDOW_BYTES);
  try {
    while (placed.left() > 0) {
      const piece = await placed.peek(1);
      placed.drop(piece.length);
      yield piece;
    }
  } finally {
    await placed.close();
  }
}

/** Passes the bytes on, and throws at the end when they are not those that were zipped. */
async function* checked(pieces: AsyncIterable<Buffer>, entry: ZipEntry, dump: Dump): AsyncGenerator<Buffer> {
  let length = 0;
  let sum = 0;
  try {
    for await (const piece of pieces) {
      length += piece.length;
      sum = crc32(piece, sum);
      yield piece;
    }
  } catch (error) {
    // Damage of the zip's compression, which that of the file itself must not take for its own.
    throw error instanceof DumpUnreadable ? new DumpUnreadable(error.message, { cause: error }) : error;
  }
  if (length !== entry.bytes)
    throw damaged(dump, `it has ${length} bytes, and the zip's directory says ${entry.bytes}`);
  if (sum !== entry.crc32) throw damaged(dump, 'its checksum is wrong');
}

async function firstBytes(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  let first: Buffer = Buffer.alloc(0);
  try {
    for await (const piece of pieces) {
      first = Buffer.concat([first, piece]);
      if (first.length >= 4) break;
    }
  } catch (error) {
    if (!(error instanceof DumpUnreadable)) throw error; // where it is damaged shows when it is read
  }
  return first;
}

function damaged(dump: Dump, why: string): DumpUnreadable {
  return new DumpUnreadable(`${dumpUrl(dump)} is damaged: ${why}; drop a whole copy of it`);
}

function unreadable(dump: Dump, why: string): DumpUnreadable {
  return new DumpUnreadable(`${dumpUrl(dump)} cannot be read: ${why}`);
}
