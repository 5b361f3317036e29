/** What an intake message asks for. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importMessage, readNotification } from '../../../lambdas/chunker/notification.ts';

type Changes = { object?: object; record?: object };

const direct = ({ object, record }: Changes = {}) => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  awsRegion: 'eu-central-1',
  eventTime: '2026-03-01T00:00:00.000Z',
  eventName: 'ObjectCreated:Put',
  s3: {
    s3SchemaVersion: '1.0',
    bucket: { name: 'landing', arn: 'arn:aws:s3:::landing' },
    object: { key: 'in/day.ndjson', size: 12, eTag: 'e1', sequencer: '0055', ...object },
  },
  ...record,
});
const records = (...all: readonly object[]) => JSON.stringify({ Records: all });
const eventBridge = (object: object = {}, changes: object = {}) =>
  JSON.stringify({
    version: '0',
    source: 'aws.s3',
    'detail-type': 'Object Created',
    detail: {
      bucket: { name: 'landing' },
      object: { key: 'in/day.ndjson', size: 12, etag: 'e1', sequencer: '0055', ...object },
      reason: 'PutObject',
    },
    ...changes,
  });

const DAY = { bucket: 'landing', key: 'in/day.ndjson', etag: 'e1', size: 12 };

test.each<[string, string]>([
  ['an S3 notification', records(direct())],
  ['an EventBridge event', eventBridge()],
  ['an import request', importMessage({ dump: DAY })],
])('%s names its dump', (_shape, message) => {
  expect(readNotification(message)).toEqual([{ dump: DAY }]);
});

test('both forms of a notification of one object version name the same dump', () => {
  const version = 'IYV3p45BT0ac8hjHg1houSdS1a.Mro8e';
  const [first] = readNotification(records(direct({ object: { versionId: version } })));
  const [second] = readNotification(eventBridge({ 'version-id': version }));
  expect(first).toEqual({ dump: { ...DAY, versionId: version } });
  expect(second).toEqual(first);
});

test('an import request says the source and what it is asked again with', () => {
  const intake = { dump: { ...DAY, versionId: 'v' }, source: 'web', again: 'try 2' };
  expect(readNotification(importMessage(intake))).toEqual([intake]);
});

test('one message may name several dumps', () => {
  const message = records(direct(), direct({ object: { key: 'in/other', eTag: 'e2' } }));
  expect(readNotification(message).map(({ dump }) => dump.key)).toEqual(['in/day.ndjson', 'in/other']);
});

describe('event versions', () => {
  test.each(['2.0', '2.1', '2.2', '2.3', '2.4', '2.5', '2.6', '2.17'])('%s is read', (eventVersion) => {
    expect(readNotification(records(direct({ record: { eventVersion } })))).toHaveLength(1);
  });

  test.each(['1.0', '3.0', '22.0', '', undefined])('%s is refused', (eventVersion) => {
    expect(() => readNotification(records(direct({ record: { eventVersion } })))).toThrow('event version 2.x');
  });
});

describe('keys', () => {
  test.each([
    ['a+b.ndjson', 'a b.ndjson'],
    ['a%2Bb.ndjson', 'a+b.ndjson'],
    ['a%20b.ndjson', 'a b.ndjson'],
    ['100%25.ndjson', '100%.ndjson'],
    ['%E6%97%A5%E3%81%AE+%F0%9F%98%80', '日の 😀'],
    ['day%3D2026-03-01/part%230.gz', 'day=2026-03-01/part#0.gz'],
    ['in/../day%2Fx', 'in/../day/x'],
  ])('S3 writes %s for %s', (written, key) => {
    expect(readNotification(records(direct({ object: { key: written } })))).toMatchObject([{ dump: { key } }]);
  });

  test.each(['a+b.ndjson', 'a%20b.ndjson', '100%.ndjson', '日の 😀', '%zz'])(
    'EventBridge and import requests write %s as it is',
    (key) => {
      expect(readNotification(eventBridge({ key }))).toMatchObject([{ dump: { key } }]);
      expect(readNotification(importMessage({ dump: { ...DAY, key } }))).toMatchObject([{ dump: { key } }]);
    },
  );

  test('any key comes back from its form-URL-encoding', () => {
    const encode = (key: string) => encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
    const keys = fc.string({ unit: 'grapheme', minLength: 1 }).filter((key) => !key.endsWith('/'));
    fc.assert(
      fc.property(keys, (key) => {
        expect(readNotification(records(direct({ object: { key: encode(key) } })))).toMatchObject([{ dump: { key } }]);
      }),
    );
  });

  test('a key that cannot be decoded is named', () => {
    expect(() => readNotification(records(direct({ object: { key: 'a%zz' } })))).toThrow(
      'key "a%zz" of an S3 notification is not form-URL-encoded',
    );
  });
});

describe('what is no dump', () => {
  test("S3's test event", () => {
    const event = { Service: 'Amazon S3', Event: 's3:TestEvent', Time: '2026-03-01T00:00:00.000Z', Bucket: 'landing' };
    expect(readNotification(JSON.stringify(event))).toEqual([]);
  });

  test('a folder object, in every shape', () => {
    expect(readNotification(records(direct({ object: { key: 'in/', size: 0 } })))).toEqual([]);
    expect(readNotification(records(direct({ object: { key: 'in%2F', size: 0 } })))).toEqual([]);
    expect(readNotification(eventBridge({ key: 'in/', size: 0 }))).toEqual([]);
  });

  test.each(['ObjectRemoved:Delete', 'ObjectRemoved:DeleteMarkerCreated', 'LifecycleExpiration:Delete'])(
    '%s, though it stands beside a dump',
    (eventName) => {
      const removed = direct({ record: { eventName, s3: { bucket: { name: 'landing' }, object: { key: 'in/old' } } } });
      expect(readNotification(records(removed, direct()))).toEqual([{ dump: DAY }]);
    },
  );

  test('a message without records', () => {
    expect(readNotification(records())).toEqual([]);
  });
});

test.each(['Put', 'Post', 'Copy', 'CompleteMultipartUpload'])('ObjectCreated:%s is a dump', (how) => {
  const message = records(direct({ record: { eventName: `ObjectCreated:${how}` } }));
  expect(readNotification(message)).toEqual([{ dump: DAY }]);
});

test('a notification may leave out the size; an empty object is a dump of 0 bytes', () => {
  const { size: _, ...unsized } = DAY;
  expect(readNotification(records(direct({ object: { size: undefined } })))).toEqual([{ dump: unsized }]);
  expect(readNotification(eventBridge({ size: undefined }))).toEqual([{ dump: unsized }]);
  expect(readNotification(records(direct({ object: { size: 0 } })))).toEqual([{ dump: { ...DAY, size: 0 } }]);
});

test('a version that does not tell one object from the next counts as none: the ETag does', () => {
  for (const none of ['null', '']) {
    expect(readNotification(records(direct({ object: { versionId: none } })))).toEqual([{ dump: DAY }]);
    expect(readNotification(eventBridge({ 'version-id': none }))).toEqual([{ dump: DAY }]);
  }
});

test('an object with neither ETag nor version cannot be told from a later one, and is refused', () => {
  expect(() => readNotification(records(direct({ object: { eTag: undefined } })))).toThrow(
    'notification of s3://landing/in/day.ndjson has neither an ETag nor a version',
  );
});

test.each<[string, string]>([
  ['nothing', ''],
  ['no JSON', 'hello'],
  ['no object', '[1]'],
  ['another event', JSON.stringify({ Event: 's3:Other' })],
  ['a deletion by EventBridge', eventBridge({}, { 'detail-type': 'Object Deleted' })],
  ['an event of another service', eventBridge({}, { source: 'aws.ec2' })],
  ['a record without a key', records(direct({ object: { key: undefined } }))],
  ['a record without s3', records({ eventVersion: '2.1', eventName: 'ObjectCreated:Put' })],
  ['a request without a dump', JSON.stringify({ import: { source: 'web' } })],
])('%s is refused with what was expected', (_what, message) => {
  expect(() => readNotification(message)).toThrow(/^intake message is neither an S3 notification/);
});
