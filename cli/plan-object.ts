/** A dump in S3 as a plan reads it, with the credentials and the region that the AWS SDK finds. */
import { HeadObjectCommand, NotFound, S3Client } from '@aws-sdk/client-s3';
import { s3Dumps } from '../shared/aws/objects.ts';
import type { Dump } from '../shared/dump.ts';
import type { Dumps } from '../shared/objects.ts';

/** Undefined when there is no such object. */
export async function openS3Dump(
  bucket: string,
  key: string,
  client: S3Client = new S3Client(),
): Promise<{ readonly dump: Dump; readonly dumps: Dumps } | undefined> {
  const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).catch((error) => {
    if (error instanceof NotFound) return undefined;
    throw new Error(`cannot look at s3://${bucket}/${key}`, { cause: error });
  });
  if (!head) return undefined;
  const { ETag: etag = '', VersionId: versionId, ContentLength: size = 0 } = head;
  return { dump: { bucket, key, etag, size, ...(versionId !== undefined && { versionId }) }, dumps: s3Dumps(client) };
}
