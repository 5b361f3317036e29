/** How long a chunk waits before it is tried again, and how often. */

/** 1 s doubling to 5 minutes: an outage of seconds costs seconds, one of hours few receives. */
export function backOffMs(receives: number): number {
  return Math.min(300_000, 1_000 * 2 ** Math.min(receives - 1, 20));
}

/** For a chunk whose device has earlier events on their way: those take a second, unless they wait themselves. */
export function behindMs(receives: number): number {
  return Math.min(60_000, Math.round(500 * 1.5 ** Math.min(receives - 1, 20)));
}

/**
 * Parked events wait as long as Amplitude's averaging window (30 s), doubling to an hour; over their daily quota, whose
 * window moves by the hour, an hour at once. `random` (0-1) spreads them by a fifth, so that they do not all return together.
 */
export function parkedBackOffMs(receives: number, overQuota: boolean, random: number): number {
  const ms = overQuota ? 3_600_000 : Math.min(3_600_000, 30_000 * 2 ** Math.min(receives - 1, 20));
  return Math.round(ms * (1 + random / 5));
}

/** With the back-off above 36 tries are more than a day. */
export const PARKED_MAX_TRIES = 36;

/**
 * The queue's own limit, which only what crashes the uploader each time reaches before its tries are used up: a message is
 * received also behind up to nine others of its lane that fail, and each time its lane has rested. SQS takes 1,000 at most.
 */
export function queueMaxReceives(maxTries: number): number {
  return 10 * maxTries + 100;
}

/** Who is behind for so long is given up before the queue would do it, which books nothing. */
export function maxReceivesBehind(maxTries: number): number {
  return queueMaxReceives(maxTries) - 50;
}

/** The longest first wait on the parked queue: SQS delays a message by at most 15 minutes. */
export const MAX_DELAY_MS = 900_000;

/** Who is told to wait longer tries all the same: the header may be wrong, and SQS hides nothing for more than 12 hours. */
export const MAX_RETRY_AFTER_MS = 3_600_000;
