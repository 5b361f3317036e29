/** A clock whose sleepers can all be woken at once, so that a run ends as soon as there is nothing to wait for. */
import type { Clock } from '../shared/embedded/queue.ts';

/** `stop` makes every sleep, begun or to come, reject. */
export function stoppable(clock: Clock) {
  const sleepers = new Set<AbortController>();
  let stopped = false;
  return {
    clock: {
      now: clock.now,
      async sleep(ms: number, signal?: AbortSignal): Promise<void> {
        if (stopped) throw new Error('stopped');
        const sleeper = new AbortController();
        const wake = () => sleeper.abort();
        sleepers.add(sleeper);
        signal?.addEventListener('abort', wake, { once: true });
        try {
          await clock.sleep(ms, sleeper.signal);
        } finally {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', wake);
        }
      },
    },
    stop(): void {
      stopped = true;
      for (const sleeper of sleepers) sleeper.abort();
    },
    isStopped: () => stopped,
  };
}
