/** Reads a Parquet file's footer: which columns it has, and where each lies. */
import { type ColumnChunk, type FileMetaData, parquetMetadata } from 'hyparquet';
import { type Dump, dumpUrl } from '../../../../shared/dump.ts';
import { DumpUnreadable } from '../../../../shared/objects.ts';
import type { DumpBytes } from '../format.ts';
import { CODEC_NAMES } from './codecs.ts';
import { type Leaf, readSchema, repeatedName, type Schema } from './schema.ts';

export type ColumnPlace = {
  readonly start: number;
  readonly end: number;
  readonly codec: string;
  /** Values, nulls and empty lists. */
  readonly entries: number;
};

export type RowGroup = { readonly rows: number; readonly columns: readonly ColumnPlace[] };

export type ParquetFile = Schema & { readonly groups: readonly RowGroup[] };

const MAGIC = 'PAR1';
/** Most footers fit, so that one request is enough. */
const TAIL_BYTES = 256 * 1024;
/** As objects a footer takes some ten times its bytes; 64 MiB are 10,000 columns in 100 row groups. */
const MAX_FOOTER_BYTES = 64 * 1024 * 1024;

/** Throws DumpUnreadable when it is no Parquet file, a damaged one, or one that this cannot read. */
export async function readFooter({ dump, range }: DumpBytes): Promise<ParquetFile> {
  const { size } = dump;
  if (size < 12) throw damaged(dump, `a Parquet file has at least 12 bytes, and this has ${size}`);
  const [head, tail] = await Promise.all([range(0, 4), range(Math.max(0, size - TAIL_BYTES), size)]);
  checkMagic(dump, head.toString('latin1'), tail.toString('latin1', tail.length - 4));
  const length = tail.readUInt32LE(tail.length - 8);
  if (length > size - 12) throw damaged(dump, `its footer claims ${length} bytes, and the file has ${size}`);
  if (length > MAX_FOOTER_BYTES) {
    throw unreadable(
      dump,
      `its footer has ${length} bytes, at most ${MAX_FOOTER_BYTES}; write it with fewer row groups`,
    );
  }
  const footer = length + 8 <= tail.length ? tail : await range(size - length - 8, size);
  let file: { readonly metadata: FileMetaData; readonly schema: Schema };
  try {
    const metadata = parquetMetadata(footer, { geoparquet: false });
    file = { metadata, schema: readSchema(metadata) };
  } catch (error) {
    throw damaged(dump, `its footer cannot be read: ${error instanceof Error ? error.message : 'unknown'}`);
  }
  const twice = repeatedName(file.schema.root);
  if (twice !== undefined) throw unreadable(dump, `two columns are called ${twice}; write it with each name once`);
  return { ...file.schema, groups: readGroups(dump, file.metadata, file.schema.leaves) };
}

function checkMagic(dump: Dump, first: string, last: string): void {
  if (first === 'PARE' || last === 'PARE') throw unreadable(dump, 'it is encrypted; write it without encryption');
  if (first !== MAGIC)
    throw unreadable(dump, `it is no Parquet file, which begins with ${MAGIC}; check the source's format`);
  if (last !== MAGIC) throw damaged(dump, `it was cut off: a Parquet file ends with ${MAGIC}`);
}

function readGroups(dump: Dump, metadata: FileMetaData, leaves: readonly Leaf[]): RowGroup[] {
  const groups = metadata.row_groups.map((group, i): RowGroup => {
    const rows = Number(group.num_rows);
    if (!Number.isSafeInteger(rows) || rows < 0 || group.columns.length !== leaves.length) {
      throw damaged(
        dump,
        `its footer says that row group ${i} has ${rows} rows and ${group.columns.length} of ${leaves.length} columns`,
      );
    }
    return { rows, columns: leaves.map((leaf) => readPlace(dump, leaf, rows, group.columns[leaf.column])) };
  });
  const rows = groups.reduce((sum, group) => sum + group.rows, 0);
  if (rows === Number(metadata.num_rows)) return groups;
  throw damaged(dump, `its footer says ${metadata.num_rows} rows, and its row groups have ${rows}`);
}

function readPlace(dump: Dump, leaf: Leaf, rows: number, chunk: ColumnChunk | undefined): ColumnPlace {
  const meta = chunk?.meta_data;
  const column = `column ${leaf.path}`;
  if (chunk?.crypto_metadata || chunk?.encrypted_column_metadata) {
    throw unreadable(dump, `${column} is encrypted; write it without encryption`);
  }
  if (!meta || chunk.file_path) throw unreadable(dump, `${column} lies in another file; write it as one file`);
  const { codec, encodings } = meta;
  if (!CODEC_NAMES.includes(codec)) {
    const known = 'snappy, gzip, zstd, brotli or lz4';
    throw unreadable(dump, `${column} is compressed with ${codec ?? 'what is not known'}; write it with ${known}`);
  }
  if (encodings?.some((encoding) => encoding === undefined)) {
    throw unreadable(dump, `${column} has an encoding that is not known; write it with another one, such as PLAIN`);
  }
  const data = Number(meta.data_page_offset);
  const dictionary = Number(meta.dictionary_page_offset ?? 0);
  const start = dictionary > 0 && dictionary < data ? dictionary : data;
  const end = start + Number(meta.total_compressed_size);
  const entries = Number(meta.num_values);
  const isFlat = leaf.maxRepetition === 0;
  // Of a row group without rows nothing is read, and writers leave its places open.
  if (rows > 0 && !(start >= 4 && end >= start && end <= dump.size - 8)) {
    throw damaged(dump, `its footer says that ${column} lies at bytes ${start} to ${end} of ${dump.size}`);
  }
  if (!Number.isSafeInteger(entries) || (isFlat ? entries !== rows : entries < rows)) {
    throw damaged(dump, `its footer says that ${column} has ${entries} values in ${rows} rows`);
  }
  return { start, end, codec, entries };
}

export function damaged(dump: Dump, why: string): DumpUnreadable {
  return new DumpUnreadable(`${dumpUrl(dump)} is damaged: ${why}; drop a whole copy of it`);
}

/** `why` says what to do. */
function unreadable(dump: Dump, why: string): DumpUnreadable {
  return new DumpUnreadable(`${dumpUrl(dump)} cannot be read: ${why}`);
}
