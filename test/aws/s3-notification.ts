/** The notification that S3 sends to a queue for a new object (event structure 2.1). */
import type { Dump } from '../../shared/dump.ts';
import { ACCOUNT, REGION } from './template.ts';

export function s3Notification({ bucket, key, size, etag }: Dump): string {
  return JSON.stringify({
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: REGION,
        eventTime: '2026-01-02T03:04:05.678Z',
        eventName: 'ObjectCreated:Put',
        userIdentity: { principalId: 'AWS:AIDAEXAMPLE' },
        requestParameters: { sourceIPAddress: '127.0.0.1' },
        responseElements: { 'x-amz-request-id': 'C3D13FE58DE4C810', 'x-amz-id-2': 'FMyUVURIY8/IgAtTv8xRjskZQpcIZ9Kg' },
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: 'dumps',
          bucket: { name: bucket, ownerIdentity: { principalId: ACCOUNT }, arn: `arn:aws:s3:::${bucket}` },
          object: { key: formEncode(key), size, eTag: etag, sequencer: '0055AED6DCD90281E5' },
        },
      },
    ],
  });
}

/** What S3 sends once to a queue that it is told to notify. */
export const TEST_EVENT = JSON.stringify({
  Service: 'Amazon S3',
  Event: 's3:TestEvent',
  Time: '2026-01-02T03:04:05.678Z',
  Bucket: 'landing',
  RequestId: '5582815E1AEA5ADF',
  HostId: '8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR',
});

/** As S3 does it: form-URL-encoded, but for the slashes. */
function formEncode(key: string): string {
  return encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
}
