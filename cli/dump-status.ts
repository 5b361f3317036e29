/** What state a dump is in, what keeps it from being complete, and which command mends that. */
import { type Books, sumBooks } from '../shared/books.ts';
import { dumpUrl } from '../shared/dump.ts';
import type { SegmentItem } from '../shared/ledger-items.ts';
import type { DumpView } from '../shared/ledger-view.ts';
import { count, duration, n } from './figure.ts';

/**
 * - `announced`: its message is on the intake queue, or it waits for its turn
 * - `chunking`, `uploading`: under way; `closing`: only its receipt is missing
 * - `complete`, `complete with rejects`: every event is delivered or refused, and there is a receipt
 * - `failed`: that too, but the dump could not be read to its end
 * - `stopped`: no import is at work on this machine; `stuck`: some of it is dead, or nothing has moved for hours
 * - `given up`: its message is among the intake queue's dead letters
 * - `superseded`: it failed, and a newer object of the same name has been dropped since
 * - `expected`, `missing`: no dump at all, but the file of a day that a source expects; it is not due yet, or it is
 */
export type StatusState =
  | 'announced'
  | 'chunking'
  | 'uploading'
  | 'closing'
  | 'complete'
  | 'complete with rejects'
  | 'failed'
  | 'stopped'
  | 'stuck'
  | 'given up'
  | 'superseded'
  | 'expected'
  | 'missing';

/** Why it is not complete, and the command that mends it if there is one. */
export type Note = { readonly why: string; readonly mend?: string };

export type DumpStatus = {
  /** Its path or address. */
  readonly dump: string;
  /** As a person knows it in a list: the key. */
  readonly key: string;
  readonly dumpId: string;
  readonly state: StatusState;
  readonly books: Books;
  readonly notes: readonly Note[];
  /** When it was begun, or announced, ms since epoch. */
  readonly since: number;
  /** What the ledger has of it; left out as long as that is nothing. */
  readonly view?: DumpView;
};

/** Everything around the dump that its state depends on. */
export type Situation = {
  readonly now: number;
  /** Whether an import is at work on this state directory; left out for a deployed stack, where somebody always is. */
  readonly isAtWork?: boolean;
  /** Dumps whose message is among the intake queue's dead letters: why. */
  readonly givenUp: ReadonlyMap<string, string>;
  /** How a command finds the same engine: ` --stack X`. */
  readonly options: string;
};

/** Longer than any wait between two tries (a chunk is dead after about four hours of them), ms. */
const SILENCE_MS = 6 * 3_600_000;

/** Tries in vain from which on it is worth saying. */
const MANY_TRIES = 3;

/** No dump has more in its books before it was begun. */
export const EMPTY_BOOKS: Books = sumBooks([]);

export function statusOf(view: DumpView, situation: Situation): DumpStatus {
  const { entry, segments } = view;
  const books = sumBooks(segments.map(([, segment]) => segment));
  const state = stateOf(view, books, situation);
  const { dumpId, dump, startedAt } = entry;
  const notes = [...notesOf(state, view, books, situation)];
  return { dump: dumpUrl(dump), key: dump.key, dumpId, state, books, notes, since: startedAt, view };
}

function stateOf(view: DumpView, books: Books, situation: Situation): StatusState {
  const { entry } = view;
  if (entry.state === 'closed') {
    if (entry.failure !== undefined) return 'failed';
    return rejectedOf(books) > 0 ? 'complete with rejects' : 'complete';
  }
  const isReading = entry.state === 'reading';
  const moves = isReading || books.inFlight + books.parked > 0;
  if (isReading && situation.givenUp.has(entry.dumpId)) return 'given up';
  if (!moves && books.dead > 0) return 'stuck';
  if (situation.isAtWork === false) return 'stopped';
  if (silenceOf(view, situation) > SILENCE_MS) return 'stuck';
  return isReading ? 'chunking' : moves ? 'uploading' : 'closing';
}

/** How long nothing of it has changed, ms. */
function silenceOf({ entry, changedAt = entry.startedAt }: DumpView, { now }: Situation): number {
  return now - changedAt;
}

function* notesOf(state: StatusState, view: DumpView, books: Books, situation: Situation): Generator<Note> {
  const { entry, segments } = view;
  const { dumpId } = entry;
  const { options } = situation;
  if (state === 'given up') yield givenUpNote(dumpId, situation);
  if (books.dead > 0) {
    const why = `${n(books.dead)} events are dead: ${reasonOfDeath(segments)}`;
    yield { why, mend: replay(`--dump ${dumpId}`, situation) };
  }
  if (entry.failure !== undefined)
    yield { why: `it could not be read to its end: ${entry.failure}`, mend: redrop(view) };
  if (state === 'stopped') {
    yield {
      why: 'no import is at work here; the command that began it goes on',
      mend: importAgain(entry.dump.key, options),
    };
  }
  if (state === 'stuck' && books.dead === 0) {
    const silence = duration(Math.round(silenceOf(view, situation) / 1_000));
    yield { why: `nothing of it has moved for ${silence}`, mend: `s3-to-amplitude dlq${options}` };
  }
  if (books.parked > 0) {
    yield {
      why: `${n(books.parked)} events are parked: Amplitude throttles their devices or users; tried again for a day`,
    };
  }
  const { units, most } = triesOf(segments);
  if (units > 0) yield { why: `${count(units, 'chunk')} tried up to ${n(most)} times in vain, and tried again` };
  if (entry.amending) {
    const why = 'its rejects are being run again, or that was stopped';
    yield { why, mend: `s3-to-amplitude replay --rejects ${dumpId}${liveOption(situation)}${options}` };
  }
  const rejected = rejectedOf(books);
  if (rejected > 0) yield { why: count(rejected, 'reject'), mend: `s3-to-amplitude rejects ${dumpId}${options}` };
}

