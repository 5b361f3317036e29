/** Decodes one page of a Parquet column into its levels and values. */
import { crc32 } from 'node:zlib';
import type { PageHeader } from 'hyparquet/src/types.js';
import { deltaBinaryUnpack, deltaLengthByteArray } from 'hyparquet/src/delta.js';
import { byteStreamSplit } from 'hyparquet/src/encoding.js';
import { readPlain } from 'hyparquet/src/plain.js';
import type { Json } from '../../../../shared/amplitude-event.ts';
import { inflatePage } from './codecs.ts';
import { readHybrid } from './hybrid.ts';
import type { Leaf } from './schema.ts';
import type { BadValue, Convert } from './values.ts';

/** The values of a page or a dictionary, made into JSON when they are asked for. */
export type Values = (i: number) => Json | BadValue;

export type Page = {
  /** Of entries: values, nulls and empty lists. */
  readonly count: number;
  /** How many rows begin in it. */
  readonly rows: number;
  /** Of each entry; undefined where each is a value. */
  readonly definitions: Uint8Array | undefined;
  /** Of each entry; undefined where each is a row. */
  readonly repetitions: Uint8Array | undefined;
  /** The i-th value, nulls and empty lists not counted. */
  readonly values: Values;
};

export type PageContext = {
  readonly leaf: Leaf;
  readonly convert: Convert;
  readonly codec: string;
  readonly dictionary: Dictionary | undefined;
};

export type Dictionary = { readonly size: number; readonly values: Values };

/** Larger than any writer makes them (1 MiB by default), so that a damaged size costs no memory. */
export const MAX_PAGE_BYTES = 256 * 1024 * 1024;
const MAX_PAGE_ENTRIES = 16 * 1024 * 1024;

export const ENCODINGS: ReadonlySet<string> = new Set([
  'PLAIN',
  'PLAIN_DICTIONARY',
  'RLE_DICTIONARY',
  'RLE',
  'DELTA_BINARY_PACKED',
  'DELTA_LENGTH_BYTE_ARRAY',
  'DELTA_BYTE_ARRAY',
  'BYTE_STREAM_SPLIT',
]);

/** Throws where the sizes in the header are not what a page can have. */
export function checkHeader({ compressed_page_size: compressed, uncompressed_page_size: size }: PageHeader): void {
  for (const bytes of [compressed, size]) {
    if (Number.isInteger(bytes) && bytes >= 0 && bytes <= MAX_PAGE_BYTES) continue;
    throw new Error(`a page of ${bytes} bytes, at most ${MAX_PAGE_BYTES}`);
  }
}

/** Throws where the page has a checksum and it is not that of its bytes. */
export function checkSum({ crc }: PageHeader, body: Buffer): void {
  if (crc !== undefined && (crc32(body) | 0) !== (crc | 0)) throw new Error('the checksum of a page is wrong');
}

export function decodeDictionary(header: PageHeader, body: Buffer, context: PageContext): Dictionary {
  const size = checkCount(header.dictionary_page_header?.num_values);
  const stored = plainValues(inflatePage(body, header.uncompressed_page_size, context.codec), size, context);
  // An object is made anew each time: a map may change what it gets.
  if (context.leaf.kind.is === 'json') return { size, values: stored };
  // Anything else is made once, however often it is used, but not before it is.
  const made: (Json | BadValue)[] = [];
  return { size, values: (i: number) => (made[i] ??= stored(i)) };
}

export function decodePage(header: PageHeader, body: Buffer, context: PageContext): Page {
  return header.type === 'DATA_PAGE_V2' ? decodeV2(header, body, context) : decodeV1(header, body, context);
}

