/** The chunker's story: a dump is claimed, read segment by segment, made into chunks of events, and its books are kept. */
import { createHash } from 'node:crypto';
import { type CloseBooksPorts, closeBooks } from '../../shared/close-books.ts';
import type { Importer, Source } from '../../shared/config.ts';
import type { Dump, Run } from '../../shared/dump.ts';
import type { Checkpoint, Ledger, SegmentPlan } from '../../shared/ledger.ts';
import type { Dumps, Results } from '../../shared/objects.ts';
import type { Queue } from '../../shared/queue.ts';
import { rejectsFolder } from '../../shared/receipt.ts';
import { rejectsName } from '../../shared/rejects.ts';
import type { References } from '../../shared/references.ts';
import { projectId, targetsOf } from '../../shared/target.ts';
import type { Grant, GrantRequest } from './budget.ts';
import { type Lanes, laneRules, openLanes, startLanes } from './lanes.ts';
import { type Block, readRecords } from './read-records.ts';
import { fingerprintWith, findReferences } from './references.ts';
import { openSegment, type Segment, type SegmentLimits } from './segment.ts';
import { type ChunkNames, type ChunkSender, chunkSender } from './send-chunks.ts';
import { endBudget, takeBudget } from './take-budget.ts';
import type { Transform, TransformOf } from './transform.ts';

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
  /** Told after every piece that was read: how many records so far, and how many bytes they were. */
  progress?(read: number, bytes: number): void;
};

export type ChunkDumpRequest = {
  readonly dump: Dump;
  readonly source: Source;
  readonly importer: SegmentLimits & Pick<Importer, 'lanes' | 'uploaders'>;
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

/** A reader stops at a segment's end when less than this is left, or less than twice what the segment took. */
const MIN_MS_LEFT = 60_000;

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
    return await readSegments({ ...request, run, sender, transform, ports }, checkpoint, grant?.events);
  } catch (error) {
    // Nothing of this reading goes on behind the next one's back, which need not wait for the lease to run out.
    await sender.settled();
    await ports.ledger.release(run, owner).catch(() => undefined);
    throw error;
  }
}

/** A dump being read, under a lease. */
type Reading = ChunkDumpRequest & {
  readonly run: Run;
  readonly sender: ChunkSender;
  readonly transform: Transform;
  readonly ports: ChunkDumpPorts;
};

/** `granted` are the events that the first segment may hold, where the source has a budget. */
async function readSegments(reading: Reading, from: Checkpoint, granted?: number): Promise<ChunkDumpOutcome> {
  const { dump, source, importer, run, sender, transform, ports } = reading;
  const spare: Buffer[] = [];
  let lanes: Lanes | undefined;
  let segment: Segment | undefined;
  let checkpoint = from;
  let done: Done = { read: 0, chunks: 0 };
  let began: number | undefined;

  for await (const block of readRecords(dump, source, from, ports.dumps)) {
    const { records, failure } = block;
    began ??= ports.now();
    lanes ??= lanesOf(reading, from, block);
    if (checkpoint === from) segment ??= openSegment(from.segment, source, importer, lanes, spare, granted);
    for (const [i, made] of (await transform(records, dump.key)).entries()) {
      const record = records[i];
      if (!record) throw new Error(`the transform gave more than the ${records.length} records it was given`);
      if (!segment) {
        const grant = await takeBudget(grantRequest(run, checkpoint, reading), source, ports);
        if (grant && grant.kind !== 'granted') return stopFor(grant, reading);
        segment = openSegment(checkpoint.segment, source, importer, lanes, spare, grant?.events);
        began = ports.now();
      }
      segment.add(record, made);
      checkpoint = { segment: segment.number + 1, offset: record.end, position: record.position };
      // What has no line end is the last record: what it says of the dump's end must not be lost at a checkpoint.
      if (!segment.isFull() || !record.terminated) continue;
      done = await finishSegment(segment, done, reading);
      const laneState = { count: lanes.count, hot: lanes.hot(), ends: sender.ends() };
      if (source.eventsPerDay !== undefined) checkpoint = { ...checkpoint, events: segment.sent };
      const stopped = await saveProgress(reading, { ...checkpoint, lanes: laneState }, began);
      if (stopped) return { kind: stopped, run };
      // The next one is opened when there is a record for it.
      segment = undefined;
    }
    if (segment) await sender.next(segment);
    ports.progress?.(done.read + (segment?.read ?? 0), checkpoint.offset);
    if (failure !== undefined) return endDump(checkpoint, segment, done, reading, failure);
  }
  return endDump(checkpoint, segment, done, reading);
}

