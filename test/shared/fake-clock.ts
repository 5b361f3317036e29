/** A clock for tests: it goes on only when something sleeps, and then at once, unless what was slept for happens first. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../shared/embedded/queue.ts';

export type FakeClock = Clock & { advance(ms: number): void };

export function fakeClock(now = 1_700_000_000_000): FakeClock {
  return {
    now: () => now,
    async sleep(ms, signal) {
      // Whatever else is under way comes first.
      await nextTurn();
      if (!signal?.aborted) now += ms;
    },
    advance(ms) {
      now += ms;
    },
  };
}
