/** What every adapter of the object ports does: dumps are read as they were announced or not at all, results are kept. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dump } from '../../shared/dump.ts';
import { type Dumps, DumpUnreadable, type Results } from '../../shared/objects.ts';

export type ObjectEngine = {
  readonly dumps: Dumps;
  /** Makes an object, or puts another one in its place. */
  put(name: string, bytes: Buffer): Promise<Dump>;
  remove(name: string): Promise<void>;
  /** A place for results that holds none. */
  openResults(): Promise<Results>;
  stop(): Promise<void>;
};

export function objectsContract(name: string, startEngine: () => Promise<ObjectEngine>): void {
  describe(name, () => {
    let engine: ObjectEngine;
    beforeAll(async () => {
      engine = await startEngine();
    });
    afterAll(() => engine.stop());
    testDumps(() => engine);
    testResults(() => engine);
  });
}

const BYTES = randomBytes(100_000);

function testDumps(engine: () => ObjectEngine): void {
  test('a range is read from its start up to but not including its end', async () => {
    const { dumps, put } = engine();
    const dump = await put('ranges.ndjson', BYTES);
    for (const [start, end] of [
      [0, 1],
      [0, 100_000],
      [49_999, 75_001],
      [99_999, 100_000],
      [5, 5],
    ] as const) {
      expect((await dumps.read(dump, start, end)).equals(BYTES.subarray(start, end))).toBe(true);
    }
  });

  test('an empty dump has an empty range', async () => {
    const { dumps, put } = engine();
    const dump = await put('empty.ndjson', Buffer.alloc(0));
    expect(await dumps.size(dump)).toBe(0);
    expect(await dumps.read(dump, 0, 0)).toHaveLength(0);
  });

  test('a dump may have any name', async () => {
    const { dumps, put } = engine();
    const dump = await put('größe + 100 % & #1?.ndjson', BYTES);
    expect(await dumps.size(dump)).toBe(100_000);
    expect(await dumps.read(dump, 0, 10)).toEqual(BYTES.subarray(0, 10));
  });

  test('a dump that is gone cannot be read', async () => {
    const { dumps, put, remove } = engine();
    const dump = await put('gone.ndjson', BYTES);
    await remove('gone.ndjson');
    await expect(dumps.read(dump, 0, 10)).rejects.toThrow(DumpUnreadable);
    await expect(dumps.read(dump, 0, 10)).rejects.toThrow(/cannot read .*gone\.ndjson: /);
    await expect(dumps.size(dump)).rejects.toThrow(DumpUnreadable);
  });

  test('a dump that was replaced cannot be read, though its name is there', async () => {
    const { dumps, put } = engine();
    const dump = await put('replaced.ndjson', BYTES);
    await dumps.read(dump, 0, 10);
    const next = await put('replaced.ndjson', BYTES.subarray(1));
    await expect(dumps.read(dump, 0, 10)).rejects.toThrow(DumpUnreadable);
    expect(await dumps.read(next, 0, 10)).toEqual(BYTES.subarray(1, 11));
  });

  test('a dump that is shorter than announced cannot be read', async () => {
    const { dumps, put } = engine();
    const dump = await put('short.ndjson', BYTES);
    const announced = { ...dump, size: 200_000 };
    await expect(dumps.read(announced, 50_000, 150_000)).rejects.toThrow(/has 100000 bytes/);
    await expect(dumps.read(announced, 50_000, 150_000)).rejects.toThrow(DumpUnreadable);
    await expect(dumps.read(announced, 150_000, 200_000)).rejects.toThrow(DumpUnreadable);
  });
}

function testResults(engine: () => ObjectEngine): void {
  test('what was put is there, and nothing else', async () => {
    const results = await engine().openResults();
    await results.put('rejects/a-1/000.ndjson.gz', BYTES);
    await results.put('empty', Buffer.alloc(0));
    expect((await results.get('rejects/a-1/000.ndjson.gz'))?.equals(BYTES)).toBe(true);
    expect(await results.get('empty')).toHaveLength(0);
    expect(await results.get('rejects/a-1/001.ndjson.gz')).toBeUndefined();
    expect(await results.get('rejects/none/000.ndjson.gz')).toBeUndefined();
  });

  test('a result of the same key takes the place of the first', async () => {
    const results = await engine().openResults();
    await results.put('receipts/a.json', Buffer.from('a longer one'));
    await results.put('receipts/a.json', Buffer.from('short'));
    expect(String(await results.get('receipts/a.json'))).toBe('short');
    expect(await results.list('')).toEqual(['receipts/a.json']);
  });

  test('keys are listed sorted, from any prefix on', async () => {
    const results = await engine().openResults();
    for (const key of ['rejects/b-2/1', 'rejects/a-1/10', 'receipts/a-1', 'rejects/a-1/2', 'rejects/a-12/1']) {
      await results.put(key, Buffer.from(key));
    }
    expect(await results.list('rejects/a-1')).toEqual(['rejects/a-1/10', 'rejects/a-1/2', 'rejects/a-12/1']);
    expect(await results.list('rejects/a-1/')).toEqual(['rejects/a-1/10', 'rejects/a-1/2']);
    expect(await results.list('')).toHaveLength(5);
    expect(await results.list('nothing')).toEqual([]);
  });

  test('nothing is listed where nothing was put', async () => {
    const results = await engine().openResults();
    expect(await results.list('')).toEqual([]);
    expect(await results.list('rejects/')).toEqual([]);
  });

  test('the url ends with the key', async () => {
    const results = await engine().openResults();
    expect(results.url('receipts/a-1.json')).toMatch(/^(s3:\/|)\/.+\/receipts\/a-1\.json$/);
  });
}
