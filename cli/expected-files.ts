/** The files of a day that sources expect and that are not there: rows of their own among the dumps. */
import { type Importer, sourceOf } from '../shared/config.ts';
import type { Day } from '../shared/date-of-dump.ts';
import { describeDue, dueAt } from '../shared/expectation.ts';
import { type DumpStatus, EMPTY_BOOKS } from './dump-status.ts';

/** `statuses` are the dumps of that day. */
export function expectedFiles(
  importer: Importer,
  statuses: readonly DumpStatus[],
  day: Day,
  now: number,
): readonly DumpStatus[] {
  const there = new Set(statuses.map((status) => sourceNameOf(status, importer)));
  return importer.sources.flatMap(({ name, expect }) => {
    if (!expect || there.has(name)) return [];
    const due = dueAt(expect, day);
    const isDue = due <= now;
    const file = `${name} of ${day}`;
    return [
      {
        dump: file,
        key: file,
        dumpId: file,
        state: isDue ? 'missing' : 'expected',
        books: EMPTY_BOOKS,
        notes: [{ why: `${describeDue(expect)}, not there${isDue ? '' : ' yet'}` }],
        since: due,
      } satisfies DumpStatus,
    ];
  });
}

function sourceNameOf({ view, key }: DumpStatus, importer: Importer): string | undefined {
  return view?.entry.source ?? sourceOf(importer, key)?.name;
}
