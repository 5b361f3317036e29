/** Chance that comes out the same on every machine, so that the example day can be made again byte for byte. */

export type Random = ReturnType<typeof seededRandom>;

/** Mulberry32: 32 bits of state, whole-number arithmetic only. */
export function seededRandom(seed: number) {
  let state = seed;

  /** 0 (included) to 1 (excluded). */
  function next(): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number, both ends included. */
  function between(min: number, max: number): number {
    return min + Math.floor(next() * (max - min + 1));
  }

  function pick<T>(list: readonly T[]): T {
    const picked = list[between(0, list.length - 1)];
    if (picked === undefined) throw new Error('cannot pick from an empty list');
    return picked;
  }

  return {
    between,
    pick,
    chance: (probability: number): boolean => next() < probability,
    /** An index, each as likely as its weight is large. */
    weighted(weights: readonly number[]): number {
      let left = next() * weights.reduce((sum, weight) => sum + weight, 0);
      const index = weights.findIndex((weight) => {
        left -= weight;
        return left < 0;
      });
      return Math.max(index, 0);
    },
    hex: (digits: number): string => Array.from({ length: digits }, () => between(0, 15).toString(16)).join(''),
  };
}
