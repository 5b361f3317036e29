/** One contract for the reference files of both engines: on disk, and in S3 as fauxqs has it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { s3References } from '../../shared/aws/references.ts';
import { fileReferences } from '../../shared/embedded/references.ts';
import { DumpUnreadable } from '../../shared/objects.ts';
import { eitherReferences, type References } from '../../shared/references.ts';
import { startFauxqs } from '../fauxqs.ts';

type Fixture = {
  readonly references: References;
  /** What a configuration calls it. */
  file(name: string): string;
  put(name: string, content: string): Promise<unknown>;
  remove(name: string): Promise<unknown>;
  stop(): Promise<unknown>;
};

async function onDisk(): Promise<Fixture> {
  const directory = mkdtempSync(join(tmpdir(), 'references-'));
  return {
    references: fileReferences((file) => join(directory, file)),
    file: (name) => `./${name}`,
    put: (name, content) => writeFile(join(directory, name), content),
    remove: (name) => rm(join(directory, name)),
    stop: async () => rmSync(directory, { recursive: true }),
  };
}

async function inS3(): Promise<Fixture> {
  const { s3, createBucket, stop } = await startFauxqs();
  const Bucket = 'references';
  await createBucket(Bucket);
  return {
    references: s3References(s3),
    file: (name) => `s3://${Bucket}/a folder/${name}`,
    put: (name, Body) => s3.send(new PutObjectCommand({ Bucket, Key: `a folder/${name}`, Body })),
    remove: (name) => s3.send(new DeleteObjectCommand({ Bucket, Key: `a folder/${name}` })),
    stop,
  };
}

describe.each([
  ['on disk', onDisk],
  ['in S3', inS3],
])('a reference file %s', (_where, open) => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await open();
  });
  afterAll(() => fixture.stop());

  test('is found in its version, and read in that version', async () => {
    const { references, file, put } = fixture;
    await put('a.csv', 'first');
    const reference = await references.find(file('a.csv'));
    expect(reference.size).toBe(5);
    expect(await references.find(file('a.csv'))).toEqual(reference);
    expect((await references.bytes.read(reference, 1, 4)).toString()).toBe('irs');
  });

  test('that is replaced is another version, and the one before can no longer be read', async () => {
    const { references, file, put } = fixture;
    await put('b.csv', 'first');
    const before = await references.find(file('b.csv'));
    await references.bytes.read(before, 0, 5);
    await put('b.csv', 'second');
    const after = await references.find(file('b.csv'));
    expect(after.etag).not.toBe(before.etag);
    await expect(references.bytes.read(before, 0, 5)).rejects.toThrow(DumpUnreadable);
    expect((await references.bytes.read(after, 0, 6)).toString()).toBe('second');
  });

  test('that is gone is an error with its name', async () => {
    const { references, file, put, remove } = fixture;
    await put('c.csv', 'first');
    await references.find(file('c.csv'));
    await remove('c.csv');
    await expect(references.find(file('c.csv'))).rejects.toThrow(/cannot read .*c\.csv: there is no such/);
  });
});

test('of both kinds each is found and read where it is, and S3 is opened only for its own', async () => {
  const [disk, s3] = [await onDisk(), await inS3()];
  let opened = 0;
  const references = eitherReferences(disk.references, async () => {
    opened += 1;
    return s3.references;
  });
  await Promise.all([disk.put('a.csv', 'disk'), s3.put('a.csv', 's3')]);
  const read = async (file: string) => {
    const found = await references.find(file);
    return (await references.bytes.read(found, 0, found.size)).toString();
  };
  expect([await read(disk.file('a.csv')), opened]).toEqual(['disk', 0]);
  expect(await read(s3.file('a.csv'))).toBe('s3');
  await Promise.all([disk.stop(), s3.stop()]);
});
