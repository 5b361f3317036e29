/** The object ports on S3. */
import { Readable } from 'node:stream';
import {
  GetObjectCommand,
  type GetObjectCommandInput,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { type Dump, dumpUrl } from '../dump.ts';
import { type Dumps, DumpUnreadable, type Results } from '../objects.ts';
import { type Attempt, drain, type S3Patience, statusOf, tryS3 } from './s3-tries.ts';

/** What a slow line still uploads in a millisecond, bytes: S3 answers a PUT only at its end. */
const UPLOAD_BYTES_PER_MS = 50;

/** AWS recommends 8 to 16 MB a range (S3 performance guidelines); two are in memory at a time. */
const RANGE_BYTES = 8 * 1024 * 1024;

/**
 * Tries again by itself, so that a client with `maxAttempts: 1` is enough. The role needs s3:ListBucket: without it S3
 * says 403 instead of 404 of an object that is gone, and the dump is tried for ever instead of being given up.
 */
export function s3Dumps(client: S3Client, patience: S3Patience = {}): Dumps {
  return {
    rangeBytes: RANGE_BYTES,
    read(dump, start, end) {
      if (start === end) return Promise.resolve(Buffer.alloc(0));
      const what = `read bytes ${start} to ${end} of ${dumpUrl(dump)}`;
      return tryS3(what, patience, async (attempt) => {
        const input = { ...versionOf(dump), Range: `bytes=${start}-${end - 1}` };
        const answer = await getObject(client, input, attempt).catch((error) => throwIfGone(error, dump));
        checkRange(answer, start, end, dump);
        return drain(bodyOf(answer), end - start, attempt);
      });
    },
    size(dump) {
      return tryS3(`ask for the size of ${dumpUrl(dump)}`, patience, async ({ abortSignal }) => {
        const command = new HeadObjectCommand(versionOf(dump));
        const answer = await client.send(command, { abortSignal }).catch((error) => throwIfGone(error, dump));
        if (answer.ContentLength === undefined) throw new Error('S3 did not say the size');
        return answer.ContentLength;
      });
    },
  };
}

/** The object as it is now, as a dump; undefined when there is none. */
export function describeObject(
  client: S3Client,
  bucket: string,
  key: string,
  patience: S3Patience = {},
): Promise<Dump | undefined> {
  return tryS3(`find ${dumpUrl({ bucket, key })}`, patience, async ({ abortSignal }) => {
    const command = new HeadObjectCommand({ Bucket: bucket, Key: key });
    const answer = await client.send(command, { abortSignal }).catch((error: unknown) => {
      if (statusOf(error) !== 404) throw error;
    });
    if (!answer) return undefined;
    const { ETag, ContentLength } = answer;
    if (ETag === undefined || ContentLength === undefined) throw new Error('S3 did not say its ETag and size');
    return { bucket, key, etag: ETag.replaceAll('"', ''), size: ContentLength };
  });
}

/** Where results lie as objects of `bucket`. */
export function s3Results(client: S3Client, bucket: string, patience: S3Patience = {}): Results {
  const { stallMs = 20_000 } = patience;
  const url = (key: string) => dumpUrl({ bucket, key });
  return {
    async put(key, body) {
      const slowly = { ...patience, stallMs: stallMs + body.length / UPLOAD_BYTES_PER_MS };
      await tryS3(`write ${url(key)}`, slowly, ({ abortSignal }) =>
        client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }), { abortSignal }),
      );
    },
    get(key) {
      return tryS3(`read ${url(key)}`, patience, async (attempt) => {
        const answer = await getObject(client, { Bucket: bucket, Key: key }, attempt).catch(undefinedIfNone);
        return answer && drain(bodyOf(answer), answer.ContentLength ?? 0, attempt);
      });
    },
    async list(prefix) {
      const keys: string[] = [];
      let token: string | undefined;
      do {
        const page = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token });
        const answer = await tryS3(`list ${url(prefix)}`, patience, ({ abortSignal }) =>
          client.send(page, { abortSignal }),
        );
        for (const { Key } of answer.Contents ?? []) if (Key !== undefined) keys.push(Key);
        token = answer.NextContinuationToken;
      } while (token !== undefined);
      return keys;
    },
    url,
  };
}

function getObject(client: S3Client, input: GetObjectCommandInput, { abortSignal }: Attempt) {
  return client.send(new GetObjectCommand(input), { abortSignal });
}

/** The version `null` of a bucket that no longer keeps versions can be replaced; then the ETag tells which one is meant. */
function versionOf({ bucket, key, etag, versionId }: Omit<Dump, 'size'>) {
  const object = { Bucket: bucket, Key: key };
  if (versionId !== undefined && versionId !== 'null') return { ...object, VersionId: versionId };
  // Notifications leave out the quotes that belong to it.
  return { ...object, IfMatch: `"${etag.replaceAll('"', '')}"` };
}

const GONE: Readonly<Record<number, string>> = {
  404: 'it is no longer there',
  405: 'it is deleted',
  412: 'it was replaced by another version',
  416: 'it is shorter than announced',
};

function throwIfGone(error: unknown, dump: Omit<Dump, 'size'>): never {
  const why = GONE[statusOf(error) ?? 0];
  if (why === undefined) throw error;
  throw new DumpUnreadable(`cannot read ${dumpUrl(dump)}: ${why}`, { cause: error });
}

function undefinedIfNone(error: unknown): undefined {
  if (!(error instanceof NoSuchKey)) throw error;
}

/** S3 shortens a range that goes beyond the end, without an error. */
function checkRange(answer: GetObjectCommandOutput, start: number, end: number, dump: Dump): void {
  const found = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.ContentRange ?? '');
  if (Number(found?.[1]) === start && Number(found?.[2]) === end - 1) return;
  bodyOf(answer).destroy();
  if (Number(found?.[3]) < end) {
    throw new DumpUnreadable(`cannot read ${dumpUrl(dump)}: it has ${found?.[3]} bytes, expected at least ${end}`);
  }
  throw new Error(`S3 answered with range "${answer.ContentRange}"`);
}

function bodyOf({ Body }: GetObjectCommandOutput): Readable {
  if (Body instanceof Readable) return Body;
  throw new Error('the answer has no body that can be read');
}
