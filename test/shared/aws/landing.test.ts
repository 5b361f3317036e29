/** What lies in a bucket, as the watcher sees it: on the stand-in, and with versions, which that does not list as S3 does. */
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, onTestFinished, test } from 'vitest';
import { s3Landing } from '../../../shared/aws/landing.ts';
import type { LandedObject } from '../../../shared/landing.ts';
import { FAKE_AWS, startFauxqs } from '../../fauxqs.ts';
import { startStub } from './stub-server.ts';

const OBJECT: LandedObject = { key: 'in/a b.ndjson', etag: 'e1', size: 5, modifiedAt: 0 };
const DUMP = { bucket: 'landing', key: OBJECT.key, etag: 'e1', size: 5 };

test('objects are listed by prefix, after a key, with what a notification would say of them', async () => {
  const fauxqs = await startFauxqs();
  onTestFinished(() => fauxqs.stop());
  await fauxqs.createBucket('landing');
  const put = async (key: string) => {
    const answer = await fauxqs.s3.send(new PutObjectCommand({ Bucket: 'landing', Key: key, Body: 'bytes' }));
    return answer.ETag?.replaceAll('"', '');
  };
  const etags = [await put('in/a.ndjson'), await put('in/b c.ndjson')];
  await put('other/a.ndjson');
  const landing = s3Landing(fauxqs.s3, 'landing', { hasVersions: false });
  const list = async (after?: string) => (await Array.fromAsync(landing.list('in/', after))).flat();
  const objects = await list();
  expect(objects).toMatchObject([
    { key: 'in/a.ndjson', etag: etags[0], size: 5 },
    { key: 'in/b c.ndjson', etag: etags[1], size: 5 },
  ]);
  expect(Math.abs(Date.now() - (objects[0]?.modifiedAt ?? 0))).toBeLessThan(60_000);
  expect((await list('in/a.ndjson')).map(({ key }) => key)).toEqual(['in/b c.ndjson']);
  expect(await landing.identify(OBJECT)).toEqual(DUMP);
});

function versionXml(key: string, etag: string, id: string, isLatest = true): string {
  return `<Version><Key>${key}</Key><VersionId>${id}</VersionId><IsLatest>${isLatest}</IsLatest><ETag>&quot;${etag}&quot;</ETag></Version>`;
}

test.each([
  ['its latest version', versionXml('in/a b.ndjson', 'e1', 'v7'), { ...DUMP, versionId: 'v7' }],
  ['none, when the bucket keeps none (any more)', versionXml('in/a b.ndjson', 'e1', 'null'), DUMP],
  ['nothing, when another object has taken its place', versionXml('in/a b.ndjson', 'e2', 'v8'), undefined],
  ['nothing, when its latest version is a deletion', versionXml('in/a b.ndjson', 'e1', 'v7', false), undefined],
  ['nothing, when it is gone', '', undefined],
  ['nothing, when it is gone and another name begins so', versionXml('in/a b.ndjson.gz', 'e1', 'v1'), undefined],
])('where versions are kept, an object has %s', async (_, xml, dump) => {
  const urls: string[] = [];
  const endpoint = await startStub(({ url = '' }, response) => {
    urls.push(url);
    response.end(`<ListVersionsResult>${xml}</ListVersionsResult>`);
  });
  const client = new S3Client({ ...FAKE_AWS, endpoint, forcePathStyle: true, maxAttempts: 1 });
  onTestFinished(() => client.destroy());
  expect(await s3Landing(client, 'landing', { hasVersions: true }).identify(OBJECT)).toEqual(dump);
  expect(urls).toEqual([
    expect.stringMatching(/^\/landing\/?\?(?=.*versions)(?=.*max-keys=1)(?=.*prefix=in%2Fa%20b\.ndjson)/),
  ]);
});