function decodeV1(header: PageHeader, body: Buffer, context: PageContext): Page {
  const { leaf, codec } = context;
  const head = header.data_page_header;
  const count = checkCount(head?.num_values);
  const page = inflatePage(body, header.uncompressed_page_size, codec);
  let at = 0;
  const readLevels = (max: number, encoding: string | undefined) => {
    if (max === 0) return undefined;
    if (encoding === 'BIT_PACKED') throw new Error('levels encoded as BIT_PACKED, which no writer uses any more');
    const levels = new Uint8Array(count);
    const end = at + 4 + page.readUInt32LE(at);
    if (readHybrid(page, at + 4, bitWidth(max), levels) > end) throw new Error('levels are longer than they say');
    at = end;
    return levels;
  };
  const repetitions = readLevels(leaf.maxRepetition, head?.repetition_level_encoding);
  const definitions = readLevels(leaf.maxDefinition, head?.definition_level_encoding);
  return finishPage(count, definitions, repetitions, page.subarray(at), head?.encoding, context);
}

function decodeV2(header: PageHeader, body: Buffer, context: PageContext): Page {
  const { leaf, codec } = context;
  const head = header.data_page_header_v2;
  const count = checkCount(head?.num_values);
  const repetitionBytes = checkCount(head?.repetition_levels_byte_length);
  const levelBytes = repetitionBytes + checkCount(head?.definition_levels_byte_length);
  if (levelBytes > body.length) throw new Error('levels are longer than the page');
  const readLevels = (max: number, start: number) => {
    if (max === 0) return undefined;
    const levels = new Uint8Array(count);
    readHybrid(body.subarray(0, levelBytes), start, bitWidth(max), levels);
    return levels;
  };
  const repetitions = readLevels(leaf.maxRepetition, 0);
  const definitions = readLevels(leaf.maxDefinition, repetitionBytes);
  const rest = body.subarray(levelBytes);
  const size = header.uncompressed_page_size - levelBytes;
  const values = head?.is_compressed === false ? rest : inflatePage(rest, checkCount(size), codec);
  return finishPage(count, definitions, repetitions, values, head?.encoding, context);
}

function finishPage(
  count: number,
  definitions: Uint8Array | undefined,
  repetitions: Uint8Array | undefined,
  bytes: Buffer,
  encoding: string | undefined,
  context: PageContext,
): Page {
  const stored = definitions ? countOf(definitions, context.leaf.maxDefinition) : count;
  const values = stored === 0 ? () => null : valuesOf(bytes, stored, encoding, context);
  const rows = repetitions ? countOf(repetitions, 0) : count;
  return { count, rows, definitions: stored === count ? undefined : definitions, repetitions, values };
}

function valuesOf(bytes: Buffer, count: number, encoding: string | undefined, context: PageContext): Values {
  const { type, type_length: length } = context.leaf.element;
  const reader = readerOf(bytes);
  switch (encoding) {
    case 'PLAIN':
      return plainValues(bytes, count, context);
    case 'PLAIN_DICTIONARY':
    case 'RLE_DICTIONARY':
      return dictionaryValues(bytes, count, context);
    case 'RLE': {
      const bits = new Uint8Array(count);
      readHybrid(bytes, 4, 1, bits);
      return converted((i) => bits[i] === 1, context);
    }
    case 'DELTA_BINARY_PACKED': {
      const numbers = type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count);
      deltaBinaryUnpack(reader, count, numbers);
      return converted((i) => numbers[i], context);
    }
    case 'DELTA_LENGTH_BYTE_ARRAY': {
      const parts = readParts(reader, count);
      return converted((i) => parts[i], context);
    }
    case 'DELTA_BYTE_ARRAY': {
      const parts = deltaStrings(bytes, count);
      return converted((i) => parts[i], context);
    }
    case 'BYTE_STREAM_SPLIT': {
      if (count * widthOf(type, length) > bytes.length) throw new Error('values end early');
      const split = byteStreamSplit(reader, count, type ?? 'FLOAT', length);
      return converted((i) => (type === 'FIXED_LEN_BYTE_ARRAY' ? bufferOf(split[i]) : split[i]), context);
    }
    default:
      throw new Error(`values encoded as ${encoding ?? 'nothing that is known'}`);
  }
}

