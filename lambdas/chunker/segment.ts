/** One segment while it is being read: its open chunks, its rejects, and its counts. */
import { gzipSync } from 'node:zlib';
import type { Importer, Source } from '../../shared/config.ts';
import type { SegmentPlan } from '../../shared/ledger.ts';
import { formatReject, type Reject } from '../../shared/rejects.ts';
import { chunkLimits } from '../../shared/chunk-limits.ts';
import type { TooLarge } from './compress-chunk.ts';
import { collectLanes } from './lane-chunks.ts';
import type { Lanes } from './lanes.ts';
import { type MadeEvents, type PreparedEvent, tooLargeFault } from './make-events.ts';
import { mergeIdentifies } from './merge-identifies.ts';
import type { RawRecord } from './raw-record.ts';

/** Rejects are compressed in pieces of this size as they come. */
const REJECTS_PIECE_BYTES = 1024 * 1024;
/** A segment with so many bytes of rejects is full: they are one object, and a dump of nothing but bad records must fit in memory. */
const MAX_REJECT_BYTES = 64 * 1024 * 1024;

/**
 * A segment with so many chunks is full: its ledger item names each chunk that is settled, is written anew each time,
 * and must stay far below DynamoDB's 400 KB.
 */
const MAX_CHUNKS = 1_000;

export type Segment = ReturnType<typeof openSegment>;

export type SegmentLimits = Pick<Importer, 'segmentRecords'>;

/**
 * `lanes` are the dump's; `spare` are buffers that earlier segments of it are done with. `maxEvents` is what it may hold
 * where its source has a budget; the record that reaches it goes whole.
 */
export function openSegment(
  number: number,
  source: Source,
  limits: SegmentLimits,
  lanes: Lanes,
  spare: Buffer[] = [],
  maxEvents = Number.POSITIVE_INFINITY,
) {
  const caps = chunkLimits(source);
  const collected = collectLanes(lanes, caps, spare);
  const merging = mergeIdentifies(addEvent, caps.chunkBytes);
  const rejects = collectRejects();
  const counts = { read: 0, filtered: 0, unusable: 0, mapped: 0, events: 0, refused: 0 };
  let rejectBytes = 0;
  /** Events taken, before updates of the same properties are merged. */
  let taken = 0;
  let firstTime = Number.POSITIVE_INFINITY;
  let lastTime = Number.NEGATIVE_INFINITY;

  function addReject(reject: Reject): void {
    rejects.add(reject);
    rejectBytes += reject.bytes.length;
  }

  function addEvent(event: PreparedEvent, position: number): void {
    counts.events += 1;
    collected.add(event, position);
    if (event.time === undefined) return;
    firstTime = Math.min(firstTime, event.time);
    lastTime = Math.max(lastTime, event.time);
  }

  return {
    number,
    /** How many records it holds. */
    get read(): number {
      return counts.read;
    },
    /** Events in its chunks; of a segment that is finished, all. */
    get sent(): number {
      return counts.events - counts.refused;
    },
    /** Whether the next record belongs to the next segment; follows from the records alone, so that it is the same every time. */
    isFull: () =>
      counts.read >= limits.segmentRecords ||
      taken >= maxEvents ||
      rejectBytes >= MAX_REJECT_BYTES ||
      collected.begun() >= MAX_CHUNKS,
    takeClosed: collected.takeClosed,
    closeAll(): void {
      merging.releaseAll();
      collected.closeAll();
    },
    recycle: collected.recycle,
    takeRejects: rejects.take,
    add(record: RawRecord, made: MadeEvents): void {
      counts.read += 1;
      const { position, bytes, length } = record;
      switch (made.kind) {
        case 'filtered':
          counts.filtered += 1;
          return;
        case 'unusable': {
          counts.unusable += 1;
          const { kind, reason } = made;
          addReject({ kind, position, reason, detail: placed(made.detail, record), bytes, length });
          return;
        }
        case 'events':
          counts.mapped += 1;
          counts.events += made.refused.length;
          counts.refused += made.refused.length;
          for (const { reason, detail, text } of made.refused) {
            addReject({ kind: 'refused', position, reason, detail: placed(detail, record), bytes: Buffer.from(text) });
          }
          taken += made.events.length;
          for (const event of made.events) merging.add(event, position);
      }
    },
    /** An event that turned out too large for a queue message, after it was counted; when that is, depends on the queue. */
    refuse({ text, position, bytes, maxBytes }: TooLarge): void {
      counts.refused += 1;
      rejects.add({ kind: 'refused', position, ...tooLargeFault(bytes, maxBytes), bytes: text });
    },
    plan(chunks: number): SegmentPlan {
      return { ...counts, chunks, reasons: rejects.reasons, ...(firstTime <= lastTime && { firstTime, lastTime }) };
    },
  };
}

function placed(detail: string, { position, within }: RawRecord): string {
  return within ? `${detail} (line ${position - within.before} of ${within.name})` : detail;
}

function collectRejects() {
  const reasons: Record<string, number> = {};
  const members: Buffer[] = [];
  let lines: string[] = [];
  let size = 0;
  const compress = () => {
    if (lines.length > 0) members.push(gzipSync(lines.join(''), { level: 1 }));
    lines = [];
    size = 0;
  };
  return {
    reasons,
    add(reject: Reject): void {
      reasons[reject.reason] = (reasons[reject.reason] ?? 0) + 1;
      const line = formatReject(reject);
      lines.push(line);
      size += line.length;
      if (size >= REJECTS_PIECE_BYTES) compress();
    },
    /** The segment's rejects as one gzip file, or undefined when there are none. */
    take(): Buffer | undefined {
      compress();
      return members.length > 0 ? Buffer.concat(members) : undefined;
    },
  };
}
