/** Decides who may read a dump, and from where: the ledger's answer to a claim. */
import type { Run } from './dump.ts';
import type { ClaimRequest } from './ledger.ts';
import { type DumpItem, startOfRun } from './ledger-items.ts';

/**
 * - `start`: a new run from the dump's start; `item` replaces what is there
 * - `resume`: the same run goes on from its checkpoint; of `item` only the lease is new
 */
export type ClaimDecision =
  | { readonly kind: 'start' | 'resume'; readonly item: DumpItem }
  | { readonly kind: 'busy'; readonly until: number }
  | { readonly kind: 'done'; readonly run: Run; readonly state: 'read' | 'closed' };

/** `item` is what the ledger knows of the dump so far. */
export function decideClaim(item: DumpItem | undefined, request: ClaimRequest): ClaimDecision {
  if (!item) return { kind: 'start', item: startOfRun(1, request, request.again) };
  const { entry, owner, leaseUntil, again } = item;
  const { dumpId, run, state } = entry;
  if (leaseUntil > request.now && owner !== request.owner) {
    return { kind: 'busy', until: leaseUntil };
  }
  const isAskedAgain = request.again !== undefined && request.again !== again;
  if (!isAskedAgain && state !== 'reading') return { kind: 'done', run: { dumpId, run }, state };
  if (!isAskedAgain && entry.fingerprint === request.fingerprint) {
    return { kind: 'resume', item: { ...item, owner: request.owner, leaseUntil: request.leaseUntil } };
  }
  // `again` outlives a new run for another reason, so that its request delivered twice still counts once.
  return { kind: 'start', item: startOfRun(run + 1, request, request.again ?? again) };
}
