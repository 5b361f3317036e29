/** Reads a dump, or its beginning, as an import would, and counts: nothing is sent and nothing written. */
import { laneRules, startLanes } from '../lambdas/chunker/lanes.ts';
import { BY_PLACE, readRecords, recognizeDump } from '../lambdas/chunker/read-records.ts';
import type { RawRecord } from '../lambdas/chunker/raw-record.ts';
import type { Transform } from '../lambdas/chunker/transform.ts';
import type { Importer, Source } from '../shared/config.ts';
import { type Dump, dumpUrl } from '../shared/dump.ts';
import { START } from '../shared/ledger.ts';
import { type Dumps, DumpUnreadable } from '../shared/objects.ts';
import type { Counts, Tally } from './plan-tally.ts';

export type ScannedDump = Pick<Counts, 'read' | 'filtered' | 'unusable' | 'mapped' | 'events' | 'refused'> & {
  /** Its path or address. */
  readonly dump: string;
  /** As it is stored. */
  readonly bytes: number;
  /** `ndjson`, `csv in gzip`. */
  readonly format: string;
  /** Records in all, and how that is known. `read` says how many were looked at. */
  readonly records: number;
  readonly recordsFrom: 'counted' | 'extrapolated';
  /** For `extrapolated`: so many records stood in so many of the dump's bytes. */
  readonly passed?: { readonly records: number; readonly bytes: number };
  /** Lanes that an import would use for it, those for busy devices aside. */
  readonly lanes: number;
  /** Why it cannot be read to its end. */
  readonly failure?: string;
};

export type ScanRequest = {
  readonly dump: Dump;
  readonly source: Source;
  readonly importer: Pick<Importer, 'segmentRecords' | 'lanes' | 'uploaders'>;
  /** Records to look at; undefined for all of them. */
  readonly sample: number | undefined;
};

export type ScanPorts = {
  readonly dumps: Dumps;
  readonly transform: Transform;
  readonly tally: Tally;
  /** Told after every block: records looked at, and bytes of the dump read. */
  progress?(read: number, bytes: number): void;
};

/**
 * Of a sample, read at a time: how many records a compressed dump has is told from how many stood in the ranges that were
 * needed, so that they must be small for a small dump.
 */
const MAX_SAMPLE_RANGE_BYTES = 128 * 1024;
const MIN_SAMPLE_RANGE_BYTES = 16 * 1024;
const SAMPLE_RANGES = 64;

export async function scanDump(request: ScanRequest, ports: ScanPorts): Promise<ScannedDump> {
  const { dump, source, importer, sample = Number.POSITIVE_INFINITY } = request;
  const { transform, tally, progress } = ports;
  const watched = watchRanges(dump, ports.dumps, Number.isFinite(sample) ? sampleRange(dump) : ports.dumps.rangeBytes);
  const { format, isPacked, isByPlace } = await recognize(dump, source, ports.dumps);
  const before = tally.soFar();
  let [read, records, lanes] = [0, 0, 1];
  let last: RawRecord | undefined;
  let failure: string | undefined;
  let isWhole = true;
  for await (const block of readRecords(dump, source, START, watched.dumps)) {
    failure = block.failure;
    if (records === 0)
      lanes = startLanes(laneRules('', source, importer), dump.size, block.isPacked, block.records).count;
    const wanted = block.records.slice(0, sample - read);
    records += block.records.length;
    last = block.records.at(-1) ?? last;
    // What is read by place says nothing of the whole by how much was needed: it is counted to its end.
    if (wanted.length === 0 && block.records.length > 0 && !isByPlace) {
      isWhole = false;
      break;
    }
    for (const [i, made] of (await transform(wanted, dump.key)).entries()) {
      tally.add(made, wanted[i]?.position ?? 0);
      read += 1;
      if (read % importer.segmentRecords === 0) tally.endSegment();
    }
    progress?.(read, watched.consumed());
  }
  tally.endSegment();
  const passed = { records, bytes: isPacked || !last ? watched.consumed() : last.end };
  return {
    ...difference(tally.soFar(), before),
    dump: dumpUrl(dump),
    bytes: dump.size,
    format,
    lanes,
    ...(isWhole
      ? { records, recordsFrom: 'counted' }
      : { records: Math.round((records * dump.size) / passed.bytes), recordsFrom: 'extrapolated', passed }),
    ...(failure !== undefined && { failure }),
  };
}

async function recognize(dump: Dump, source: Source, dumps: Dumps) {
  if (dump.size === 0) return { format: 'empty', isPacked: false, isByPlace: false };
  try {
    const { format, compression } = await recognizeDump(dump, source, dumps);
    const text = compression ? `${format.type} in ${compression}` : format.type;
    return { format: text, isPacked: compression !== undefined, isByPlace: BY_PLACE.has(format.type) };
  } catch (error) {
    // Reading it says so once more.
    if (error instanceof DumpUnreadable) return { format: 'unknown', isPacked: false, isByPlace: false };
    throw error;
  }
}

function sampleRange({ size }: Dump): number {
  return Math.min(MAX_SAMPLE_RANGE_BYTES, Math.max(MIN_SAMPLE_RANGE_BYTES, Math.ceil(size / SAMPLE_RANGES)));
}

/** Reads by smaller ranges, and tells how much of the dump has been used. */
function watchRanges(dump: Dump, dumps: Dumps, rangeBytes: number) {
  let latest = 0;
  const watched: Dumps = {
    ...dumps,
    rangeBytes,
    read(asked, start, end) {
      latest = Math.max(latest, start);
      return dumps.read(asked, start, end);
    },
  };
  return {
    dumps: watched,
    /** One range is read ahead, and half of the one before it is used up, on average. */
    consumed: () => Math.min(dump.size, Math.max(latest - rangeBytes / 2, Math.min(rangeBytes, dump.size) / 2)),
  };
}

type Simple = ReturnType<Tally['soFar']>;

function difference(after: Simple, before: Simple) {
  const { read, filtered, unusable, mapped, events, refused } = after;
  return {
    read: read - before.read,
    filtered: filtered - before.filtered,
    unusable: unusable - before.unusable,
    mapped: mapped - before.mapped,
    events: events - before.events,
    refused: refused - before.refused,
  };
}
