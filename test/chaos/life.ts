/** One life of a process: its ports fail now and then, and it may end at any call, leaving every promise unresolved. */
import type { Between } from '../../local/engine.ts';

export type LifePlan = {
  /** Ends at this call of a port (counted from 1), before or after the call has its effect; undefined: it is not killed. */
  readonly killAt?: number;
  readonly killAfterEffect: boolean;
  /** 0 to 1: how often a call of the ledger, a queue or the results fails; half of the failures come after the effect. */
  readonly failures: number;
};

/** How often each thing happened. */
export type Fired = Record<string, number>;

const NEVER = new Promise<never>(() => undefined);
/** Asked in passing, answered at once: no call over a network. */
const LOCAL = new Set(['nextVisibleAt', 'count', 'holds', 'url', 'size']);

export function startLife(plan: LifePlan, random: () => number, fired: Fired) {
  let calls = 0;
  let isOver = false;
  let end: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });

  function die(name: string): Promise<never> {
    isOver = true;
    count(fired, `killed at ${name}`);
    end();
    return NEVER;
  }

  /** A receive finds nothing more often than anything: only what has an effect can fail. */
  function fails(method: string): boolean {
    return method !== 'receive' && random() < plan.failures;
  }

  const between: Between = (name, port) => {
    const call = async (method: string, args: unknown[], original: (...args: unknown[]) => unknown) => {
      if (isOver) return NEVER;
      calls += 1;
      const isLast = calls === plan.killAt;
      if (isLast && !plan.killAfterEffect) return die(name);
      const isFailing = name !== 'amplitude' && fails(method);
      if (isFailing && random() < 0.5) throw injected(name, method, 'before', fired);
      const result = await original(...args);
      if (isOver) return NEVER;
      if (isLast) return die(name);
      if (isFailing) throw injected(name, method, 'after', fired);
      return result;
    };
    return new Proxy(port, {
      get(target, method) {
        const original: unknown = Reflect.get(target, method);
        if (typeof original !== 'function' || typeof method !== 'string' || LOCAL.has(method)) return original;
        return (...args: unknown[]) => call(method, args, original.bind(target) as (...args: unknown[]) => unknown);
      },
    });
  };
  return { between, over };
}

function injected(name: string, method: string, when: string, fired: Fired): Error {
  count(fired, `${name} failed ${when} its effect`);
  return new Error(`injected: ${name}.${method} failed ${when} its effect`);
}

export function count(fired: Fired, what: string): void {
  fired[what] = (fired[what] ?? 0) + 1;
}
