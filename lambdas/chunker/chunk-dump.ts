/** The chunker's story: a dump is claimed, read segment by segment, made into chunks of events, and its books are kept. */
import { createHash } from 'node:crypto';
import { type CloseBooksPorts, closeBooks } from '../../shared/close-books.ts';
import type { Importer, Source } from '../../shared/config.ts';
import { type Dump, dumpId, type Run } from '../../shared/dump.ts';
import type { Checkpoint, LaneState, Ledger, SegmentPlan } from '../../shared/ledger.ts';
import type { Dumps, Results } from '../../shared/objects.ts';
import type { Queue } from '../../shared/queue.ts';
import { rejectsFolder } from '../../shared/receipt.ts';
import { rejectsName } from '../../shared/rejects.ts';
import type { References } from '../../shared/references.ts';
import { projectId, targetsOf } from '../../shared/target.ts';
import { type Filled, fillSegments } from './fill-segments.ts';
import { type LaneRules, type Lanes, laneRules, openLanes, startAll, startLanes } from './lanes.ts';
import { findParts, partAt, type Parts } from './parts.ts';
import type { Block } from './read-records.ts';
import { decodeReady, placeReady, type ReadySegment, readyKey } from './ready-segment.ts';
import { fingerprintWith, findReferences } from './references.ts';
import type { SegmentLimits } from './segment.ts';
import { type ChunkNames, type ChunkSender, chunkSender } from './send-chunks.ts';
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
  /** Others who make the later parts of a huge dump ready meanwhile; without them it is read alone. */
  readonly ahead?: {
    /** Asks for `parts` parts after the first to be made ready. */
    ask(parts: number): Promise<void>;
    readonly results: Pick<Results, 'get'>;
  };
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
};

/**
 * - `read`: every chunk is on the queue; `failure` says why the dump broke off, if it did
 * - `known`: it had been read before
 * - `busy`: another reader is at it until then
 * - `unfinished`: stopped at a checkpoint because time is running out; call again
 * - `lost`: the lease went to another reader meanwhile
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
  | { readonly kind: 'unfinished' | 'lost'; readonly run: Run };

/** A reader stops at a segment's end when less than this is left, or less than twice what the segment took. */
const MIN_MS_LEFT = 60_000;

export async function chunkDump(request: ChunkDumpRequest, ports: ChunkDumpPorts): Promise<ChunkDumpOutcome> {
  const { dump, source, owner, again } = request;
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
  });
  if (claim.kind === 'busy') return claim;
  if (claim.kind === 'done') {
    // A crash may have come between the last settlement and the receipt.
    if (claim.state === 'read') await closeBooks(claim.run, undefined, ports);
    return { kind: 'known', run: claim.run };
  }
  const { run, checkpoint } = claim;
  const sender = chunkSender({ ...run, ...namesOf(request) }, ports.uploads);
  try {
    const transform = await ports.transformOf(source, found);
    const parts = await findParts(dump, source, request.importer, ports.dumps);
    return await readSegments({ ...request, fingerprint, run, parts, sender, transform, ports }, checkpoint);
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
  readonly parts: Parts;
  readonly sender: ChunkSender;
  readonly transform: Transform;
  readonly ports: ChunkDumpPorts;
};

/** How far a reading is. */
type Progress = {
  readonly checkpoint: Checkpoint;
  readonly done: Done;
  /** The next segment, if somebody has made it ready. */
  readonly ready?: ReadySegment | undefined;
};

/** Of the segments that this reading has finished. */
type Done = { readonly read: number; readonly chunks: number };

async function readSegments(reading: Reading, checkpoint: Checkpoint): Promise<ChunkDumpOutcome> {
  const { parts, ports } = reading;
  if (checkpoint.segment === 0 && parts.starts.length > 0) await ports.ahead?.ask(parts.starts.length);
  if (checkpoint.lanes) reading.sender.goOnFrom(checkpoint.lanes, lanesAfter(reading, checkpoint.lanes));
  let at: Progress | ChunkDumpOutcome = await lookAhead({ checkpoint, done: { read: 0, chunks: 0 } }, reading);
  while (!('kind' in at)) at = at.ready ? await takeReady(at, at.ready, reading) : await readOn(at, reading);
  return at;
}

/** Reads on to the dump's end, or to where the next segment is ready. */
async function readOn({ checkpoint, done }: Progress, reading: Reading): Promise<Progress | ChunkDumpOutcome> {
  const { sender, ports } = reading;
  let at: Progress = { checkpoint, done };
  const filling = fillSegments(reading, checkpoint, {
    dumps: ports.dumps,
    now: ports.now,
    lanesAt: (from, block) => lanesOf(reading, from, block),
    next: sender.next,
    progress: (read, bytes) => ports.progress?.(at.done.read + read, bytes),
  });
  for await (const filled of filling) {
    if (filled.kind === 'end') return endDump(filled, at.done, reading);
    const { segment } = filled;
    const chunks = await sender.finish(segment);
    await bookSegment(segment.number, segment.takeRejects(), segment.plan(chunks), reading);
    at = { checkpoint: filled.checkpoint, done: { read: at.done.read + segment.read, chunks: at.done.chunks + chunks } };
    const next = await saveProgress(at, filled.began, reading);
    if ('kind' in next || next.ready) return next;
  }
  throw new Error('a dump has an end');
}

