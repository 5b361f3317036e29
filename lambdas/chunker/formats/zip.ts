/** Zip of NDJSON files, gzipped or not, as Amplitude's export gives it: the lines of its files, in the order of their names. */
import { type Dump, dumpUrl } from '../../../shared/dump.ts';
import { DumpUnreadable } from '../../../shared/objects.ts';
import type { RawRecord } from '../raw-record.ts';
import type { DumpBytes, ReadFormat } from './format.ts';
import { readLines } from './ndjson.ts';
import { readDirectory, type ZipEntry } from './zip/directory.ts';
import { kindOfEntry, readEntry } from './zip/entry.ts';

/** So many of what could not be read are named; more of them are counted. */
const MAX_NAMED = 3;

/**
 * `end` counts decompressed bytes and `position` lines, over all files that are read. A file that is damaged or cannot be
 * read is left at that point, and the next one is read; what was wrong is thrown at the end.
 */
export const readZip: ReadFormat = async function* (bytes, from, source) {
  const entries = await readDirectory(bytes);
  const problems: string[] = [];
  let read = { bytes: 0, lines: 0 };
  for (const entry of entries.toSorted(byName)) {
    const kind = kindOfEntry(entry);
    if (kind === 'unknown') problems.push(unknownEntry(bytes.dump, entry));
    if (kind !== 'records') continue;
    read = yield* readFile(bytes, entry, { ...read, after: from.offset, maxBytes: source.caps.recordBytes }, problems);
  }
  if (problems.length === 0) return;
  const more = problems.length > MAX_NAMED ? [`${problems.length - MAX_NAMED} more files could not be read whole`] : [];
  throw new DumpUnreadable([...problems.slice(0, MAX_NAMED), ...more].join('\n'));
};

type Place = {
  /** Of the files before. */
  readonly bytes: number;
  readonly lines: number;
  /** Records that end here or before were read another time. */
  readonly after: number;
  readonly maxBytes: number;
};

async function* readFile(bytes: DumpBytes, entry: ZipEntry, before: Place, problems: string[]) {
  const within = { name: entry.name, before: before.lines };
  let length = 0;
  let lines = 0;
  async function* counted() {
    for await (const piece of readEntry(bytes, entry)) {
      length += piece.length;
      yield piece;
    }
  }
  try {
    for await (const block of readLines(counted(), { offset: 0, position: 0, maxBytes: before.maxBytes })) {
      lines = block.at(-1)?.position ?? lines;
      const records = block
        .filter((record) => before.bytes + record.end > before.after)
        .map((record): RawRecord => {
          const place = { position: before.lines + record.position, end: before.bytes + record.end, within };
          // Its file is whole, as its checksum says, so that its last line is, too.
          return { ...record, ...place, terminated: true };
        });
      if (records.length > 0) yield records;
    }
  } catch (error) {
    if (!(error instanceof DumpUnreadable)) throw error;
    problems.push(error.message);
  }
  return { bytes: before.bytes + length, lines: before.lines + lines };
}

/** 2 stands before 10: the hours in the names of Amplitude's export have no leading zero. */
function byName(a: ZipEntry, b: ZipEntry): number {
  const [first, second] = [sortable(a.name), sortable(b.name)];
  if (first === second) return a.headerStart - b.headerStart;
  return first < second ? -1 : 1;
}

function sortable(name: string): string {
  return name.replace(/\d+/g, (digits) => digits.padStart(20, '0'));
}

function unknownEntry(dump: Dump, { name }: ZipEntry): string {
  return `${dumpUrl(dump)}/${name} cannot be read: a file in a zip must be .json, .ndjson or .jsonl, with or without .gz; take it out, or drop it by itself`;
}
