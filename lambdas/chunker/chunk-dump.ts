/** The chunker's story: a dump is claimed, read segment by segment, made into chunks of events, and its books are kept. */
import { type CloseBooksPorts, closeBooks } from '../../shared/close-books.ts';
import type { Importer, Source } from '../../shared/config.ts';
import { createHash } from 'node:crypto';
import { type Dump, dumpUrl, type Run } from '../../shared/dump.ts';
import type { Checkpoint, Ledger } from '../../shared/ledger.ts';
import { type Dumps, DumpUnreadable, type Results } from '../../shared/objects.ts';
import type { Queue } from '../../shared/queue.ts';
import { rejectsFolder } from '../../shared/receipt.ts';
import { rejectsName } from '../../shared/rejects.ts';
import { type RawRecord, readLines } from './formats/ndjson.ts';
import { makeEvents } from './make-events.ts';
import { readDump } from './read-dump.ts';
import { openSegment, type Segment } from './segment.ts';
import { sendChunks } from './send-chunks.ts';

export type ChunkDumpPorts = CloseBooksPorts & {
  readonly dumps: Dumps;
  readonly ledger: Ledger;
  readonly results: Results;
  readonly uploads: Pick<Queue, 'send'>;
  /** Milliseconds until this process must have stopped. */
  msLeft(): number;
  /** Told after every piece that was read: how many records so far, and how many bytes they were. */
  progress?(read: number, bytes: number): void;
};

export type ChunkDumpRequest = {
  readonly dump: Dump;
  readonly source: Source;
  readonly importer: Pick<Importer, 'lanes' | 'segmentRecords'>;
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
  const { dump, source, fingerprint, owner, again } = request;
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
  return readSegments(request, claim.run, claim.checkpoint, ports);
}

async function readSegments(
  request: ChunkDumpRequest,
  run: Run,
  from: Checkpoint,
  ports: ChunkDumpPorts,
): Promise<ChunkDumpOutcome> {
  const { dump, source, importer, owner } = request;
  const open = (number: number) => startSegment(number, request, run, ports);
  let current = open(from.segment);
  let checkpoint = from;
  let read = 0;
  let chunks = 0;
  let began = ports.now();

  const records = readRecords(dump, source, from, ports);
  for await (const { block, failure } of records) {
    for (const record of block) {
      current.segment.add(record, makeEvents(record, source, dump.key));
      checkpoint = { segment: current.segment.number + 1, offset: record.end, position: record.position };
      if (current.segment.read < importer.segmentRecords) continue;
      chunks += await finishSegment(current, run, dump, ports);
      read += current.segment.read;
      const stopped = await saveProgress(run, owner, checkpoint, ports, began);
      if (stopped) return { kind: stopped, run };
      current = open(checkpoint.segment);
      began = ports.now();
    }
    await current.chunks.next();
    ports.progress?.(read + current.segment.read, checkpoint.offset);
    if (failure === undefined) continue;
    return endDump(current, { run, dump, owner, read, chunks, failure }, ports);
  }
  return endDump(current, { run, dump, owner, read, chunks }, ports);
}

type OpenedSegment = { readonly segment: Segment; readonly chunks: ReturnType<typeof sendChunks> };

function startSegment(number: number, request: ChunkDumpRequest, run: Run, ports: ChunkDumpPorts): OpenedSegment {
  const { dump, source, importer } = request;
  const segment = openSegment(number, source, importer.lanes);
  const { bucket, key } = dump;
  const names = { ...run, source: source.name, bucket, key, group: laneGroup(source) };
  return { segment, chunks: sendChunks(segment, names, ports.uploads) };
}

/** Lanes belong to a project: Amplitude counts a device's rate per project, whatever dump its events come from. */
function laneGroup({ project }: Source): string {
  return createHash('sha256').update(`${project.region} ${project.secret}`).digest('hex').slice(0, 12);
}

/** Everything the segment holds is sent and written before its plan is booked: the plan is a promise already kept. */
async function finishSegment(
  { segment, chunks }: OpenedSegment,
  run: Run,
  dump: Dump,
  ports: ChunkDumpPorts,
): Promise<number> {
  const count = await chunks.finish();
  const rejects = segment.takeRejects();
  if (rejects) await ports.results.put(`${rejectsFolder({ dump, ...run })}/${rejectsName(segment.number)}`, rejects);
  await ports.ledger.planSegment(run, segment.number, segment.plan(count));
  await closeBooks(run, segment.number, ports);
  return count;
}

async function saveProgress(
  run: Run,
  owner: string,
  checkpoint: Checkpoint,
  ports: ChunkDumpPorts,
  began: number,
): Promise<'unfinished' | 'lost' | undefined> {
  const msLeft = ports.msLeft();
  const now = ports.now();
  if (!(await ports.ledger.saveCheckpoint(run, owner, checkpoint, now + msLeft))) return 'lost';
  if (msLeft > Math.max(MIN_MS_LEFT, 2 * (now - began))) return undefined;
  await ports.ledger.release(run, owner);
  return 'unfinished';
}

type End = {
  readonly run: Run;
  readonly dump: Dump;
  readonly owner: string;
  readonly read: number;
  readonly chunks: number;
  readonly failure?: string;
};

async function endDump(last: OpenedSegment, end: End, ports: ChunkDumpPorts): Promise<ChunkDumpOutcome> {
  const { run, dump, owner, failure } = end;
  const { number, read } = last.segment;
  const chunks = read > 0 ? await finishSegment(last, run, dump, ports) : 0;
  const segments = read > 0 ? number + 1 : number;
  const broken = failure === undefined ? {} : { failure };
  if (!(await ports.ledger.endDump(run, owner, { segments, ...broken }))) return { kind: 'lost', run };
  await closeBooks(run, undefined, ports);
  return { kind: 'read', run, read: end.read + read, chunks: end.chunks + chunks, ...broken };
}

type Block = { readonly block: readonly RawRecord[]; readonly failure?: string };

/** The records in blocks; a dump that cannot be read on for good ends with a block that says why. */
async function* readRecords(
  dump: Dump,
  source: Source,
  from: Checkpoint,
  ports: ChunkDumpPorts,
): AsyncGenerator<Block> {
  const { offset, position } = from;
  let last: RawRecord | undefined;
  try {
    const options = { offset, position, maxBytes: source.caps.recordBytes };
    for await (const block of readLines(readDump(dump, offset, ports.dumps), options)) {
      last = block.at(-1);
      yield { block };
    }
  } catch (error) {
    if (!(error instanceof DumpUnreadable)) throw error;
    yield { block: [], failure: error.message };
    return;
  }
  if (last && isCutOff(last)) {
    yield {
      block: [],
      failure: `${dumpUrl(dump)} ends in the middle of its last record (line ${last.position}): it was cut off; drop a whole copy of it`,
    };
  }
}

/** An object that begins and does not end, at the end of the dump. Any other bad last line is only a bad line. */
function isCutOff({ bytes, terminated }: RawRecord): boolean {
  return !terminated && bytes[0] === 0x7b && bytes.at(-1) !== 0x7d;
}
