/** Which objects nobody seems to know of, and which of them are asked for once more. */
import { describe, expect, test } from 'vitest';
import { type ImporterInput, defineImporter } from '../../../shared/config.ts';
import { dumpId } from '../../../shared/dump.ts';
import type { LandedObject } from '../../../shared/landing.ts';
import {
  chooseRedriven,
  type Elsewhere,
  findSuspects,
  type Lost,
  MAX_REDRIVEN,
  nameOf,
  prefixesOf,
  type Seen,
} from '../../../lambdas/watcher/find-lost.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-11-21T12:00:00Z');
const PROJECT = { secret: 'amplitude/api-key' };

function importerOf(...sources: readonly Partial<ImporterInput['sources'][number]>[]) {
  return defineImporter({ sources: sources.map((source, i) => ({ name: `s${i}`, project: PROJECT, ...source })) });
}

function landed(changes: Partial<LandedObject> & { readonly age?: number } = {}): LandedObject {
  const { age = 2 * HOUR, ...rest } = changes;
  return { key: 'web/a.ndjson', etag: 'e', size: 10, modifiedAt: NOW - age, ...rest };
}

describe('an object is suspect', () => {
  const importer = importerOf({ name: 'web', prefix: 'web/', pattern: '*.ndjson' });
  const seen: Seen = { now: NOW, importer, known: new Set(), since: { web: 0 } };
  test.each<[string, LandedObject, Partial<Seen>, boolean]>([
    ['when it has lain there for an hour', landed({ age: HOUR }), {}, true],
    ['not when its notification may still come', landed({ age: HOUR - 1 }), {}, false],
    ['up to three days', landed({ age: 72 * HOUR }), {}, true],
    ['and no longer', landed({ age: 72 * HOUR + 1 }), {}, false],
    ['not when the ledger knows it', landed(), { known: new Set([nameOf(landed())]) }, false],
    [
      'when the ledger knows what was there before',
      landed({ etag: 'f' }),
      { known: new Set([nameOf(landed())]) },
      true,
    ],
    ['not when no source takes its prefix', landed({ key: 'other/a.ndjson' }), {}, false],
    ['nor when none takes its name', landed({ key: 'web/a.tmp' }), {}, false],
    ['not when it is a folder', landed({ key: 'web/', size: 0 }), { importer: importerOf({ name: 'web' }) }, false],
    ['not when it was there before its source', landed(), { since: { web: NOW - HOUR } }, false],
    ['not when its source is new', landed(), { since: {} }, false],
  ])('%s', (_, object, changes, isSuspect) => {
    expect(findSuspects([object], { ...seen, ...changes }).map(({ key }) => key)).toEqual(
      isSuspect ? [object.key] : [],
    );
  });
});

function lostOf(key: string, age = 2 * HOUR): Lost {
  return { dump: { bucket: 'landing', key, etag: 'e', size: 1 }, source: 'web', modifiedAt: NOW - age };
}

describe('a lost dump is asked for', () => {
  const lost = lostOf('web/a.ndjson');
  const id = dumpId(lost.dump);
  const nowhere: Elsewhere = { now: NOW, backlog: 0, inLine: new Set(), dead: new Set(), redriven: {} };
  test.each<[string, Lost, Partial<Elsewhere>, number, number]>([
    ['when it is nowhere', lost, {}, 1, 0],
    ['not while it waits for its turn', lost, { inLine: new Set([id]) }, 0, 0],
    ['not when it was given up', lost, { dead: new Set([id]) }, 0, 0],
    ['later while it may be on the queue', lost, { backlog: 1 }, 0, 1],
    ['all the same after a day', lostOf('web/a.ndjson', 24 * HOUR), { backlog: 1 }, 1, 0],
    ['not when it has just been asked for', lost, { redriven: { [id]: NOW - HOUR } }, 0, 0],
    ['again after half a day', lost, { redriven: { [id]: NOW - 12 * HOUR } }, 1, 0],
  ])('%s', (_, one, changes, chosen, later) => {
    const found = chooseRedriven([one], { ...nowhere, ...changes });
    expect({ chosen: found.chosen.length, later: found.later }).toEqual({ chosen, later });
  });

  test('of many the oldest, and the others later', () => {
    const many = Array.from({ length: MAX_REDRIVEN + 5 }, (_, i) => lostOf(`web/${i}.ndjson`, HOUR + i));
    const { chosen, later } = chooseRedriven(many, nowhere);
    expect({ chosen: chosen.length, later }).toEqual({ chosen: MAX_REDRIVEN, later: 5 });
    expect(chosen[0]).toEqual(many.at(-1));
    expect(chosen).not.toContain(many[0]);
  });
});

test.each([
  [
    ['web/', 'app/'],
    ['app/', 'web/'],
  ],
  [['web/', 'web/clicks/', 'web/'], ['web/']],
  [['web/', ''], ['']],
  [['web', 'web/'], ['web']],
])('of the prefixes %j %j are listed', (prefixes, expected) => {
  const importer = importerOf(...prefixes.map((prefix, i) => ({ prefix, pattern: `${i}*` })));
  expect(prefixesOf(importer)).toEqual(expected);
});
