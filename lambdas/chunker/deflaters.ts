/**
 * Compresses texts with a few compressors that are used again and again. One made for each text is 270 KB of zlib's and a
 * buffer of 256 KB each time, which stay until V8 next looks at what lies outside of its heap (docs/benchmarks.md).
 */
import { constants, createDeflateRaw } from 'node:zlib';
import { fewOf } from '../../shared/few-of.ts';

/** As many as libuv has threads: more would only wait. */
const MOST = 4;
/** Most texts come out in one piece then; of all CPU for a chunk of 1.2 MB the main thread has 6 % so, 9 % with zlib’s default of 16 KB. */
const PIECE_BYTES = 256 * 1024;
/**
 * zlib's reset leaves the last text in its window, and what it finds there decides between matches of the same length. A re-read
 * dump must give the same bytes, as a chunk that is too large for a message is halved; so the window, 64 KB, is overwritten
 * before every text. It takes 0.1 ms.
 */
const BLANK = Buffer.alloc(64 * 1024);
/** Level 1 takes 0.4 of the time of level 6 for 1.2 times the size (docs/benchmarks.md). */
const OPTIONS = { level: 1, chunkSize: PIECE_BYTES, flush: constants.Z_SYNC_FLUSH };

const withDeflater = fewOf(MOST, openDeflater);

/** The text as raw deflate ended by a sync flush; the same text always gives the same bytes. */
export function deflateText(text: Buffer): Promise<Buffer> {
  return withDeflater((deflate) => deflate(text)); // one that failed is not used again: zlib’s stream is of no use then
}

type Deflater = (text: Buffer) => Promise<Buffer>;

/** Takes one text at a time. */
function openDeflater(): Deflater {
  const stream = createDeflateRaw(OPTIONS);
  let pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.on('error', () => undefined); // whoever writes is told too
  async function write(text: Buffer): Promise<Buffer> {
    await new Promise<void>((resolve, reject) => stream.write(text, (error) => (error ? reject(error) : resolve())));
    while (stream.readableLength > 0) stream.read(); // what zlib gave out and nobody was told of yet
    const [first, ...more] = pieces;
    pieces = [];
    stream.reset();
    return first && more.length === 0 ? first : Buffer.concat([...(first ? [first] : []), ...more]);
  }
  return async (text) => {
    await write(BLANK);
    return write(text);
  };
}
