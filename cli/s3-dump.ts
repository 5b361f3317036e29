/** An object in S3 as the dump a person names, read with their AWS credentials. */
import { S3Client } from '@aws-sdk/client-s3';
import { describeObject, s3Dumps } from '../shared/aws/objects.ts';
import { statusOf } from '../shared/aws/s3-tries.ts';
import { type Dump, dumpUrl } from '../shared/dump.ts';
import type { Dumps } from '../shared/objects.ts';
import { UsageError } from './usage.ts';

/** As it is now: when it is replaced while it is read, that is a failure. Needs s3:GetObject, and s3:ListBucket to say that there is none. */
export async function openS3Dump(bucket: string, key: string): Promise<{ readonly dump: Dump; readonly dumps: Dumps }> {
  // Its adapter tries again by itself; the bucket may be in another region than the credentials' own.
  const client = new S3Client({ maxAttempts: 1, followRegionRedirects: true });
  const url = dumpUrl({ bucket, key });
  const dump = await describeObject(client, bucket, key).catch((error: unknown) => {
    if (!(error instanceof Error) || statusOf(error.cause) !== 403) throw error;
    const needed =
      's3:GetObject on it, and s3:ListBucket on its bucket, without which S3 says so of what is not there too';
    throw new UsageError(`${url}: access denied; the AWS credentials need ${needed}`, { cause: undefined });
  });
  if (!dump) throw new UsageError(`${url}: no such object`);
  return { dump, dumps: s3Dumps(client) };
}