function plainValues(bytes: Buffer, count: number, context: PageContext): Values {
  const { type, type_length: length } = context.leaf.element;
  if (type === 'BYTE_ARRAY') return plainStrings(bytes, count, context);
  const width = widthOf(type, length);
  if (type === undefined || Math.ceil(count * width) > bytes.length) throw new Error('values end early');
  if (type === 'FIXED_LEN_BYTE_ARRAY') return converted((i) => bytes.subarray(i * width, (i + 1) * width), context);
  const stored = readPlain(readerOf(bytes), type, count, length);
  return converted((i) => stored[i], context);
}

function plainStrings(bytes: Buffer, count: number, context: PageContext): Values {
  const ends = new Int32Array(count);
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    at += 4 + bytes.readUInt32LE(at);
    ends[i] = at;
    if (at > bytes.length) throw new Error('values end early');
  }
  return converted((i) => bytes.subarray((i === 0 ? 0 : (ends[i - 1] ?? 0)) + 4, ends[i]), context);
}

function dictionaryValues(bytes: Buffer, count: number, { dictionary }: PageContext): Values {
  const width = bytes[0];
  if (!dictionary || width === undefined) throw new Error('values of a dictionary that is not there');
  const places = new Int32Array(count);
  readHybrid(bytes, 1, width, places);
  for (const place of places) {
    if (place < 0 || place >= dictionary.size) throw new Error(`value ${place} of a dictionary of ${dictionary.size}`);
  }
  return (i) => dictionary.values(places[i] ?? 0);
}

/** Each value is the first bytes of the one before and bytes of its own; bounded, since few bytes may stand for many. */
function deltaStrings(bytes: Buffer, count: number): Buffer[] {
  const reader = readerOf(bytes);
  const prefixes = new Int32Array(count);
  deltaBinaryUnpack(reader, count, prefixes);
  const parts = readParts(reader, count);
  let total = 0;
  let last: Buffer = Buffer.alloc(0);
  return parts.map((part, i) => {
    const prefix = prefixes[i] ?? 0;
    if (prefix < 0 || prefix > last.length) throw new Error('a value shares more with the one before than that has');
    total += prefix;
    if (total > MAX_PAGE_BYTES) throw new Error(`a page of more than ${MAX_PAGE_BYTES} bytes`);
    last = prefix === 0 ? part : Buffer.concat([last.subarray(0, prefix), part]);
    return last;
  });
}

function readParts(reader: ReturnType<typeof readerOf>, count: number): Buffer[] {
  const parts: Uint8Array[] = [];
  deltaLengthByteArray(reader, count, parts);
  if (reader.offset > reader.view.byteLength) throw new Error('values are longer than the page');
  return parts.map(bufferOf);
}

function converted(stored: (i: number) => unknown, { convert }: PageContext): Values {
  // The column's type says what is stored, and which converter it has.
  return (i) => convert(stored(i) as never);
}

function readerOf(bytes: Buffer) {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function checkCount(count: number | undefined): number {
  if (count !== undefined && Number.isInteger(count) && count >= 0 && count <= MAX_PAGE_ENTRIES) return count;
  throw new Error(`a page of ${count} values, at most ${MAX_PAGE_ENTRIES}`);
}

/** Bytes of one value. */
function widthOf(type: string | undefined, length: number | undefined): number {
  if (type === 'BOOLEAN') return 1 / 8;
  if (type === 'INT32' || type === 'FLOAT') return 4;
  if (type === 'INT96') return 12;
  if (type !== 'FIXED_LEN_BYTE_ARRAY') return 8;
  if (length === undefined || !(length > 0)) throw new Error('fixed-length values without a length');
  return length;
}

function bitWidth(max: number): number {
  return 32 - Math.clz32(max);
}

function countOf(levels: Uint8Array, level: number): number {
  let count = 0;
  for (const found of levels) if (found === level) count += 1;
  return count;
}