/** Does with a segment that was made before what is done with one that was just read. */
async function takeReady(
  { checkpoint, done }: Progress,
  made: ReadySegment,
  reading: Reading,
): Promise<Progress | ChunkDumpOutcome> {
  const { sender, ports } = reading;
  const began = ports.now();
  const { segment: number, lanes } = checkpoint;
  if (!lanes) throw new Error(`segment ${number} cannot be ready: it is the first`);
  const { chunks, rejects, plan, to, hot } = placeReady(made, checkpoint.position);
  await sender.finishReady(chunks, number);
  await bookSegment(number, rejects, plan, reading);
  const counts = { read: done.read + plan.read, chunks: done.chunks + plan.chunks };
  ports.progress?.(counts.read, to.offset);
  const next = { ...to, segment: number + 1, lanes: { ...lanes, hot } };
  return saveProgress({ checkpoint: next, done: counts }, began, reading);
}

/** Looks for what others have made ready; in the first part there is nothing. */
async function lookAhead(at: Progress, { dump, fingerprint, parts, ports }: Reading): Promise<Progress> {
  const { offset } = at.checkpoint;
  if (!ports.ahead || partAt(parts, offset) === 0) return at;
  const object = await ports.ahead.results.get(readyKey(dumpId(dump), fingerprint, offset));
  return { ...at, ready: object && decodeReady(object) };
}

/** As they were at the checkpoint; at the dump's start as many as its first records let expect. */
function lanesOf(reading: Reading, { lanes }: Checkpoint, { records, isPacked }: Block): Lanes {
  const { dump, parts, sender } = reading;
  const rules = rulesOf(reading);
  if (lanes) return lanesAfter(reading, lanes);
  const state = parts.starts.length > 0 ? startAll(rules) : startLanes(rules, dump.size, isPacked, records);
  const opened = lanesAfter(reading, state);
  sender.goOnFrom(state, parts.starts.length > 0 ? opened : undefined);
  return opened;
}

function lanesAfter(reading: Reading, state: LaneState): Lanes {
  return openLanes(rulesOf(reading), state, reading.parts.starts.length > 0);
}

function rulesOf({ run, source, importer }: Reading): LaneRules {
  return laneRules(run.dumpId, source, importer);
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

/** Everything the segment holds is sent, and its rejects are written, before its plan is booked: the plan is a promise already kept. */
async function bookSegment(
  number: number,
  rejects: Buffer | undefined,
  plan: SegmentPlan,
  { dump, run, ports }: Reading,
): Promise<void> {
  if (rejects) await ports.results.put(`${rejectsFolder({ dump, ...run })}/${rejectsName(number)}`, rejects);
  await ports.ledger.planSegment(run, number, plan);
  await closeBooks(run, number, ports);
}

/** The checkpoint moves, and with it goes how the events were shared out so far. */
async function saveProgress(
  { checkpoint, done }: Progress,
  began: number,
  reading: Reading,
): Promise<Progress | ChunkDumpOutcome> {
  const { run, owner, sender, ports } = reading;
  const { lanes } = checkpoint;
  const next = { ...checkpoint, ...(lanes && { lanes: { ...lanes, ends: sender.ends() } }) };
  const msLeft = ports.msLeft();
  const now = ports.now();
  if (!(await ports.ledger.saveCheckpoint(run, owner, next, now + msLeft))) return { kind: 'lost', run };
  if (msLeft > Math.max(MIN_MS_LEFT, 2 * (now - began))) return lookAhead({ checkpoint: next, done }, reading);
  await ports.ledger.release(run, owner);
  return { kind: 'unfinished', run };
}

async function endDump(
  { segment: last, checkpoint, failure }: Filled & { readonly kind: 'end' },
  before: Done,
  reading: Reading,
): Promise<ChunkDumpOutcome> {
  const { run, owner, sender, ports } = reading;
  let done = before;
  if (last && last.read > 0) {
    const chunks = await sender.finish(last);
    await bookSegment(last.number, last.takeRejects(), last.plan(chunks), reading);
    done = { read: before.read + last.read, chunks: before.chunks + chunks };
  }
  const segments = last ? last.number + (last.read > 0 ? 1 : 0) : checkpoint.segment;
  const broken = failure === undefined ? {} : { failure };
  if (!(await ports.ledger.endDump(run, owner, { segments, ...broken }))) return { kind: 'lost', run };
  await closeBooks(run, undefined, ports);
  return { kind: 'read', run, ...done, ...broken };
}
