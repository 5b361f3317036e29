/** Turns what a clock on the wall of one time zone showed into UTC, with daylight saving time right. */
import { readOffset } from '../zone-offset.ts';

/**
 * From a wall time (ms, as if it were UTC) to UTC (ms). An hour that the clock showed twice is the earlier one, unless
 * `knownBy` (UTC, ms: when somebody had heard of the event) says that it had been the later one already. An hour that
 * the clock left out is read by the offset before the change.
 */
export type WallClock = (wallMs: number, knownBy?: number) => number;

const QUARTER_MS = 900_000;
const DAY_MS = 86_400_000;

/** Quarters of an hour that are remembered: some years of a dump, a few MB. */
const MAX_REMEMBERED = 100_000;

/** `timeZone` is an IANA name. Intl is asked once for each quarter of an hour: every zone's changes fall on one. */
export function openWallClock(timeZone: string): WallClock {
  const remembered = new Map<number, readonly number[]>();
  return (wallMs, knownBy) => {
    const quarter = Math.floor(wallMs / QUARTER_MS);
    let offsets = remembered.get(quarter);
    if (!offsets) {
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      offsets = possibleOffsets(timeZone, quarter * QUARTER_MS);
      remembered.set(quarter, offsets);
    }
    const [earlier = 0, later = earlier] = offsets.map((offset) => wallMs - offset);
    return knownBy !== undefined && knownBy >= later ? later : earlier;
  };
}

/** Offsets (ms) under which the zone's clock showed this time: one, or two of which the first gives the earlier instant. */
function possibleOffsets(timeZone: string, wallMs: number): readonly number[] {
  const before = readOffset(wallMs - DAY_MS, timeZone);
  const after = readOffset(wallMs + DAY_MS, timeZone);
  const possible = [...new Set([before, after])].filter((offset) => readOffset(wallMs - offset, timeZone) === offset);
  return possible.length === 0 ? [before] : possible.toSorted((a, b) => b - a);
}
