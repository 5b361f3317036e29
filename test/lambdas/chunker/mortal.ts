/** A process that is killed, as the world around it sees it. */
import type { ChunkDumpPorts } from '../../../lambdas/chunker/chunk-dump.ts';

/** Ports that work until this call, and then never again. */
export function mortal(ports: ChunkDumpPorts, lastCall: number, when: 'before' | 'after'): Partial<ChunkDumpPorts> {
  let calls = 0;
  const wrap = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function' || name === 'url') return method;
        return async (...args: unknown[]) => {
          calls += 1;
          const call = calls;
          if (call > lastCall || (call === lastCall && when === 'before')) throw new Error('killed');
          const result: unknown = await Reflect.apply(method, target, args);
          if (call === lastCall) throw new Error('killed');
          return result;
        };
      },
    });
  const { dumps, ledger, results, uploads, announce } = ports;
  return {
    dumps: wrap(dumps),
    ledger: wrap(ledger),
    results: wrap(results),
    uploads: wrap(uploads),
    announce: (receipt) => wrap({ announce }).announce(receipt),
  };
}
