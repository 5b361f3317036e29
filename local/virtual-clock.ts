/** A clock that jumps: when everybody sleeps, it is the time at which the first one wakes. For the chaos suite and the pacing bench. */
import type { Clock } from '../shared/embedded/queue.ts';

export type VirtualClock = Clock & {
  /** How many must sleep before time passes: the workers of the engine that runs. */
  setSleepers(count: number): void;
};

type Sleeper = { readonly at: number; readonly order: number; readonly wake: () => void };

/** Starts at `start`, ms since epoch. Whoever works, or waits for something real (compression, a file), holds the time. */
export function virtualClock(start: number): VirtualClock {
  const sleepers = new Set<Sleeper>();
  let now = start;
  let needed = Number.POSITIVE_INFINITY;
  let order = 0;

  /** Not at once: who was just woken must get the chance to go on before time passes again. */
  function passIfAllSleep(): void {
    setImmediate(() => {
      if (sleepers.size < needed) return;
      const [first] = [...sleepers].toSorted((a, b) => a.at - b.at || a.order - b.order);
      if (!first) return;
      now = Math.max(now, first.at);
      first.wake();
    });
  }

  return {
    now: () => now,
    setSleepers(count) {
      needed = count;
      passIfAllSleep();
    },
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        const wake = (settle: () => void) => {
          signal?.removeEventListener('abort', aborted);
          sleepers.delete(sleeper);
          settle();
        };
        const aborted = () => wake(() => reject(new Error('aborted')));
        const sleeper: Sleeper = { at: now + Math.max(0, ms), order: (order += 1), wake: () => wake(resolve) };
        if (signal?.aborted) {
          reject(new Error('aborted'));
          return;
        }
        signal?.addEventListener('abort', aborted, { once: true });
        sleepers.add(sleeper);
        passIfAllSleep();
      });
    },
  };
}
