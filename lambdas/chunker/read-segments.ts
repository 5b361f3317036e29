/** Reads a dump segment by segment, or takes those that others have made ready: their chunks are sent and their books are kept. */
import { closeBooks } from '../../shared/close-books.ts';
import { dumpId, type Run } from '../../shared/dump.ts';
import type { Checkpoint, LaneState, SegmentPlan } from '../../shared/ledger.ts';
import { rejectsFolder } from '../../shared/receipt.ts';
import { rejectsName } from '../../shared/rejects.ts';
import type { Grant, GrantRequest } from './budget.ts';
import type { ChunkDumpOutcome, ChunkDumpPorts, ChunkDumpRequest } from './chunk-dump.ts';
import { type Filled, fillSegments } from './fill-segments.ts';
import { type LaneRules, type Lanes, laneRules, openLanes, startAll, startLanes } from './lanes.ts';
import { type Parts, partAt } from './parts.ts';
import type { Block } from './read-records.ts';
import { decodeReady, placeReady, type ReadySegment, readyKey } from './ready-segment.ts';
import type { Segment } from './segment.ts';
import type { ChunkSender } from './send-chunks.ts';
import { endBudget, takeBudget } from './take-budget.ts';
import { isTimeUp } from './time-left.ts';
import type { Transform } from './transform.ts';

/** A dump being read, under a lease. */
export type Reading = ChunkDumpRequest & {
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

/** From the checkpoint to the dump's end, or to where it must stop. `granted` is what the first segment may hold (a budget). */
export async function readSegments(
  reading: Reading,
  checkpoint: Checkpoint,
  granted?: number,
): Promise<ChunkDumpOutcome> {
  const { parts, ports } = reading;
  if (checkpoint.segment === 0 && parts.starts.length > 0) await ports.askForParts?.(parts.starts.length);
  if (checkpoint.lanes) reading.sender.goOnFrom(checkpoint.lanes, lanesAfter(reading, checkpoint.lanes));
  let at: Progress | ChunkDumpOutcome = await lookAhead({ checkpoint, done: { read: 0, chunks: 0 } }, reading);
  while (!('kind' in at)) at = at.ready ? await takeReady(at, at.ready, reading) : await readOn(at, reading, granted);
  return at;
}

/** Reads on to the dump's end, or to where the next segment is ready. */
async function readOn(
  { checkpoint, done }: Progress,
  reading: Reading,
  granted: number | undefined,
): Promise<Progress | ChunkDumpOutcome> {
  const { sender, ports } = reading;
  let at: Progress = { checkpoint, done };
  const filling = fillSegments(
    reading,
    checkpoint,
    {
      dumps: ports.dumps,
      now: ports.now,
      lanesAt: (from, block) => lanesOf(reading, from, block),
      next: sender.next,
      progress: (read, bytes) => ports.progress?.(at.done.read + read, bytes),
      grant: (from) => takeBudget(grantRequest(reading.run, from, reading), reading.source, ports),
    },
    granted,
  );
  for await (const filled of filling) {
    if (filled.kind === 'end') return endDump(filled, at.done, reading);
    if (filled.kind === 'refused') return stopFor(filled.grant, reading);
    const { segment } = filled;
    const chunks = await sender.finish(segment);
    await bookSegment(segment.number, segment.takeRejects(), segment.plan(chunks), reading);
    at = {
      checkpoint: { ...filled.checkpoint, ...sentBy(segment, reading) },
      done: { read: at.done.read + segment.read, chunks: at.done.chunks + chunks },
    };
    const next = await saveProgress(at, filled.began, reading);
    if ('kind' in next || next.ready) return next;
  }
  throw new Error('a dump has an end');
}

/** What the checkpoint says of the segment before it, where the source has a budget. */
function sentBy({ sent }: Segment, { source }: Reading): Pick<Checkpoint, 'events'> {
  return source.eventsPerDay === undefined ? {} : { events: sent };
}

export function grantRequest(
  run: Run,
  { segment, events }: Checkpoint,
  { importer }: Pick<Reading, 'importer'>,
): GrantRequest {
  return { ...run, segment, made: events, wanted: importer.segmentRecords };
}

/** Between two segments, where nothing of the dump is under way. */
export async function stopFor(
  grant: Exclude<Grant, { kind: 'granted' }>,
  { run, owner, ports }: Pick<Reading, 'run' | 'owner' | 'ports'>,
): Promise<ChunkDumpOutcome> {
  await ports.ledger.release(run, owner);
  return { ...grant, run };
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
async function lookAhead(at: Progress, { dump, source, fingerprint, parts, ports }: Reading): Promise<Progress> {
  const { offset } = at.checkpoint;
  if (!ports.askForParts || partAt(parts, offset) === 0) return at;
  const object = await ports.results.get(readyKey(dumpId(dump), fingerprint, source.name, offset));
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

/** Everything the segment holds is sent, and its rejects are written, before its plan is booked: the plan is a promise already kept. */
async function bookSegment(
  number: number,
  rejects: Buffer | undefined,
  plan: SegmentPlan,
  { dump, run, ports }: Reading,
): Promise<void> {
  if (rejects) await ports.results.put(`${rejectsFolder({ dump, ...run })}/${rejectsName(number)}`, rejects);
  await ports.ledger.planSegment(run, number, plan);
  reportSegment(run, number, plan, ports);
  await closeBooks(run, number, ports);
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

/** The checkpoint moves, and with it goes how the events were shared out so far. */
async function saveProgress(
  { checkpoint, done }: Progress,
  began: number,
  reading: Reading,
): Promise<Progress | ChunkDumpOutcome> {
  const { run, owner, receives, sender, ports } = reading;
  const { lanes } = checkpoint;
  const shared = lanes && { lanes: { ...lanes, ends: sender.ends() } };
  const next = { ...checkpoint, ...shared, ...(receives !== undefined && { receives }) };
  const msLeft = ports.msLeft();
  const now = ports.now();
  if (!(await ports.ledger.saveCheckpoint(run, owner, next, now + msLeft))) return { kind: 'lost', run };
  if (!isTimeUp(msLeft, now - began)) return lookAhead({ checkpoint: next, done }, reading);
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
  // Gone on with at a checkpoint behind which there was nothing: the segment before it is counted already.
  const made = last ? last.sent : before.read === 0 ? 0 : checkpoint.events;
  await endBudget(run, made, reading.source, ports);
  await closeBooks(run, undefined, ports);
  return { kind: 'read', run, ...done, ...broken };
}
