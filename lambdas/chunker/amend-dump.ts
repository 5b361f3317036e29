/**
 * Amends a closed dump: its rejects are run again, and what can be an event now is sent. What still fails is written to a
 * folder of the attempt's own, and nothing of it counts before all of it is done: the books, and where the rejects lie,
 * change in one step. Stopped before that step, the next attempt begins anew.
 */
import { type Amendment, segmentOfAttempt } from '../../shared/amendment.ts';
import { addCounts } from '../../shared/books.ts';
import { type CloseBooksPorts, closeBooks } from '../../shared/close-books.ts';
import type { Importer } from '../../shared/config.ts';
import type { DumpEntry, Ledger, SegmentPlan } from '../../shared/ledger.ts';
import type { Results } from '../../shared/objects.ts';
import type { Queue } from '../../shared/queue.ts';
import { rejectsFolder } from '../../shared/receipt.ts';
import { rejectsName } from '../../shared/rejects.ts';
import { laneGroups } from './chunk-dump.ts';
import { type Lanes, laneRules, openLanes, startLanes } from './lanes.ts';
import { type Retried, type RetryPorts, type RetryRequest, retryRejects } from './retry-rejects.ts';
import { openSegment, type Segment, type SegmentLimits } from './segment.ts';
import { type ChunkSender, chunkSender } from './send-chunks.ts';

export type AmendRequest = RetryRequest & {
  readonly importer: SegmentLimits & Pick<Importer, 'lanes' | 'uploaders'>;
  /** Stops between two rejects. */
  readonly signal?: AbortSignal;
};

export type AmendPorts = CloseBooksPorts &
  RetryPorts & {
    readonly ledger: Ledger;
    readonly results: Results;
    readonly uploads: Pick<Queue, 'send'>;
  };

/**
 * - `amended`: everything is on the queue and booked
 * - `lost`: somebody else amends the dump, or reads it again; nothing of this attempt counts
 * - `stopped`: by the signal; nothing of this attempt counts
 */
export type AmendOutcome = 'amended' | 'lost' | 'stopped';

export async function amendDump(request: AmendRequest, ports: AmendPorts): Promise<AmendOutcome> {
  // As it is now: whoever asked for this may have looked at it before somebody else amended it.
  const entry = await ports.ledger.beginAmendment(request.entry, ports.now());
  const attempt = entry?.amending?.attempt;
  if (!entry || attempt === undefined) return 'lost';
  const segments = await sendSegments(attempt, { ...request, entry }, ports);
  if (segments === undefined) return 'stopped';
  const amendment: Amendment = { attempt, segments, at: ports.now() };
  if (!(await ports.ledger.amend(entry, amendment))) return 'lost';
  await closeBooks(entry, undefined, ports);
  return 'amended';
}

/** How many segments there are; undefined when the signal came first. */
async function sendSegments(attempt: number, request: AmendRequest, ports: AmendPorts): Promise<number | undefined> {
  const { entry, signal } = request;
  const sender = chunkSender(namesOf(request), ports.uploads);
  const spare: Buffer[] = [];
  const lanes = lanesOf(request);
  const open = (index: number) => openAmended(segmentOfAttempt(attempt, index), request, lanes, spare);
  const finish = (amended: Amended) => finishSegment(amended, attempt, entry, sender, ports);
  let amended = open(0);
  let segments = 1;
  try {
    for await (const retried of retryRejects(request, ports)) {
      if (signal?.aborted) return undefined;
      if (amended.segment.isFull()) {
        await finish(amended);
        amended = open(segments);
        segments += 1;
      }
      amended.add(retried);
      await sender.next(amended.segment);
    }
    await finish(amended);
    return segments;
  } finally {
    await sender.settled();
  }
}

/** There are few of them, as a rule. */
function lanesOf({ entry, source, importer }: AmendRequest): Lanes {
  const rules = laneRules(entry.dumpId, source, importer);
  return openLanes(rules, startLanes(rules, 0, false, []));
}

function namesOf({ entry, source }: AmendRequest) {
  const { dumpId, run, dump } = entry;
  return { dumpId, run, source: source.name, bucket: dump.bucket, key: dump.key, projects: laneGroups(source) };
}

/** As the chunker does: everything the segment holds is sent and written before its plan is booked. */
async function finishSegment(
  { segment, plan }: Amended,
  attempt: number,
  entry: DumpEntry,
  sender: ChunkSender,
  { results, ledger }: AmendPorts,
): Promise<void> {
  const chunks = await sender.finish(segment);
  const rejects = segment.takeRejects();
  if (rejects) await results.put(`${rejectsFolder(entry, attempt)}/${rejectsName(segment.number)}`, rejects);
  await ledger.planSegment(entry, segment.number, plan(chunks));
  await ledger.completeSegment(entry, segment.number);
}

type Amended = {
  readonly segment: Segment;
  add(retried: Retried): void;
  /** What the segment moves in the books. */
  plan(chunks: number): SegmentPlan;
};

/** A segment whose records and events are counted already: what they were is taken out of the books as what they are goes in. */
function openAmended(number: number, { source, importer }: AmendRequest, lanes: Lanes, spare: Buffer[]): Amended {
  const segment = openSegment(number, source, importer, lanes, spare);
  const before = { read: 0, unusable: 0, mapped: 0, events: 0, refused: 0 };
  const reasons: Record<string, number> = {};
  return {
    segment,
    add({ reject, remade }) {
      addCounts(reasons, { [reject.reason]: -1 });
      if (reject.kind === 'unusable') addCounts(before, { read: 1, unusable: 1 });
      else addCounts(before, { events: 1, refused: 1 });
      if (remade.kind !== 'made') return;
      // The record of a refused event was mapped and stays so, while the segment counts its stand-in.
      if (reject.kind === 'refused') addCounts(before, { read: 1, mapped: 1 });
      segment.add(remade.record, remade.made);
    },
    plan(chunks) {
      const { read, unusable, mapped, events, refused, ...rest } = segment.plan(chunks);
      const moved = { ...reasons };
      addCounts(moved, rest.reasons);
      return {
        ...rest,
        read: read - before.read,
        unusable: unusable - before.unusable,
        mapped: mapped - before.mapped,
        events: events - before.events,
        refused: refused - before.refused,
        reasons: Object.fromEntries(Object.entries(moved).filter(([, count]) => count !== 0)),
      };
    },
  };
}
