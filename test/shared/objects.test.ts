/** One contract for the objects of both engines: files, and S3 as fauxqs has it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { s3Dumps, s3Results } from '../../shared/aws/objects.ts';
import { describeFile, fileDumps, fileResults } from '../../shared/embedded/files.ts';
import { startFauxqs } from '../fauxqs.ts';
import { objectsContract } from './objects-contract.ts';

objectsContract('files', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'objects-'));
  let count = 0;
  return {
    dumps: fileDumps(),
    async put(name, bytes) {
      await writeFile(join(directory, name), bytes);
      return describeFile(join(directory, name));
    },
    remove: (name) => rm(join(directory, name)),
    async openResults() {
      count += 1;
      return fileResults(join(directory, `results-${count}`));
    },
    stop: async () => rmSync(directory, { recursive: true }),
  };
});

objectsContract('S3 objects (fauxqs)', async () => {
  const { s3, createBucket, stop } = await startFauxqs();
  const Bucket = 'landing';
  await createBucket(Bucket);
  let count = 0;
  return {
    dumps: s3Dumps(s3),
    async put(Key, Body) {
      const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key, Body }));
      // As a notification says it: without the quotes.
      return { bucket: Bucket, key: Key, etag: (ETag ?? '').replaceAll('"', ''), size: Body.length };
    },
    async remove(Key) {
      await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    },
    async openResults() {
      count += 1;
      await createBucket(`results-${count}`);
      return s3Results(s3, `results-${count}`);
    },
    stop,
  };
});
