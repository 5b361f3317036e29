/** What AWS asks for importing a load, service by service. */
import type { Source } from '../shared/config.ts';
import { API_LIMITS, REQUEST_MS } from '../shared/amplitude-limits.ts';
import { AWS_PRICES, DEPLOYED, EVENTS_PER_SECOND, SQS_UNIT_BYTES } from './aws-prices.ts';
import { count, dollars, type Figure, n } from './figure.ts';
import type { Load } from './plan-load.ts';
import type { ApiPlan } from './plan-times.ts';

export type Cost = {
  readonly lines: Readonly<Record<string, Figure>>;
  readonly total: Figure;
  readonly perMillionEvents: Figure;
};

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
/** Log lines of a chunk, chunker's and uploader's and Lambda's own, bytes. */
const LOG_BYTES = 1_000;

export function planCost(load: Load, { api, segmentRecords, uploads, hasRejects }: CostRules): Cost {
  const p = AWS_PRICES;
  const chunks = api.chunks.chunks.value;
  const dumps = load.dumps.length;
  const segments = load.dumps.reduce((sum, { records }) => sum + Math.ceil(records / segmentRecords), 0);
  const gets = load.dumps.reduce((sum, { bytes }) => sum + Math.ceil(bytes / RANGE_BYTES) + 1, 0);
  const puts = dumps + (hasRejects ? segments : 0);
  const sent = load.events * load.bytesPerEvent;
  const perChunk = chunks === 0 ? 0 : load.events / chunks;
  const message = (4 / 3) * perChunk * load.bytesPerEvent * load.deflated + HEADER_BYTES + POSITION_BYTES * perChunk;
  const units = Math.ceil(message / SQS_UNIT_BYTES);
  const reading = load.records / EVENTS_PER_SECOND;
  const wire = uploads === 'gzip' ? sent * load.deflated : sent;
  const gb = (mb: number) => mb / 1_024;
  const lines = {
    'S3 GET': price(gets * p.s3Get, `${count(gets, 'GET')} (8 MiB each, and one to see what it is) × ${rate(p.s3Get)}`),
    'S3 PUT': price(
      puts * p.s3Put,
      `${count(puts, 'PUT')} (a receipt a dump${hasRejects ? ', rejects a segment' : ''}) × ${rate(p.s3Put)}`,
    ),
    'SQS intake': price(
      3 * dumps * p.sqsStandardRequest,
      `${count(dumps, 'dump')} × 3 requests × ${rate(p.sqsStandardRequest)}`,
    ),
    'SQS upload (FIFO)': price(
      chunks * (2 * units + 1) * p.sqsFifoRequest,
      `${count(chunks, 'chunk')} × (2 × ${n(units)} + 1) requests × ${rate(p.sqsFifoRequest)}: sent and received in units of 64 KiB (a message is ${n(message)} bytes), and removed`,
    ),
    'Lambda chunker': price(
      reading * gb(DEPLOYED.chunkerMb) * p.lambdaGbSecond,
      `${n(load.records)} records / ${n(EVENTS_PER_SECOND)} a second × ${n(gb(DEPLOYED.chunkerMb))} GB × $${p.lambdaGbSecond} a GB-second`,
    ),
    'Lambda uploader': price(
      chunks * (REQUEST_MS / 1_000) * gb(DEPLOYED.uploaderMb) * p.lambdaGbSecond,
      `${count(chunks, 'chunk')} × ${REQUEST_MS / 1_000} s × ${n(gb(DEPLOYED.uploaderMb))} GB × $${p.lambdaGbSecond} a GB-second`,
    ),
    'Lambda requests': price(
      (chunks + dumps) * p.lambdaRequest,
      `(${count(chunks, 'chunk')} + ${count(dumps, 'dump')}) × ${rate(p.lambdaRequest)}`,
    ),
    'DynamoDB writes': price(
      (2 * chunks + 3 * segments + 5 * dumps) * p.dynamoWriteUnit,
      `(2 × ${count(chunks, 'chunk')} + 3 × ${count(segments, 'segment')} + 5 × ${count(dumps, 'dump')}) units × ${rate(p.dynamoWriteUnit)}`,
    ),
    'DynamoDB reads': price(
      (2 * chunks + 3 * segments) * p.dynamoReadUnit,
      `(2 × ${count(chunks, 'chunk')} + 3 × ${count(segments, 'segment')}) units × ${rate(p.dynamoReadUnit)}`,
    ),
    'CloudWatch logs': price(
      (chunks * LOG_BYTES * p.logsGb) / 1e9,
      `${count(chunks, 'chunk')} × ${n(LOG_BYTES)} bytes × $${p.logsGb} a GB`,
    ),
    'data to Amplitude': price(
      (wire * p.egressGb) / 1e9,
      `${n(load.events)} events × ${n(load.bytesPerEvent)} bytes${uploads === 'gzip' ? ` × ${n(load.deflated)} (deflated)` : ''} × $${p.egressGb} a GB`,
    ),
  };
  return { lines, ...sums(lines, load.events) };
}

function sums(lines: Readonly<Record<string, Figure>>, events: number): Pick<Cost, 'total' | 'perMillionEvents'> {
  const total = Object.values(lines).reduce((sum, { value }) => sum + value, 0);
  const largest = Object.entries(lines).toSorted(([, a], [, b]) => b.value - a.value);
  const shown = largest.map(([name, { value }]) => `${dollars(value)} ${name}`).join(' + ');
  const perMillion = events === 0 ? 0 : (total * 1e6) / events;
  return {
    total: price(total, shown),
    perMillionEvents: price(perMillion, `${dollars(total)} × 1,000,000 / ${n(events)} events`),
  };
}

function price(value: number, arithmetic: string): Figure {
  return { value, unit: 'USD', isEstimate: true, arithmetic };
}

function rate(each: number): string {
  return `$${Number((each * 1e6).toPrecision(6))} a million`;
}

/** How long the whole import takes on each engine: what Amplitude's API allows, or reading the dumps where that is slower. */
export function planEngines(
  load: Load,
  { time, api }: Pick<ApiPlan, 'time' | 'api'>,
  { inOrder }: Pick<Source, 'inOrder'>,
): { readonly embedded: Figure; readonly aws: Figure } {
  const most = Math.max(0, ...load.dumps.map(({ records }) => records));
  const readers = Math.max(1, Math.min(inOrder ? 1 : DEPLOYED.chunkers, load.dumps.length));
  const spread = Math.max(most, load.records / readers);
  const measured = `${n(EVENTS_PER_SECOND)} a second (measured with pass-through on two cores, docs/benchmarks.md)`;
  const uploading = `${n(time.value)} s that ${API_LIMITS[api].path} takes`;
  const figure = (value: number, arithmetic: string): Figure => ({
    value,
    unit: 'seconds',
    isEstimate: true,
    arithmetic,
  });
  return {
    embedded: figure(
      Math.max(time.value, load.records / EVENTS_PER_SECOND),
      `the longer of ${n(load.records)} records / ${measured} = ${n(load.records / EVENTS_PER_SECOND)} s, and the ${uploading}`,
    ),
    aws: figure(
      Math.max(time.value, spread / EVENTS_PER_SECOND),
      `the longer of ${n(spread)} records / ${measured} = ${n(spread / EVENTS_PER_SECOND)} s with ${count(readers, 'dump')} read at a time, and the ${uploading}`,
    ),
  };
}
