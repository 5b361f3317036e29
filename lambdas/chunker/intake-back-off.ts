/** How long an intake message that failed stays away, and how often it is tried. */

/** What cannot be read now is seen again after at most 15 minutes, so that this is about a day. */
export const INTAKE_MAX_TRIES = 100;

/** A message is received once more each time its dump goes on from a checkpoint, which is no failure. SQS counts to 1,000. */
export const INTAKE_MAX_RECEIVES = 999;

/** 5 s doubling to 15 minutes, ms. `tries` is how often it was tried in vain. */
export function intakeBackOffMs(tries: number): number {
  return Math.min(900_000, 5_000 * 2 ** Math.min(tries - 1, 20));
}
