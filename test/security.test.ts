/** docs/security.md: every test that it names exists; and what it says that belongs to no other file's tests. */
import { existsSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { resultsPrefix } from '../shared/dump.ts';
import { eventTexts, openChunker, takeChunks } from './lambdas/chunker/chunker.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../docs/security.md'), 'utf8');
const [GUARDED = '', OPEN = ''] = PAGE.split('## What is not guarded against');
const NAMED = [...GUARDED.matchAll(/`(test\/[^`]+)`:\s+“([^”]+)”/g)].map(
  ([, file = '', name = '']) => [file, name] as const,
);

test.each(NAMED)('%s has the test “%s”', (file, name) => {
  const path = join(import.meta.dirname, '..', file);
  expect(existsSync(path), `${file} exists`).toBe(true);
  const source = readFileSync(path, 'utf8').replaceAll("\\'", "'");
  expect(
    ["'", '"', '`'].some(
      (quote) => source.includes(`(${quote}${name}${quote},`) || source.includes(`${quote}${name}${quote},\n`),
    ),
  ).toBe(true);
});

test('each thing that the page says is guarded against names a test, and nothing else does', () => {
  const points = GUARDED.split(/^\* /m).slice(1);
  expect(points.length).toBeGreaterThan(20);
  const trusted = points.filter((point) => !point.includes('`test/'));
  expect(trusted.map((point) => point.slice(0, 20))).toEqual(['**The configuration*']);
  expect(OPEN).not.toContain('`test/');
});

test('whatever the key of a dump, its results lie where results lie', () => {
  const key = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('../../x', '..', '.', '/', 'a/..', 'a/\0', '~', '%2e%2e/x', '..\\x'),
  );
  const property = fc.property(key, (anyKey) => {
    const prefix = resultsPrefix('rejects', { key: anyKey }, '0123456789abcdef0123');
    expect(normalize(prefix)).toBe(prefix);
    expect(prefix).toMatch(/^rejects\/[A-Za-z0-9._-]+-0123456789abcdef0123$/);
  });
  fc.assert(property, { numRuns: 200 });
});

test("a record full of names of an object's own is sent as it stands, and changes no object", async () => {
  const own =
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":"x","hasOwnProperty":1}';
  const line = `{"insert_id":"given","event_type":"a","user_id":"somebody","event_properties":${own},"__proto__":{"polluted":1}}`;
  const chunker = openChunker(`${line}\n`);
  await chunker.run();
  expect((await takeChunks(chunker)).flatMap(eventTexts)).toEqual([line]);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});