export function givenUpNote(dumpId: string, situation: Situation): Note {
  const reason = situation.givenUp.get(dumpId) ?? 'unknown';
  const why = `it was given up: ${reason}; the log ("dump is tried again") says what went wrong`;
  return { why, mend: replay(`--queue intake --dump ${dumpId}`, situation) };
}

function replay(which: string, situation: Situation): string {
  return `s3-to-amplitude replay ${which}${liveOption(situation)}${situation.options}`;
}

/** On one machine the events go where this command says, and nobody but its user knows where that is. */
function liveOption({ isAtWork }: Situation): string {
  return isAtWork === undefined ? '' : ' [--live]';
}

function importAgain(key: string, options: string): string {
  return `s3-to-amplitude import [--live] ${shellWord(key)}${options}`;
}

/** A whole file is another dump than the damaged one, also under its name. */
function redrop({ entry: { dump } }: DumpView): string {
  const url = dumpUrl(dump);
  return url === dump.key
    ? `s3-to-amplitude import [--live] ${shellWord(url)}`
    : `aws s3 cp <the whole file> ${shellWord(url)}`;
}

/** As a shell reads it as one word. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** That of the latest death; deaths of a dump mostly have one cause. */
function reasonOfDeath(segments: DumpView['segments']): string {
  const failures = segments.flatMap(([, { dead, lastFailure }]) => (dead > 0 && lastFailure ? [lastFailure] : []));
  return failures.toSorted((a, b) => b.at - a.at)[0]?.reason ?? 'no reason was noted';
}

function triesOf(segments: DumpView['segments']): { readonly units: number; readonly most: number } {
  const tries = segments.flatMap(([, segment]) => openTries(segment)).filter((count) => count >= MANY_TRIES);
  return { units: tries.length, most: Math.max(0, ...tries) };
}

/** Of the units that are still on their way. */
export function openTries({ tries, settled, deadUnits }: SegmentItem): number[] {
  return Object.entries(tries).flatMap(([unit, count]) => (settled.has(unit) || deadUnits.has(unit) ? [] : [count]));
}

export function rejectedOf({ unusable, refused }: Books): number {
  return unusable + refused;
}

/** The share of the events known so far that nothing more can happen to; of a dump without events, whether it is read. */
export function progressOf({ books, view }: DumpStatus): number {
  const { events, delivered, refused } = books;
  if (events > 0) return (delivered + refused) / events;
  return view && view.entry.state !== 'reading' ? 1 : 0;
}

/** What is allowed of rejects: a number, or a share of the records read. */
export type AllowedRejects = { readonly count: number } | { readonly share: number };

export type Outcome = 'complete' | 'running' | 'needs a hand';

/** Undefined when it does not count any more. */
export function outcomeOf({ state, books }: DumpStatus, allowed: AllowedRejects = { count: 0 }): Outcome | undefined {
  switch (state) {
    case 'superseded':
      return undefined;
    case 'complete':
      return 'complete';
    case 'complete with rejects':
      return rejectedOf(books) <= ('count' in allowed ? allowed.count : allowed.share * books.read)
        ? 'complete'
        : 'needs a hand';
    case 'expected':
    case 'announced':
    case 'chunking':
    case 'uploading':
    case 'closing':
      return 'running';
    case 'missing':
    case 'failed':
    case 'stopped':
    case 'stuck':
    case 'given up':
      return 'needs a hand';
  }
}

/** A dump that failed does not count where a newer object of the same name has come. */
export function markSuperseded(statuses: readonly DumpStatus[]): readonly DumpStatus[] {
  const newest = new Map<string, DumpStatus>();
  for (const status of statuses) {
    const other = newest.get(status.dump);
    if (!other || other.since < status.since) newest.set(status.dump, status);
  }
  return statuses.map((status) => {
    const other = newest.get(status.dump);
    const hasFailed = status.state === 'failed' || status.state === 'given up';
    if (!other || other.dumpId === status.dumpId || !hasFailed) return status;
    const notes = [{ why: `a newer object of its name was dropped: ${other.dumpId}` }, ...status.notes];
    return { ...status, state: 'superseded', notes: notes.map(({ why }) => ({ why })) };
  });
}
