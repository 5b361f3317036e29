/** What files are beside the contract: a file may change in place, a write may be cut off, a key may lead elsewhere. */
import { mkdirSync, readdirSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeFile, fileDumps, fileResults } from '../../../shared/embedded/files.ts';
import { DumpUnreadable } from '../../../shared/objects.ts';
import { temporaryDirectory } from '../temporary.ts';

test('a file is named by its absolute path and the hash of its content', async () => {
  const directory = temporaryDirectory();
  const [first, second] = [join(directory, 'a.ndjson'), join(directory, 'b.ndjson')];
  writeFileSync(first, 'abc');
  writeFileSync(second, 'abc');
  const dump = await describeFile(first);
  // The first 40 digits of FIPS 180-2's example.
  const etag = 'ba7816bf8f01cfea414140de5dae2223b00361a3';
  expect(dump).toEqual({ bucket: 'file', key: first, etag, size: 3 });
  expect((await describeFile(second)).etag).toBe(etag);
});

test('a file that cannot be described is named, with the reason', async () => {
  const directory = temporaryDirectory();
  const missing = join(directory, 'missing.ndjson');
  await expect(describeFile(missing)).rejects.toThrow(`cannot read ${missing}: there is no such file`);
  await expect(describeFile(directory)).rejects.toThrow(`cannot read ${directory}: it is a directory`);
});

test('a file that becomes shorter or longer than it was cannot be read', async () => {
  const path = join(temporaryDirectory(), 'a.ndjson');
  for (const size of [2, 4]) {
    writeFileSync(path, 'abc');
    const dump = await describeFile(path);
    truncateSync(path, size);
    await expect(fileDumps().read(dump, 0, 2)).rejects.toThrow(`it has ${size} bytes now, it had 3`);
  }
});

test('a file that is changed between two reads cannot be read on, though its size is the same', async () => {
  const path = join(temporaryDirectory(), 'a.ndjson');
  const dumps = fileDumps();
  writeFileSync(path, 'abc');
  const dump = await describeFile(path);
  await dumps.read(dump, 0, 1);
  writeFileSync(path, 'xyz');
  utimesSync(path, 1, 1); // times of change are only as fine as the file system's clock
  await expect(dumps.read(dump, 1, 2)).rejects.toThrow('it was changed while it was being imported');
  await expect(dumps.read(dump, 1, 2)).rejects.toThrow(DumpUnreadable);
  const changed = await describeFile(path);
  expect(String(await dumps.read(changed, 0, 3))).toBe('xyz');
});

test('a key that leads out of the directory, or is a second name for a file, is refused', async () => {
  const directory = temporaryDirectory();
  const results = fileResults(join(directory, 'results'));
  for (const key of ['', '/', '../a', 'a/../../b', '/etc/passwd', 'a//b', './a', 'a/', 'a\\b', 'a\0b']) {
    await expect(async () => results.put(key, Buffer.from('x'))).rejects.toThrow('is no key of a result');
    await expect(async () => results.get(key)).rejects.toThrow('is no key of a result');
  }
  expect(readdirSync(directory)).toEqual([]);
});

test('what a cut-off write left behind is no result', async () => {
  const directory = temporaryDirectory();
  const results = fileResults(directory);
  await results.put('rejects/a', Buffer.from('a'));
  writeFileSync(join(directory, 'rejects', '.00000000-0000-4000-8000-000000000000.unfinished'), 'half');
  expect(await results.list('')).toEqual(['rejects/a']);
});

test('a write that fails leaves nothing and names the file', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'taken'));
  await expect(fileResults(directory).put('taken', Buffer.from('x'))).rejects.toThrow(
    `cannot write ${join(directory, 'taken')}: it is a directory`,
  );
  expect(readdirSync(directory)).toEqual(['taken']);
});

test('of many writes of one key at once one is whole', async () => {
  const results = fileResults(temporaryDirectory());
  const bodies = Array.from({ length: 20 }, (_, n) => Buffer.alloc(100_000, n));
  await Promise.all(bodies.map((body) => results.put('a/b/c', body)));
  const found = await results.get('a/b/c');
  expect(bodies.some((body) => found?.equals(body))).toBe(true);
  expect(await results.list('')).toEqual(['a/b/c']);
});
