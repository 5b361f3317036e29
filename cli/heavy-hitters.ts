/** Finds the ids that come most often, in memory that does not grow with how many there are. */
import { hash } from 'node:crypto';

/** How often an id came: exactly, or between two numbers once there were more ids than are counted at a time. */
export type Hit = { readonly id: string; readonly atLeast: number; readonly atMost: number };

/** The best single number for it. */
export function middleOf({ atLeast, atMost }: Hit): number {
  return (atLeast + atMost) / 2;
}

/** A count is off by at most 2 / 32,768 of all: for a billion events by 61,000 at worst. */
export const CAPACITY = 32_768;

/** An id longer than this is kept as its beginning and a hash. */
const MAX_ID_CHARACTERS = 64;

export type HeavyHitters = ReturnType<typeof heavyHitters>;

/**
 * Misra and Gries's algorithm (1982), cleared half at a time: when there are more ids than `capacity`, the median of the
 * counts is taken off each, and what has none left is forgotten. Each time so much is taken off at least half of them,
 * so that no count is off by more than 2 / `capacity` of all that was added.
 */
export function heavyHitters(capacity: number = CAPACITY) {
  const counts = new Map<string, number>();
  let takenOff = 0;

  function clear(): void {
    const sorted = Float64Array.from(counts.values()).sort();
    const median = sorted[sorted.length >>> 1] ?? 0;
    takenOff += median;
    for (const [id, count] of counts) {
      if (count > median) counts.set(id, count - median);
      else counts.delete(id);
    }
  }

  return {
    add(id: string): void {
      const key = id.length > MAX_ID_CHARACTERS ? shortened(id) : id;
      const count = counts.get(key);
      counts.set(count === undefined ? ownCopy(key) : key, (count ?? 0) + 1);
      if (counts.size > capacity) clear();
    },
    /** The `many` most frequent, the first one first. */
    top: (many: number): readonly Hit[] =>
      [...counts]
        .toSorted(([a, first], [b, second]) => second - first || (a < b ? -1 : 1))
        .slice(0, many)
        .map(([id, count]) => ({ id, atLeast: count, atMost: count + takenOff })),
  };
}

function shortened(id: string): string {
  return `${id.slice(0, 40)}…${hash('sha1', id, 'hex').slice(0, 16)}`;
}

/** A piece of a long text would keep all of it in memory. */
function ownCopy(id: string): string {
  return Buffer.from(id).toString();
}
