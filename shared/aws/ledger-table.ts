/** The ledger's table as plain data. The stack creates it and the adapter uses it, so this file imports neither SDK. */
import type { Run } from '../dump.ts';

/** Both keys are strings; `timeToLive` holds seconds since epoch. */
export const ledgerTable = { partitionKey: 'pk', sortKey: 'sk', timeToLive: 'expiresAt' } as const;

/**
 * The index by which dumps are listed. Only dump items have both attributes, so that it holds nothing else, and items that
 * were there before it are in it too. What it copies stays the same while a dump is read, so that few writes touch it.
 */
export const dumpIndex = {
  name: 'dumps',
  partitionKey: 'state',
  sortKey: 'startedAt',
  copied: ['dumpId', 'run', 'dump', 'source'],
} as const;

export type Key = { readonly pk: string; readonly sk: string };

/** All items of a dump, of all its runs, share a partition. */
export function dumpKey(dumpId: string): Key {
  return { pk: `dump#${dumpId}`, sk: 'dump' };
}

export function segmentKey(of: Run & { readonly segment: number }): Key {
  return { pk: `dump#${of.dumpId}`, sk: `${segmentPrefix(of)}${String(of.segment).padStart(8, '0')}` };
}

/** `line`: of a source whose dumps are taken in order. `budget`: of one that may send so many events a day. */
export type SourceItem = 'line' | 'budget';

export function sourceKey(source: string, sk: SourceItem): Key {
  return { pk: `source#${source}`, sk };
}

/** What the sort keys of a run's segments begin with; they sort as the segments do. */
export function segmentPrefix({ run }: Pick<Run, 'run'>): string {
  return `run#${String(run).padStart(6, '0')}#segment#`;
}
