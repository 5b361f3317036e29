/** Reads a dump from a checkpoint on and fills one segment after the other; where each ends follows from the dump and the configuration. */
import type { Importer, Source } from '../../shared/config.ts';
import type { Dump } from '../../shared/dump.ts';
import type { Checkpoint, LaneState } from '../../shared/ledger.ts';
import type { Dumps } from '../../shared/objects.ts';
import type { Grant } from './budget.ts';
import type { Lanes } from './lanes.ts';
import { type Parts, partAt } from './parts.ts';
import { type Block, readRecords } from './read-records.ts';
import { openSegment, type Segment } from './segment.ts';
import type { Transform } from './transform.ts';

export type FillRequest = {
  readonly dump: Dump;
  readonly source: Source;
  readonly importer: Pick<Importer, 'segmentRecords'>;
  readonly parts: Parts;
  readonly transform: Transform;
};

export type FillPorts = {
  readonly dumps: Dumps;
  now(): number;
  /** The lanes of the segments to come, after a checkpoint that says none those that the dump's first records let expect. */
  lanesAt(checkpoint: Checkpoint, block: Block): Lanes;
  /** How many events the segment that begins there may hold; without it, as many as come. Undefined is the same. */
  grant?(checkpoint: Checkpoint): Promise<Grant | undefined>;
  /** Takes what the segment has closed so far; called after every block. */
  next(segment: Segment): Promise<void>;
  /** Told after every block: how many records the segment has so far, and how many bytes of the dump are read. */
  progress?(read: number, bytes: number): void;
};

/**
 * - `full`: more may follow
 * - `refused`: there is more, which its source may not send now
 * - `end`: of the dump; `segment` is the one that was being filled, if any was, and `failure` why the dump broke off
 */
export type Filled =
  | {
      readonly kind: 'full';
      readonly segment: Segment;
      /** Where the next one begins. */
      readonly checkpoint: Checkpoint & { readonly lanes: LaneState };
      /** When reading it began. */
      readonly began: number;
    }
  | { readonly kind: 'refused'; readonly grant: Exclude<Grant, { kind: 'granted' }> }
  | {
      readonly kind: 'end';
      readonly segment: Segment | undefined;
      readonly checkpoint: Checkpoint;
      readonly failure?: string;
    };

export async function* fillSegments(
  request: FillRequest,
  from: Checkpoint,
  ports: FillPorts,
  granted?: number,
): AsyncGenerator<Filled> {
  const { dump, source, importer, parts, transform } = request;
  const spare: Buffer[] = [];
  let lanes: Lanes | undefined;
  let segment: Segment | undefined;
  let checkpoint = from;
  let began: number | undefined;
  /** Of the segment before, where the source has a budget. */
  let sent: Pick<Checkpoint, 'events'> = {};
  let part = partAt(parts, from.offset);

  for await (const block of readRecords(dump, source, from, ports.dumps)) {
    const { records, failure } = block;
    began ??= ports.now();
    lanes ??= ports.lanesAt(from, block);
    if (checkpoint === from) segment ??= openSegment(from.segment, source, importer, lanes, spare, granted);
    const made = await transform(records, dump.key);
    for (let i = 0; i < made.length; i += 1) {
      const [record, its] = [records[i], made[i]];
      if (!record || !its) throw new Error(`the transform gave more than the ${records.length} records it was given`);
      if (!segment) {
        const grant = await ports.grant?.({ ...checkpoint, ...sent });
        if (grant && grant.kind !== 'granted') {
          yield { kind: 'refused', grant };
          return;
        }
        segment = openSegment(checkpoint.segment, source, importer, lanes, spare, grant?.events);
        began = ports.now();
      }
      segment.add(record, its);
      checkpoint = { segment: segment.number + 1, offset: record.end, position: record.position };
      // What has no line end is the last record: what it says of the dump's end must not be lost at a checkpoint.
      const isPartOver = partAt(parts, record.end) !== part;
      if (!(segment.isFull() || isPartOver) || !record.terminated) continue;
      const state = { count: lanes.count, hot: isPartOver ? [] : lanes.hot(), ends: [] };
      const next = { ...checkpoint, lanes: state };
      yield { kind: 'full', segment, checkpoint: next, began };
      if (isPartOver) lanes = ports.lanesAt(next, block);
      part = partAt(parts, record.end);
      if (source.eventsPerDay !== undefined) sent = { events: segment.sent };
      // The next one is opened when there is a record for it.
      segment = undefined;
    }
    if (segment) await ports.next(segment);
    ports.progress?.(segment?.read ?? 0, checkpoint.offset);
    if (failure === undefined) continue;
    yield { kind: 'end', segment, checkpoint: { ...checkpoint, ...sent }, failure };
    return;
  }
  yield { kind: 'end', segment, checkpoint: { ...checkpoint, ...sent } };
}
