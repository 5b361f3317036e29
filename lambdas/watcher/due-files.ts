/** The daily files that are due by now, each with the dumps that are it; and how long a dump has not moved. */
import { sumBooks } from '../../shared/books.ts';
import type { Source } from '../../shared/config.ts';
import type { Day } from '../../shared/date-of-dump.ts';
import { type Expectation, isFileOf, lastDueDay } from '../../shared/expectation.ts';
import type { DumpView, ListedDump } from '../../shared/ledger-view.ts';

export type DueFile = {
  readonly source: string;
  readonly expect: Expectation;
  readonly day: Day;
  /** Those of that day, whatever their state. */
  readonly dumps: readonly ListedDump[];
};

/** For each source that expects one: the last one that is due. */
export function dueFiles(
  sources: readonly Pick<Source, 'name' | 'expect'>[],
  dumps: readonly ListedDump[],
  now: number,
): readonly DueFile[] {
  return sources.flatMap(({ name, expect }) => {
    if (!expect) return [];
    const day = lastDueDay(expect, now);
    const of = dumps.filter(({ source, dump, startedAt }) => {
      return source === name && isFileOf(expect, dump.key, startedAt, day);
    });
    return [{ source: name, expect, day, dumps: of }];
  });
}

/**
 * For how long nothing of it has moved, s; 0 when that is as it should be, or another alarm rings: it is closed, what is left
 * of it is parked (a day at most, then dead), or dead.
 */
export function stillSeconds({ entry, segments, changedAt = entry.startedAt }: DumpView, now: number): number {
  const { inFlight, parked, dead } = sumBooks(segments.map(([, segment]) => segment));
  const isWaiting = entry.state === 'read' && inFlight === 0 && parked + dead > 0;
  return entry.state === 'closed' || isWaiting ? 0 : Math.max(0, Math.floor((now - changedAt) / 1_000));
}
