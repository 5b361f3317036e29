/** Ports of which some calls fail: the n-th ones, counted over all ports. */
import type { TakeChunkPorts } from '../../../lambdas/uploader/take-chunk.ts';

/**
 * Whether the call had its effect when it failed (a lost answer), and whether the process went with it: then every later
 * call fails too, and nobody acknowledges anything.
 */
export type Failure = { readonly isDone: boolean; readonly isCrash: boolean };

/** Which calls fail, the first being 1, and how. */
export type Failures = ReadonlyMap<number, Failure>;

export function failingPorts(failures: Failures) {
  let calls = 0;
  let isGone = false;

  function guard<Args extends unknown[], Result>(port: (...args: Args) => Promise<Result>) {
    return async (...args: Args): Promise<Result> => {
      if (isGone) throw new Error('the process is gone');
      calls += 1;
      const failure = failures.get(calls);
      if (!failure) return port(...args);
      if (failure.isDone) await port(...args);
      isGone = failure.isCrash;
      throw new Error('this call failed');
    };
  }

  function guardAll<Port extends object>(port: Port): Port {
    const guarded = Object.entries(port).map(([name, method]) => [name, guard(method as () => Promise<unknown>)]);
    return Object.fromEntries(guarded) as Port;
  }

  return {
    /** The process that takes the next message; after a crash that is another one. */
    process(ports: TakeChunkPorts) {
      isGone = false;
      const { amplitude, ledger, parked, deadLetters, apiKey, announce, results } = ports;
      const put = guard(results.put);
      const guarded = {
        ...ports,
        ...guardAll({ apiKey, announce }),
        amplitude: { upload: guard(amplitude.upload) },
        ledger: guardAll(ledger),
        parked: { send: guard(parked.send) },
        deadLetters: { send: guard(deadLetters.send) },
        results: { ...results, put },
      };
      return { ports: guarded, isAlive: () => !isGone };
    },
    calls: () => calls,
  };
}
