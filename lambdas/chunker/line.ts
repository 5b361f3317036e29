/** Whose turn it is: the line of a source whose dumps are taken one after the other, by key. */
import type { Line, OpenDump, WaitingDump } from '../../shared/ledger.ts';

/** A dump that wants its turn. */
export type Candidate = Pick<OpenDump, 'id' | 'dumpId' | 'key'>;

export type LineTimes = {
  /**
   * So long a dump is in the line before it may be the next, ms: notifications of dumps dropped together come in any
   * order. Never 0: what is on the queue already is then seen first.
   */
  readonly graceMs: number;
  /** The next in line looks no more often than this, ms; those behind it less often by as much as they are behind. */
  readonly pollMs: number;
};

/**
 * - `open`: it has the turn
 * - `repeat`: another message of the same dump waits already
 * - `next`: it may have the turn as soon as the open dump is over
 * - `waits`: so many come first, or (if none) its grace is not over
 */
export type Place = { readonly kind: 'open' } | { readonly kind: 'repeat' } | WaitingPlace;
export type WaitingPlace = { readonly kind: 'next' | 'waits'; readonly ahead: number };

/** How the open dump stands. */
export type Standing = { readonly isOver: boolean; readonly progress: string };

/**
 * Keys have up to 1,024 bytes and a DynamoDB item 400 KB. The smallest keys are kept; whoever finds no room looks again
 * before half of those are through.
 */
const MAX_WAITING = 250;
/** SQS delays no message longer. */
const MAX_WAIT_MS = 900_000;
/** A dump that has not come back so long after it should have is lost: its message was purged. */
const WAITING_LAPSES_MS = 3_600_000;
/** An open dump that made no step for so long no longer holds up the others: its message or one of its chunks was lost. */
const OPEN_LAPSES_MS = 86_400_000;
/** While dumps wait somebody looks every 15 minutes. When nobody did, nothing ran, and that time counts for nobody. */
const UNATTENDED_MS = 1_800_000;

/** The line as it is now, without the dumps that were lost. */
export function tidyLine(line: Line, now: number): { readonly line: Line; readonly lost: readonly WaitingDump[] } {
  const unattended = now - line.changedAt;
  const excused = unattended > UNATTENDED_MS ? unattended : 0;
  const { open } = line;
  const waiting = line.waiting.map((dump) => ({ ...dump, lapsesAt: dump.lapsesAt + excused }));
  return {
    line: {
      changedAt: now,
      ...(open && { open: { ...open, progressAt: open.progressAt + excused } }),
      waiting: waiting.filter(({ lapsesAt }) => lapsesAt > now),
    },
    lost: waiting.filter(({ lapsesAt }) => lapsesAt <= now),
  };
}

export function placeIn(line: Line, dump: Candidate, now: number, { graceMs }: LineTimes): Place {
  const { open, waiting } = line;
  if (open?.id === dump.id && !open.isRead) return { kind: 'open' };
  const known = waiting.find(({ id }) => id === dump.id);
  if (known && now < known.nextAt) return { kind: 'repeat' };
  const { since } = known ?? { since: now };
  const ahead = known ? waiting.indexOf(known) : placeFor({ ...dump, since }, waiting);
  return { kind: ahead === 0 && now - since >= graceMs ? 'next' : 'waits', ahead };
}

/**
 * After how many ms a waiting dump looks again: the longer the line has not moved, and the more are ahead, the later, so
 * that it loses little of the time that it waits. A dump in its grace looks when that is over.
 */
export function waitMs(
  { open, waiting }: Line,
  { kind, ahead }: WaitingPlace,
  now: number,
  { graceMs, pollMs }: LineTimes,
): number {
  if (kind === 'waits' && ahead === 0) return graceMs;
  const first = Math.min(now, ...waiting.map(({ since }) => since));
  const step = Math.max(pollMs, (now - Math.max(first, open?.openedAt ?? first)) / 8);
  return Math.ceil(Math.min(MAX_WAIT_MS, step * Math.min(ahead + 1, MAX_WAITING / 2)));
}

/** The dump waits, and looks again after `ms`. In the first half of that time no message of it but a repeat can come. */
export function enterLine(line: Line, dump: Candidate, now: number, ms: number): Line {
  const { id, key } = dump;
  const { waiting } = line;
  const times = { nextAt: now + ms / 2, lapsesAt: now + ms + WAITING_LAPSES_MS };
  const isKnown = waiting.some((other) => other.id === id);
  if (isKnown) return { ...line, waiting: waiting.map((other) => (other.id === id ? { ...other, ...times } : other)) };
  const entry = { id, key, since: now, ...times };
  return { ...line, waiting: waiting.toSpliced(placeFor(entry, waiting), 0, entry).slice(0, MAX_WAITING) };
}

/** The turn goes to the dump; undefined when somebody else was quicker. `before` is what it saw as open. */
export function openTurn(line: Line, dump: Candidate, before: OpenDump | undefined, now: number): Line | undefined {
  if (line.open?.id !== before?.id || line.open?.openedAt !== before?.openedAt) return undefined;
  const open = { ...dump, openedAt: now, isRead: false, progress: '', progressAt: now };
  return { ...line, open, waiting: line.waiting.filter(({ id }) => id !== dump.id) };
}

/** Notes the step that the open dump has made since it was last looked at. */
export function noteProgress(line: Line, { progress }: Standing, now: number): Line {
  const { open } = line;
  return open && open.progress !== progress ? { ...line, open: { ...open, progress, progressAt: now } } : line;
}

/** Whether the open dump makes no step any more. */
export function hasLapsed({ progress, progressAt }: OpenDump, standing: Standing, now: number): boolean {
  return !standing.isOver && progress === standing.progress && now - progressAt > OPEN_LAPSES_MS;
}

/** The chunker is through with the dump; undefined when the line knows that, or does not have it. */
export function endTurn(line: Line, { id }: Candidate): Line | undefined {
  const { open } = line;
  if (open?.id === id && !open.isRead) return { ...line, open: { ...open, isRead: true }, waiting: without(line, id) };
  return line.waiting.some((other) => other.id === id) ? { ...line, waiting: without(line, id) } : undefined;
}

/** The dump is given up, or gone; undefined when the line does not have it. */
export function leaveLine(line: Line, { id }: Candidate): Line | undefined {
  const { open, ...rest } = line;
  const isOpen = open?.id === id && !open.isRead;
  if (!isOpen && !line.waiting.some((other) => other.id === id)) return undefined;
  return { ...rest, ...(open && !isOpen && { open }), waiting: without(line, id) };
}

function without({ waiting }: Line, id: string): readonly WaitingDump[] {
  return waiting.filter((other) => other.id !== id);
}

/** How many of those that wait come before it. */
function placeFor(dump: Sorted, waiting: readonly WaitingDump[]): number {
  const behind = waiting.findIndex((other) => compare(other, dump) > 0);
  return behind === -1 ? waiting.length : behind;
}

type Sorted = Pick<WaitingDump, 'id' | 'key' | 'since'>;

/** By the bytes of the key, as S3 lists; of two versions under one key the one seen first. */
function compare(a: Sorted, b: Sorted): number {
  return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)) || a.since - b.since || (a.id < b.id ? -1 : 1);
}
