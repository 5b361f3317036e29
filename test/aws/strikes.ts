/** Decides what meets with trouble: every kind soon enough to be seen, and not for ever, so that the dust settles. */
import { count, type Fired } from '../chaos/life.ts';

export type Odds = {
  /** It strikes within the first so many occasions, and then about as often. */
  readonly among: number;
  /** And never again after so many times. */
  readonly times: number;
};

/** Whether the trouble of this name strikes on this occasion. */
export type Strikes = (name: string) => boolean;

/** What has odds is in `fired` from the beginning, with 0. `random` is 0 to 1. */
export function createStrikes(odds: Readonly<Record<string, Odds>>, random: () => number, fired: Fired): Strikes {
  const waits = new Map<string, number>();
  for (const [name, { among }] of Object.entries(odds)) {
    fired[name] = 0;
    waits.set(name, Math.floor(random() * among));
  }
  return (name) => {
    const { among, times } = odds[name] ?? { among: 1, times: 0 };
    const wait = waits.get(name) ?? 0;
    waits.set(name, wait - 1);
    if (wait > 0 || (fired[name] ?? 0) >= times) return false;
    count(fired, name);
    waits.set(name, Math.floor(random() * 2 * among));
    return true;
  };
}
