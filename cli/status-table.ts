/** Dumps and how they stand, as a table: what has no number anywhere has no column, and each trouble has its command. */
import { relative } from 'node:path';
import {
  type AllowedRejects,
  type DumpStatus,
  type Outcome,
  outcomeOf,
  progressOf,
  rejectedOf,
  type StatusState,
} from './dump-status.ts';
import { duration, n } from './figure.ts';
import type { Style } from './print-trial.ts';
import { harmless, widthOf } from './text-width.ts';

export type TableLook = {
  /** Columns of the terminal; undefined: nothing is cut. */
  readonly width?: number | undefined;
  readonly style: Style;
  readonly now: number;
  readonly allowed: AllowedRejects;
  /** At most so many dumps; those that need a hand come first. */
  readonly limit: number;
};

/** Narrower than this no name is cut. */
const MIN_NAME = 24;
const BAR = 10;

type Column = { readonly title: string; readonly cell: (status: DumpStatus) => string; readonly isOptional?: boolean };

/** Lines without line ends. */
export function formatTable(statuses: readonly DumpStatus[], look: TableLook): readonly string[] {
  const { limit, style } = look;
  const shown = mostUrgent(statuses, look).slice(0, limit);
  const columns = columnsOf(look).filter(({ cell, isOptional }) => !isOptional || shown.some((s) => cell(s) !== '0'));
  const cells = [columns.map(({ title }) => title), ...shown.map((status) => columns.map(({ cell }) => cell(status)))];
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => widthOf(row[i] ?? ''))));
  const rest = widths.slice(1).reduce((sum, width) => sum + width + 2, 0);
  const names = ['dump', ...shown.map(nameOf)];
  const longest = Math.max(...names.map(widthOf));
  const width =
    look.width === undefined
      ? longest
      : Math.min(longest, Math.max(MIN_NAME, look.width - rest - (widths[0] ?? 0) - 2));
  const line = (i: number) =>
    [padEnd(cutLeft(names[i] ?? '', width), width), ...(cells[i] ?? []).map((cell, c) => pad(cell, widths[c] ?? 0, c))]
      .join('  ')
      .trimEnd();
  const lines = shown.length === 0 ? [] : [style('dim', line(0))];
  for (const [i, status] of shown.entries()) {
    lines.push(style(colorOf(status, look.allowed), line(i + 1)), ...noteLines(status, style));
  }
  const left = statuses.length - shown.length;
  if (left > 0) lines.push(`… and ${n(left)} more (--limit)`);
  return [...lines, formatSum(statuses, look.allowed)];
}

function columnsOf({ now }: TableLook): readonly Column[] {
  const count = (title: string, of: (status: DumpStatus) => number, isOptional = false): Column => {
    return { title, cell: (status) => n(of(status)), isOptional };
  };
  return [
    { title: 'state', cell: ({ state }) => state },
    { title: 'progress', cell: formatBar },
    count('read', ({ books }) => books.read),
    count('events', ({ books }) => books.events),
    count('delivered', ({ books }) => books.delivered),
    count('filtered', ({ books }) => books.filtered, true),
    count('rejected', ({ books }) => rejectedOf(books), true),
    count('in flight', ({ books }) => books.inFlight, true),
    count('parked', ({ books }) => books.parked, true),
    count('dead', ({ books }) => books.dead, true),
    { title: 'age', cell: ({ since }) => age(now - since) },
  ];
}

/** The first two of the columns are words. */
function pad(cell: string, width: number, column: number): string {
  return column < 2 ? padEnd(cell, width) : ' '.repeat(Math.max(0, width - widthOf(cell))) + cell;
}

function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** The end of a name says more than its beginning. */
function cutLeft(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = text;
  while (widthOf(cut) > width - 1) cut = cut.slice(1);
  return `…${cut}`;
}

/** `██████▒▒░░  60 %`: done, then on its way. While a dump is read, nobody knows how much there is of it. */
export function formatBar(status: DumpStatus): string {
  const { books, state, view } = status;
  if (state === 'announced' || view === undefined) return '░'.repeat(BAR);
  const share = progressOf(status);
  const done = Math.floor(share * BAR);
  const isReading = view.entry.state === 'reading';
  const moving = books.events === 0 ? 0 : Math.ceil(((books.inFlight + books.parked) / books.events) * BAR);
  const way = Math.min(BAR - done, moving);
  const bar = '█'.repeat(done) + '▒'.repeat(way) + '░'.repeat(BAR - done - way);
  // 100 only when it is all.
  return isReading ? `${bar}    +` : `${bar} ${String(Math.floor(share * 100)).padStart(3)} %`;
}

/** A path as a person would type it here. */
export function nameOf({ key, dump }: Pick<DumpStatus, 'key' | 'dump'>): string {
  const short = dump.startsWith('/') ? relative('.', dump) : key;
  return harmless(short.length < dump.length && short !== '' ? short : key);
}

function age(ms: number): string {
  return duration(Math.max(0, Math.floor(ms / 1_000)));
}

const ORDER: readonly (Outcome | undefined)[] = ['needs a hand', 'running', 'complete', undefined];

function mostUrgent(statuses: readonly DumpStatus[], { allowed }: TableLook): readonly DumpStatus[] {
  return statuses.toSorted((a, b) => ORDER.indexOf(outcomeOf(a, allowed)) - ORDER.indexOf(outcomeOf(b, allowed)));
}

function colorOf(status: DumpStatus, allowed: AllowedRejects): Parameters<Style>[0] {
  switch (outcomeOf(status, allowed)) {
    case 'complete':
      return 'green';
    case 'running':
      return 'cyan';
    case 'needs a hand':
      return 'red';
    case undefined:
      return 'dim';
  }
}

/** Indented, the command on a line of its own, so that it can be copied. */
export function noteLines({ notes }: Pick<DumpStatus, 'notes'>, style: Style): readonly string[] {
  return notes.flatMap(({ why, mend }) => [
    `    ${harmless(why)}`,
    ...(mend === undefined ? [] : [`      ${style('bold', harmless(mend))}`]),
  ]);
}

/** `3 dumps: 2 complete, 1 uploading`. */
function formatSum(statuses: readonly DumpStatus[], allowed: AllowedRejects): string {
  const counts = new Map<StatusState, number>();
  for (const { state } of statuses) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [...counts].map(([state, count]) => `${n(count)} ${state}`);
  const needy = statuses.filter((status) => outcomeOf(status, allowed) === 'needs a hand').length;
  const hand = needy === 0 ? '' : `; ${n(needy)} ${needy === 1 ? 'needs' : 'need'} a hand`;
  return `${n(statuses.length)} dump${statuses.length === 1 ? '' : 's'}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}${hand}`;
}

/** One line for each dump, which changes only when the dump does. */
export function changeLine(status: DumpStatus): string {
  const { state, books, notes } = status;
  const { read, events, delivered, inFlight, parked, dead, filtered } = books;
  const counts = { filtered, rejected: rejectedOf(books), 'in flight': inFlight, parked, dead };
  const rest = Object.entries(counts).flatMap(([name, count]) => (count > 0 ? [`${n(count)} ${name}`] : []));
  const parts = [`${n(read)} read`, `${n(delivered)} of ${n(events)} delivered`, ...rest];
  const mend = notes.flatMap((note) => (note.mend === undefined ? [] : [harmless(`${note.why}: ${note.mend}`)]));
  return [`${nameOf(status)}  ${state}: ${parts.join(', ')}`, ...mend].join('; ');
}
