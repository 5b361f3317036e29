/** The floor: decompresses a dump and compresses the same bytes again, as the chunker does and with nothing between, and prints what that took. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createDeflateRaw, createGunzip } from 'node:zlib';

const [directory = ''] = process.argv.slice(2);
const began = performance.now();
const before = process.cpuUsage();
let bytes = 0;
await pipeline(
  createReadStream(join(directory, 'dump.ndjson.gz'), { highWaterMark: 256 * 1024 }),
  createGunzip({ chunkSize: 1024 * 1024 }),
  createDeflateRaw({ level: 1, chunkSize: 256 * 1024 }),
  new Writable({
    write(piece: Buffer, _encoding, done) {
      bytes += piece.length;
      done();
    },
  }),
);
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ bytes, seconds: (performance.now() - began) / 1_000, cpuSeconds: (user + system) / 1e6 }));