function grantRequest(
  run: Run,
  { segment, events }: Checkpoint,
  { importer }: Pick<Reading, 'importer'>,
): GrantRequest {
  return { ...run, segment, made: events, wanted: importer.segmentRecords };
}

/** Between two segments, where nothing of the dump is under way. */
async function stopFor(
  grant: Exclude<Grant, { kind: 'granted' }>,
  { run, owner, ports }: Pick<Reading, 'run' | 'owner' | 'ports'>,
): Promise<ChunkDumpOutcome> {
  await ports.ledger.release(run, owner);
  return { ...grant, run };
}

/** As they were at the checkpoint; at the dump's start as many as its first records let expect. */
function lanesOf(
  { dump, source, importer, run, sender }: Reading,
  { lanes }: Checkpoint,
  { records, isPacked }: Block,
): Lanes {
  const rules = laneRules(run.dumpId, source, importer);
  const state = lanes ?? startLanes(rules, dump.size, isPacked, records);
  sender.goOnFrom(state);
  return openLanes(rules, state);
}

/** Of the segments that this reading has finished. */
type Done = { readonly read: number; readonly chunks: number };

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

/** Everything the segment holds is sent and written before its plan is booked: the plan is a promise already kept. */
async function finishSegment(segment: Segment, done: Done, { dump, run, sender, ports }: Reading): Promise<Done> {
  const { number, read } = segment;
  const chunks = await sender.finish(segment);
  const rejects = segment.takeRejects();
  if (rejects) await ports.results.put(`${rejectsFolder({ dump, ...run })}/${rejectsName(number)}`, rejects);
  const plan = segment.plan(chunks);
  await ports.ledger.planSegment(run, number, plan);
  reportSegment(run, number, plan, ports);
  await closeBooks(run, number, ports);
  return { read: done.read + read, chunks: done.chunks + chunks };
}

/** The one line about a segment. */
function reportSegment(run: Run, segment: number, plan: SegmentPlan, { log, measure }: ChunkDumpPorts): void {
  const { read, filtered, unusable, mapped, events, refused, chunks } = plan;
  measure({
    RecordsRead: read,
    RecordsFiltered: filtered,
    Rejected: unusable + refused,
    EventsMade: events,
    ChunksSent: chunks,
  });
  log('info', 'segment chunked', { ...run, segment, read, filtered, unusable, mapped, events, refused, chunks });
}

async function saveProgress(
  { run, owner, receives, ports }: Reading,
  at: Checkpoint,
  began: number,
): Promise<'unfinished' | 'lost' | undefined> {
  const msLeft = ports.msLeft();
  const now = ports.now();
  const checkpoint = { ...at, ...(receives !== undefined && { receives }) };
  if (!(await ports.ledger.saveCheckpoint(run, owner, checkpoint, now + msLeft))) return 'lost';
  if (msLeft > Math.max(MIN_MS_LEFT, 2 * (now - began))) return undefined;
  await ports.ledger.release(run, owner);
  return 'unfinished';
}

/** `last` is the segment that was being read, if anything was. */
async function endDump(
  next: Checkpoint,
  last: Segment | undefined,
  before: Done,
  reading: Reading,
  failure?: string,
): Promise<ChunkDumpOutcome> {
  const { run, owner, ports } = reading;
  const isOpen = last !== undefined && last.read > 0;
  const done = isOpen ? await finishSegment(last, before, reading) : before;
  const segments = isOpen ? last.number + 1 : (last?.number ?? next.segment);
  const broken = failure === undefined ? {} : { failure };
  if (!(await ports.ledger.endDump(run, owner, { segments, ...broken }))) return { kind: 'lost', run };
  await endBudget(run, isOpen ? last.sent : next.events, reading.source, ports);
  await closeBooks(run, undefined, ports);
  return { kind: 'read', run, ...done, ...broken };
}
