/** Reference files that are objects in S3. */
import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { DumpUnreadable } from '../objects.ts';
import { objectOf, type References } from '../references.ts';
import { s3Dumps } from './objects.ts';
import { type S3Patience, statusOf, tryS3 } from './s3-tries.ts';

/** The role may read just these objects: without s3:ListBucket S3 says 403 of one that is not there. */
const WHY: Readonly<Record<number, string>> = {
  301: 'its bucket is in another region',
  403: 'it is not there, or may not be read; put it there, or deploy a configuration that names it',
  404: 'there is no such object; put it there, or mend the configuration',
};

export function s3References(client: S3Client, patience: S3Patience = {}): References {
  return {
    find(file) {
      const object = objectOf(file);
      if (!object) throw new Error(`${file} is no object in S3; expected s3://bucket/key`);
      return tryS3(`ask for ${file}`, patience, async ({ abortSignal }) => {
        const command = new HeadObjectCommand({ Bucket: object.bucket, Key: object.key });
        const { ETag, ContentLength } = await client.send(command, { abortSignal }).catch((error: unknown) => {
          const why = WHY[statusOf(error) ?? 0];
          if (why === undefined) throw error;
          throw new DumpUnreadable(`cannot read ${file}: ${why}`, { cause: error });
        });
        if (ETag === undefined || ContentLength === undefined) throw new Error('S3 did not say its ETag and size');
        return { ...object, etag: ETag.replaceAll('"', ''), size: ContentLength };
      });
    },
    bytes: s3Dumps(client, patience),
  };
}
