/** The landing port on S3. It lists, and reads nothing. */
import { ListObjectsV2Command, ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3';
import { dumpUrl } from '../dump.ts';
import type { LandedObject, Landing } from '../landing.ts';
import { type S3Patience, tryS3 } from './s3-tries.ts';

export type S3LandingOptions = S3Patience & {
  /** Whether the bucket may keep versions: then notifications name one, which ordinary lists do not. */
  readonly hasVersions: boolean;
};

/** Needs s3:ListBucket, with versions s3:ListBucketVersions too. Tries again by itself: `maxAttempts: 1` is enough. */
export function s3Landing(client: S3Client, bucket: string, options: S3LandingOptions): Landing {
  return {
    async *list(prefix, after) {
      let token: string | undefined;
      do {
        const page = { Bucket: bucket, Prefix: prefix, StartAfter: after, ContinuationToken: token };
        const answer = await tryS3(`list ${dumpUrl({ bucket, key: prefix })}`, options, ({ abortSignal }) =>
          client.send(new ListObjectsV2Command(page), { abortSignal }),
        );
        yield (answer.Contents ?? []).flatMap(({ Key, ETag, Size, LastModified }): LandedObject[] =>
          Key !== undefined && ETag !== undefined && LastModified !== undefined
            ? [{ key: Key, etag: bare(ETag), size: Size ?? 0, modifiedAt: LastModified.getTime() }]
            : [],
        );
        token = answer.NextContinuationToken;
      } while (token !== undefined);
    },
    async identify({ key, etag, size }) {
      const dump = { bucket, key, etag, size };
      if (!options.hasVersions) return dump;
      // Of all keys that begin so it is the first one, and of its versions the latest comes first.
      const command = new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key, MaxKeys: 1 });
      const { Versions = [] } = await tryS3(`find the version of ${dumpUrl(dump)}`, options, ({ abortSignal }) =>
        client.send(command, { abortSignal }),
      );
      const [version] = Versions;
      if (version?.Key !== key || !version.IsLatest || bare(version.ETag ?? '') !== etag) return undefined;
      // As in notifications of a bucket that does not keep versions, or no longer does.
      const { VersionId = 'null' } = version;
      return VersionId === 'null' ? dump : { ...dump, versionId: VersionId };
    },
  };
}

function bare(etag: string): string {
  return etag.replaceAll('"', '');
}
