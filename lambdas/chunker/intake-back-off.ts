/** How long an intake message that failed stays away, and how often it is tried. */

/** What cannot be read now is seen again after at most 15 minutes, so that this is about a day. */
export const INTAKE_MAX_RECEIVES = 100;

/** 5 s doubling to 15 minutes, ms. */
export function intakeBackOffMs(receives: number): number {
  return Math.min(900_000, 5_000 * 2 ** Math.min(receives - 1, 20));
}
