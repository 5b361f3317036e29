/** When a reader stops, so that the next invocation goes on from a checkpoint instead of a lease that has to run out. */

/** Enough to send, to book and to answer. */
const MIN_MS_LEFT = 60_000;

/**
 * Asked at a segment's end: `msLeft` until the process must have stopped, and how long the segment took. The next one may take
 * twice as long.
 */
export function isTimeUp(msLeft: number, segmentMs: number): boolean {
  return msLeft <= Math.max(MIN_MS_LEFT, 2 * segmentMs);
}
