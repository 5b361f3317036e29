/** Counts what becomes of rejects that are run again, by why they were rejected. */
import type { Retried } from '../lambdas/chunker/retry-rejects.ts';

/**
 * - `sent`: it makes an event that can be sent
 * - `filtered`: the configuration leaves it out
 * - `rejected`: once more, by our own check
 * - `unwanted`, `kept`: not run again, because nobody asked for it or because what it was made of is gone
 */
export type Fate =
  | { readonly kind: 'sent' | 'filtered' | 'unwanted' | 'kept' }
  | { readonly kind: 'rejected'; readonly reason: string };

/** What becomes of the rejects of one reason that were run again. */
export type Fates = {
  sent: number;
  filtered: number;
  /** Reason of now → how many. */
  readonly rejected: Record<string, number>;
};

/** Nothing of the event itself. */
export type RejectSample = { readonly position: number; readonly was: string; readonly now: string };

export type TalliedRejects = Readonly<Record<Fate['kind'] | 'rejects' | 'events' | 'changed', number>> & {
  readonly reasons: Readonly<Record<string, Fates>>;
  /** The first few of those that would not stay as they are. */
  readonly sample: readonly RejectSample[];
};

const SAMPLE = 5;

export function startRejectsTally() {
  const counts = { rejects: 0, sent: 0, filtered: 0, rejected: 0, unwanted: 0, kept: 0, events: 0, changed: 0 };
  const reasons = new Map<string, Fates>();
  const sample: RejectSample[] = [];
  return {
    add(retried: Retried): void {
      const { reject, remade } = retried;
      const fate = fateOf(retried);
      counts.rejects += 1;
      counts[fate.kind] += 1;
      if (fate.kind === 'unwanted' || fate.kind === 'kept') return;
      const fates = reasons.get(reject.reason) ?? { sent: 0, filtered: 0, rejected: {} };
      reasons.set(reject.reason, fates);
      if (fate.kind === 'rejected') fates.rejected[fate.reason] = (fates.rejected[fate.reason] ?? 0) + 1;
      else fates[fate.kind] += 1;
      if (remade.kind === 'made' && remade.made.kind === 'events') counts.events += remade.made.events.length;
      const now = fate.kind === 'rejected' ? fate.reason : fate.kind;
      if (now === reject.reason) return;
      counts.changed += 1;
      if (sample.length < SAMPLE) sample.push({ position: reject.position, was: reject.reason, now });
    },
    result: (): TalliedRejects => ({ ...counts, reasons: Object.fromEntries(reasons), sample }),
  };
}

/** A record that makes an event is sent, also when it makes another that is refused. */
function fateOf({ kind, remade }: Retried): Fate {
  if (kind !== 'tried') return { kind };
  if (remade.kind === 'gone' || remade.made.kind === 'filtered') return { kind: 'filtered' };
  const { made } = remade;
  if (made.kind === 'unusable') return { kind: 'rejected', reason: made.reason };
  const [refused] = made.refused;
  return made.events.length === 0 && refused ? { kind: 'rejected', reason: refused.reason } : { kind: 'sent' };
}
