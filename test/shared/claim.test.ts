/** Who may read a dump, and from where. */
import { expect, test } from 'vitest';
import { decideClaim } from '../../shared/claim.ts';
import type { ClaimRequest } from '../../shared/ledger.ts';
import { type DumpItem, startOfRun } from '../../shared/ledger-items.ts';
import { claimOf, newDump } from './ledger-fixtures.ts';

const dump = newDump();
const checkpoint = { segment: 7, offset: 70, position: 700 };
const request = (changes: Partial<ClaimRequest> = {}) => claimOf(dump, { owner: 'ben', ...changes });

/** In its third run, half read by `anna`, whose lease ends at 200. */
const fresh = startOfRun(3, claimOf(dump, { now: 50 }), undefined);
const held: DumpItem = { ...fresh, entry: { ...fresh.entry, checkpoint }, done: new Set([1]) };
const free: DumpItem = { ...held, leaseUntil: 0 };
const read: DumpItem = { ...free, entry: { ...free.entry, state: 'read', segments: 8, failure: 'bad gzip' } };
const closed: DumpItem = { ...free, entry: { ...free.entry, state: 'closed', segments: 8, finishedAt: 90 } };
const again = (item: DumpItem, value: string): DumpItem => ({ ...item, again: value });

const BUSY = { kind: 'busy', until: 200 };
const RESUMED = {
  kind: 'resume',
  item: { entry: { run: 3, checkpoint }, owner: 'ben', leaseUntil: 200, done: new Set([1]) },
};
const done = (state: string) => ({ kind: 'done', run: { dumpId: fresh.entry.dumpId, run: 3 }, state });
const started = (run: number, claim: ClaimRequest) => ({ kind: 'start', item: startOfRun(run, claim, claim.again) });

const other = request({ fingerprint: 'changed' });
const asked = request({ again: 'try 2' });

test.each<[string, DumpItem | undefined, ClaimRequest, object]>([
  ['a new dump starts its first run', undefined, request(), started(1, request())],
  ['a new dump keeps what it was asked again with', undefined, asked, started(1, asked)],
  ['a dump that another one reads is busy', held, request(), BUSY],
  ['… also when code or config changed', held, other, BUSY],
  ['… also when it is asked for again', held, asked, BUSY],
  ['… until its lease ends', held, request({ now: 199 }), BUSY],
  ['a lease that has run out is taken over', held, request({ now: 200 }), RESUMED],
  ['a lease that was freed is taken over', free, request(), RESUMED],
  [
    'its own reader may claim it once more',
    held,
    { ...request(), owner: 'anna' },
    { kind: 'resume', item: { owner: 'anna' } },
  ],
  ['half read under other code or config, it starts anew', free, other, started(4, other)],
  ['half read and asked for again, it starts anew', free, asked, started(4, asked)],
  ['half read, the request delivered twice goes on', again(free, 'try 2'), asked, RESUMED],
  ['a dump that is read is done', read, request(), done('read')],
  ['… also under other code or config', read, other, done('read')],
  ['a closed dump is done', closed, request(), done('closed')],
  ['a read dump asked for again starts anew', read, asked, started(4, asked)],
  ['a closed dump asked for again starts anew', closed, asked, started(4, asked)],
  ['… once for each request', again(closed, 'try 2'), asked, done('closed')],
  ['… and another request counts', again(closed, 'try 1'), asked, started(4, asked)],
])('%s', (_name, item, claim, expected) => {
  expect(decideClaim(item, claim)).toMatchObject(expected);
});

test('what a dump was asked again with outlives a run for another reason', () => {
  const decision = decideClaim(again(free, 'try 2'), other);
  expect(decision).toEqual({ kind: 'start', item: startOfRun(4, other, 'try 2') });
});

test('a new run forgets what the older one knew', () => {
  expect(decideClaim(read, asked)).toEqual(started(4, asked));
});
