/** The floor: a gzipped file is unpacked and packed again at level 1, and nothing of it is read. */
import { createReadStream } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

const [path = ''] = process.argv.slice(2);
const MIB = 1_048_576;

const nowhere = new Writable({ write: (_, __, done) => done() });
await pipeline(
  createReadStream(path, { highWaterMark: MIB / 4 }),
  createGunzip({ chunkSize: MIB }),
  createGzip({ level: 1, chunkSize: MIB / 4 }),
  nowhere,
);
