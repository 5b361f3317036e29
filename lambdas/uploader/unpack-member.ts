/** Unpacks gzip members for requests without compression, with a few decompressors and into memory that are used again and again. */
import { constants, createGunzip, type Gunzip, type Zlib } from 'node:zlib';
import { fewOf } from '../../shared/few-of.ts';
import { openMemory } from './memory.ts';

/** As many as libuv has threads: more would only wait. */
const MOST = 4;
/** Nearly every text is shorter; a longer one comes in pieces, which are copied together. Of the memory only what is written to is taken. */
const MEMORY_BYTES = 4 * 1024 * 1024;
/** A damaged length must not ask for more than any request may have. */
const MAX_TEXT_BYTES = 24 * 1024 * 1024;

const memory = openMemory(MEMORY_BYTES);
const withInflater = fewOf(MOST, openInflater);

/**
 * The member is one, as gzipMember makes it; its checksum and length are checked as it is unpacked. Throws when it is not
 * what they say.
 */
export async function unpackMember(member: Buffer): Promise<Buffer> {
  try {
    return await withInflater((inflate) => inflate(member)); // one that failed is not used again
  } catch (error) {
    throw new Error('chunk is damaged: its checksum or its length says something else than it holds', { cause: error });
  }
}

/** The text, as unpackMember gave it, is used no more: its memory serves the next one. */
export function recycleText(text: Buffer): void {
  memory.give(Buffer.from(text.buffer));
}

type Inflater = (member: Buffer) => Promise<Buffer>;

/** Takes one member at a time. */
function openInflater(): Inflater {
  // To finish each member at once makes one that lacks its end an error.
  const options = { flush: constants.Z_FINISH, chunkSize: MEMORY_BYTES };
  const stream = createGunzip(options) as Gunzip & Zlib & { reset(): void }; // Node's types lack it, its documents do not
  let pieces: Buffer[] = [];
  let fail: (error: Error) => void = () => undefined;
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.on('error', (error) => fail(error)); // whoever wrote is not told then
  return async (member) => {
    const bytes = member.readUInt32LE(member.length - 4);
    if (bytes > MAX_TEXT_BYTES) throw new Error(`its length is ${bytes} bytes`);
    writeInto(memory.take(MEMORY_BYTES), stream);
    await new Promise<void>((resolve, reject) => {
      fail = reject;
      stream.write(member, () => resolve());
    });
    while (stream.readableLength > 0) stream.read(); // what zlib gave out and nobody was told of yet
    const [first, ...more] = pieces;
    pieces = [];
    const text = first && more.length === 0 ? first : Buffer.concat([...(first ? [first] : []), ...more]);
    if (text.length !== bytes) throw new Error(`its length is ${bytes} bytes, not ${text.length}`);
    stream.reset();
    return text;
  };
}

/**
 * zlib's next output goes into this memory, from its beginning. Node does not document these two; if it came to ignore them, each
 * text would have memory of its own, and nothing else would change.
 */
function writeInto(own: Buffer, stream: object): void {
  Object.assign(stream, { _outBuffer: own, _outOffset: 0 });
}
