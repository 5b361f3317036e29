/** What an import of a load will use of AWS, and what that costs: reckoned from sizes and counts, as docs/costs.md measured it. */
import { REQUEST_MS } from '../shared/amplitude-limits.ts';
import { type AwsUsage, type Cost, costOf } from './aws-cost.ts';
import { CHUNKER_SECONDS, DEPLOYED, SQS_UNIT_BYTES } from './aws-prices.ts';
import { count, n } from './figure.ts';
import type { Load } from './plan-load.ts';
import type { ApiPlan } from './plan-times.ts';

export type CostRules = {
  readonly api: Pick<ApiPlan, 'api' | 'chunks'>;
  readonly segmentRecords: number;
  readonly uploads: 'gzip' | 'identity';
  /** Whether there are any to write. */
  readonly hasRejects: boolean;
};

/** What a chunk's message has besides its events: names and counts, and for each event its position. */
const HEADER_BYTES = 400;
const POSITION_BYTES = 4 / 3;
/** Read from S3 at a time (shared/aws/objects.ts). */
const RANGE_BYTES = 8 * 1024 * 1024;
/** Log lines and metrics of a chunk or a dump, the function's own and Lambda's, bytes. */
const LOG_BYTES = 1_700;
/** DynamoDB's units. To settle a chunk is one, and two once its segment's item is over 1 KB. A dump has 5 in the index. */
const WRITES = { chunk: 1.5, segment: 2, dump: 9 } as const;
const READS = { chunk: 3, segment: 3, dump: 3 } as const;

export function planCost(load: Load, rules: CostRules): Cost {
  return costOf(usageOf(load, rules), load.events);
}

function usageOf(load: Load, { api, segmentRecords, hasRejects, uploads }: CostRules): AwsUsage {
  const chunks = api.chunks.chunks.value;
  const segments = load.dumps.reduce((sum, dump) => sum + Math.ceil(dump.records / segmentRecords), 0);
  return {
    ...storageOf(load, hasRejects ? segments : 0),
    ...queuesOf(load, chunks),
    ...lambdaOf(load, chunks),
    ...ledgerOf(load, chunks, segments),
    ...outOf(load, chunks, uploads),
  };
}

function storageOf({ dumps }: Load, rejects: number) {
  const gets = dumps.reduce((sum, { bytes }) => sum + Math.ceil(bytes / RANGE_BYTES) + 1, 0);
  const bytes = dumps.reduce((sum, dump) => sum + dump.bytes, 0);
  const puts = dumps.length + rejects;
  const written = `a receipt a dump${rejects > 0 ? ', rejects a segment' : ''}`;
  return {
    'S3 GET': { units: gets, how: `${count(gets, 'GET')} (8 MiB each, and one to see what it is)` },
    'S3 PUT': { units: puts, how: `${count(puts, 'PUT')} (${written})` },
    'S3 storage': { units: bytes / 1e9, how: `${n(bytes)} bytes of dumps` },
    EventBridge: { units: dumps.length, how: `${count(dumps.length, 'receipt')} announced` },
  };
}

function queuesOf({ dumps, events, bytesPerEvent, deflated }: Load, chunks: number) {
  const perChunk = chunks === 0 ? 0 : events / chunks;
  const message = (4 / 3) * perChunk * bytesPerEvent * deflated + HEADER_BYTES + POSITION_BYTES * perChunk;
  const units = Math.ceil(message / SQS_UNIT_BYTES);
  return {
    'SQS intake': {
      units: 3 * dumps.length,
      how: `${count(dumps.length, 'dump')} × 3 requests (sent, received, removed)`,
    },
    'SQS upload (FIFO)': {
      units: chunks * (2 * units + 1),
      how: `${count(chunks, 'chunk')} × (2 × ${n(units)} + 1) requests (sent and received in units of 64 KiB, a message is ${n(message)} bytes; and removed)`,
    },
  };
}

function lambdaOf({ records, dumps, events, bytesPerEvent }: Load, chunks: number) {
  const bytes = events * bytesPerEvent;
  const [chunkerGb, uploaderGb] = [DEPLOYED.chunkerMb / 1_024, DEPLOYED.uploaderMb / 1_024];
  const seconds = REQUEST_MS / 1_000;
  return {
    'Lambda chunker': {
      units:
        (records * CHUNKER_SECONDS.record + bytes * CHUNKER_SECONDS.byte + dumps.length * CHUNKER_SECONDS.dump) *
        chunkerGb,
      how: `(${n(records)} records × ${1e6 * CHUNKER_SECONDS.record} µs + ${n(bytes)} bytes × ${1e6 * CHUNKER_SECONDS.byte} µs + ${count(dumps.length, 'dump')} × ${CHUNKER_SECONDS.dump} s) × ${n(chunkerGb)} GB`,
    },
    'Lambda uploader': {
      units: chunks * seconds * uploaderGb,
      how: `${count(chunks, 'chunk')} × ${seconds} s × ${n(uploaderGb)} GB`,
    },
    'Lambda requests': {
      units: chunks + dumps.length,
      how: `(${count(chunks, 'chunk')} + ${count(dumps.length, 'dump')})`,
    },
  };
}

function ledgerOf({ dumps }: Load, chunks: number, segments: number) {
  const of = (each: Readonly<Record<'chunk' | 'segment' | 'dump', number>>) => ({
    units: each.chunk * chunks + each.segment * segments + each.dump * dumps.length,
    how: `(${each.chunk} × ${count(chunks, 'chunk')} + ${each.segment} × ${count(segments, 'segment')} + ${each.dump} × ${count(dumps.length, 'dump')}) units`,
  });
  return { 'DynamoDB writes': of(WRITES), 'DynamoDB reads': of(READS) };
}

/** Logs, and what goes out of AWS. */
function outOf({ events, bytesPerEvent, deflated, dumps }: Load, chunks: number, uploads: CostRules['uploads']) {
  const share = uploads === 'gzip' ? deflated : 1;
  return {
    'CloudWatch logs': {
      units: ((chunks + dumps.length) * LOG_BYTES) / 1e9,
      how: `(${count(chunks, 'chunk')} + ${count(dumps.length, 'dump')}) × ${n(LOG_BYTES)} bytes`,
    },
    'data to Amplitude': {
      units: (events * bytesPerEvent * share) / 1e9,
      how: `${n(events)} events × ${n(bytesPerEvent)} bytes${share === 1 ? '' : ` × ${n(share)} (deflated)`}`,
    },
  };
}
