/** The chunker's story: a dump is claimed for one reader, read segment by segment, and left in order whatever happens. */
import { createHash } from 'node:crypto';
import { type CloseBooksPorts, closeBooks } from '../../shared/close-books.ts';
import type { Importer, Source } from '../../shared/config.ts';
import type { Dump, Run } from '../../shared/dump.ts';
import type { Ledger } from '../../shared/ledger.ts';
import type { Dumps, Results } from '../../shared/objects.ts';
import type { Queue } from '../../shared/queue.ts';
import type { References } from '../../shared/references.ts';
import { projectId, targetsOf } from '../../shared/target.ts';
import { findParts } from './parts.ts';
import { grantRequest, readSegments, stopFor } from './read-segments.ts';
import { fingerprintWith, findReferences } from './references.ts';
import type { SegmentLimits } from './segment.ts';
import { type ChunkNames, chunkSender } from './send-chunks.ts';
import { endBudget, takeBudget } from './take-budget.ts';
import type { TransformOf } from './transform.ts';

export type ChunkDumpPorts = CloseBooksPorts & {
  readonly dumps: Dumps;
  readonly ledger: Ledger;
  readonly results: Results;
  readonly uploads: Pick<Queue, 'send'>;
  /** What becomes of the source's records, with its reference files in these versions; opened once per process. */
  readonly transformOf: TransformOf;
  readonly references: Pick<References, 'find'>;
  /** Milliseconds until this process must have stopped. */
  msLeft(): number;
  /** Asks others to make so many parts of a huge dump ready that come after the first; without them it is read alone. */
  askForParts?(parts: number): Promise<void>;
  /** Told after every piece that was read: how many records so far, and how many bytes they were. */
  progress?(read: number, bytes: number): void;
};

export type ChunkDumpRequest = {
  readonly dump: Dump;
  readonly source: Source;
  readonly importer: SegmentLimits & Pick<Importer, 'lanes' | 'uploaders' | 'partBytes'>;
  /** Of code and config: a dump half read under another one is started anew. */
  readonly fingerprint: string;
  readonly owner: string;
  readonly again?: string;
  /** How often its intake message has been received, this time included. */
  readonly receives?: number;
};

/**
 * - `read`: every chunk is on the queue; `failure` says why the dump broke off, if it did
 * - `known`: it had been read before
 * - `busy`: another reader is at it until then
 * - `unfinished`: stopped at a checkpoint because time is running out; call again
 * - `lost`: the lease went to another reader meanwhile
 * - `braked`: the source's events of the day are sent; the dump goes on from its checkpoint on the next one
 * - `shortly`: others may still send what is left of the day's events; call again
 */
export type ChunkDumpOutcome =
  | {
      readonly kind: 'read';
      readonly run: Run;
      readonly read: number;
      readonly chunks: number;
      readonly failure?: string;
    }
  | { readonly kind: 'known'; readonly run: Run }
  | { readonly kind: 'busy'; readonly until: number }
  | { readonly kind: 'braked'; readonly run: Run; readonly until: number }
  | { readonly kind: 'shortly'; readonly run: Run }
  | { readonly kind: 'unfinished' | 'lost'; readonly run: Run };

export async function chunkDump(request: ChunkDumpRequest, ports: ChunkDumpPorts): Promise<ChunkDumpOutcome> {
  const { dump, source, owner, again, receives } = request;
  const found = await findReferences(source, ports.references);
  const fingerprint = fingerprintWith(request.fingerprint, found);
  const now = ports.now();
  const claim = await ports.ledger.claim({
    dump,
    source: source.name,
    fingerprint,
    owner,
    now,
    leaseUntil: now + ports.msLeft(),
    ...(again !== undefined && { again }),
    ...(receives !== undefined && { receives }),
  });
  if (claim.kind === 'busy') return claim;
  if (claim.kind === 'done') {
    // A crash may have come between the last settlement and the receipt.
    if (claim.state === 'read') await closeBooks(claim.run, undefined, ports);
    await endBudget(claim.run, undefined, source, ports);
    return { kind: 'known', run: claim.run };
  }
  const { run, checkpoint } = claim;
  const sender = chunkSender({ ...run, ...namesOf(request) }, ports.uploads);
  try {
    // Before anything is read: to come to the checkpoint of a compressed dump takes reading all that is before it.
    const grant = await takeBudget(grantRequest(run, checkpoint, request), source, ports);
    if (grant && grant.kind !== 'granted') return await stopFor(grant, { run, owner, ports });
    const transform = await ports.transformOf(source, found);
    const parts = await findParts(dump, source, request.importer, ports.dumps);
    const reading = { ...request, fingerprint, run, parts, sender, transform, ports };
    return await readSegments(reading, checkpoint, grant?.events);
  } catch (error) {
    // Nothing of this reading goes on behind the next one's back, which need not wait for the lease to run out.
    await sender.settled();
    await ports.ledger.release(run, owner).catch(() => undefined);
    throw error;
  }
}

function namesOf({ source, dump: { bucket, key } }: ChunkDumpRequest) {
  return { source: source.name, bucket, key, projects: laneGroups(source) };
}

/** Lanes belong to a project: Amplitude counts a device's rate per project, whatever dump its events come from. */
export function laneGroups(source: Source): ChunkNames['projects'] {
  return targetsOf(source).map(({ name, project }) => {
    const group = createHash('sha256').update(projectId(project)).digest('hex').slice(0, 12);
    return { group, ...(name !== undefined && { name }) };
  });
}
