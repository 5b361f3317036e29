/** The books of a dump: all its records and events, each counted in exactly one place. */
import type { SegmentCounts } from './ledger.ts';

/** `read = filtered + unusable + mapped` and `events = delivered + refused + parked + dead + inFlight`. */
export type Books = {
  readonly read: number;
  readonly filtered: number;
  readonly unusable: number;
  readonly mapped: number;
  readonly events: number;
  readonly delivered: number;
  readonly refused: number;
  readonly parked: number;
  readonly dead: number;
  readonly inFlight: number;
  readonly chunks: number;
  readonly requests: number;
  readonly reasons: Readonly<Record<string, number>>;
  /** Times of the first and the last event, ms since epoch. */
  readonly firstTime?: number;
  readonly lastTime?: number;
};

/**
 * Adds up the segments. What is in flight is what is planned and not booked elsewhere. A segment that has no plan yet
 * counts with what is booked, so that the books close while the chunker is still at it. An amendment's plan moves counts
 * from one place to another; a reason that nothing is left of goes.
 */
export function sumBooks(segments: readonly SegmentCounts[]): Books {
  const sum = { read: 0, filtered: 0, unusable: 0, mapped: 0, events: 0, chunks: 0 };
  const booked = { delivered: 0, refused: 0, parked: 0, dead: 0, requests: 0 };
  const reasons: Record<string, number> = {};
  let inFlight = 0;
  let firstTime = Number.POSITIVE_INFINITY;
  let lastTime = Number.NEGATIVE_INFINITY;
  for (const segment of segments) {
    const { plan } = segment;
    const settled = segment.delivered + segment.refused + segment.parked + segment.dead;
    booked.delivered += segment.delivered;
    booked.refused += segment.refused + (plan?.refused ?? 0);
    booked.parked += segment.parked;
    booked.dead += segment.dead;
    booked.requests += segment.requests;
    addCounts(reasons, segment.reasons);
    sum.events += plan?.events ?? settled;
    if (!plan) continue;
    inFlight += plan.events - plan.refused - settled;
    sum.read += plan.read;
    sum.filtered += plan.filtered;
    sum.unusable += plan.unusable;
    sum.mapped += plan.mapped;
    sum.chunks += plan.chunks;
    addCounts(reasons, plan.reasons);
    firstTime = Math.min(firstTime, plan.firstTime ?? firstTime);
    lastTime = Math.max(lastTime, plan.lastTime ?? lastTime);
  }
  for (const [reason, count] of Object.entries(reasons)) if (count === 0) delete reasons[reason];
  return { ...sum, ...booked, inFlight, reasons, ...(firstTime <= lastTime && { firstTime, lastTime }) };
}

/** Adds `more` into `counts`, which the caller owns. */
export function addCounts(counts: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) counts[name] = (counts[name] ?? 0) + count;
}
