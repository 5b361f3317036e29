/**
 * Amendments: the rejects of a closed dump run again, after its receipt. Each attempt has segments of its own, far behind
 * the dump's, and they count only once it is through: what a stopped attempt left behind counts nowhere.
 */
import type { Run } from './dump.ts';
import type { DumpEntry } from './ledger.ts';

/** An attempt that is through. */
export type Amendment = {
  /** From 1, over all attempts of the run. */
  readonly attempt: number;
  /** How many segments it has. */
  readonly segments: number;
  /** When it was through, ms since epoch. */
  readonly at: number;
};

/** Segments of one attempt, and of the dump itself: more than any has (250,000 records each by default). */
const ATTEMPT_SEGMENTS = 1_000_000;

/** The attempt that a segment belongs to; 0 for those of the dump itself. */
export function attemptOf(segment: number): number {
  return Math.floor(segment / ATTEMPT_SEGMENTS);
}

/** `index` counts an attempt's segments from 0. */
export function segmentOfAttempt(attempt: number, index: number): number {
  return attempt * ATTEMPT_SEGMENTS + index;
}

/** The attempt whose rejects are those that the dump has now: 0 as long as it was never amended. */
export function currentAttempt({ amendments }: Pick<DumpEntry, 'amendments'>): number {
  return amendments?.at(-1)?.attempt ?? 0;
}

/** The segments that belong to the dump's books, once it is read. */
export function* countedSegments({ segments = 0, amendments = [] }: DumpEntry): Generator<number> {
  for (let segment = 0; segment < segments; segment += 1) yield segment;
  for (const { attempt, segments: count } of amendments)
    for (let index = 0; index < count; index += 1) yield segmentOfAttempt(attempt, index);
}

/** Whether what is booked in this segment counts: always for those of the dump itself, otherwise once its attempt is through. */
export function isCounted(entry: DumpEntry | undefined, segment: number): boolean {
  const attempt = attemptOf(segment);
  return attempt === 0 || (entry?.amendments ?? []).some((amendment) => amendment.attempt === attempt);
}

/** Whether the segment is of an attempt that was given up: neither through nor the one under way. */
export function isGivenUp(entry: DumpEntry, segment: number): boolean {
  return !isCounted(entry, segment) && entry.amending?.attempt !== attemptOf(segment);
}

/** The dump with a new attempt under way, which replaces the one before it; undefined when it is not closed. */
export function withAttempt(entry: DumpEntry | undefined, { run }: Run, now: number): DumpEntry | undefined {
  if (entry?.run !== run || entry.state !== 'closed') return undefined;
  const attempt = Math.max(currentAttempt(entry), entry.amending?.attempt ?? 0) + 1;
  return { ...entry, amending: { attempt, since: entry.amending?.since ?? now } };
}

/** The dump amended, and so no longer closed; undefined when another attempt, or another run, has come in between. */
export function withAmendment(entry: DumpEntry | undefined, { run }: Run, amendment: Amendment): DumpEntry | undefined {
  if (entry?.run !== run || entry.state !== 'closed' || entry.amending?.attempt !== amendment.attempt) return undefined;
  const { amending: _over, finishedAt: _before, amendments = [], ...rest } = entry;
  return { ...rest, state: 'read', amendments: [...amendments, amendment] };
}
