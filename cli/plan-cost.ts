/** What AWS asks for importing a load, service by service. */
import { REQUEST_MS } from '../shared/amplitude-limits.ts';
import { AWS_PRICES, DEPLOYED, EVENTS_PER_SECOND, SQS_UNIT_BYTES } from './aws-prices.ts';
import { count, dollars, type Figure, n } from './figure.ts';
import type { Load } from './plan-load.ts';
import type { ApiPlan } from './plan-times.ts';

export type Cost = {
  readonly lines: Lines;
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

export function planCost(load: Load, rules: CostRules): Cost {
  const used = quantitiesOf(load, rules);
  const lines = { ...storageLines(used, rules), ...queueLines(used), ...lambdaLines(used), ...otherLines(used, rules) };
  return { lines, ...sums(lines, load.events) };
}

type Quantities = ReturnType<typeof quantitiesOf>;

function quantitiesOf(load: Load, { api, segmentRecords, hasRejects }: CostRules) {
  const { dumps, records, events, bytesPerEvent, deflated } = load;
  const chunks = api.chunks.chunks.value;
  const segments = dumps.reduce((sum, dump) => sum + Math.ceil(dump.records / segmentRecords), 0);
  const perChunk = chunks === 0 ? 0 : events / chunks;
  const message = (4 / 3) * perChunk * bytesPerEvent * deflated + HEADER_BYTES + POSITION_BYTES * perChunk;
  return {
    records,
    events,
    bytesPerEvent,
    deflated,
    chunks,
    segments,
    message,
    dumps: dumps.length,
    gets: dumps.reduce((sum, { bytes }) => sum + Math.ceil(bytes / RANGE_BYTES) + 1, 0),
    puts: dumps.length + (hasRejects ? segments : 0),
  };
}

type Lines = Readonly<Record<string, Figure>>;

function storageLines({ gets, puts }: Quantities, { hasRejects }: CostRules): Lines {
  const { s3Get, s3Put } = AWS_PRICES;
  const written = `a receipt a dump${hasRejects ? ', rejects a segment' : ''}`;
  return {
    'S3 GET': price(gets * s3Get, `${count(gets, 'GET')} (8 MiB each, and one to see what it is) × ${rate(s3Get)}`),
    'S3 PUT': price(puts * s3Put, `${count(puts, 'PUT')} (${written}) × ${rate(s3Put)}`),
  };
}

function queueLines({ dumps, chunks, message }: Quantities): Lines {
  const { sqsStandardRequest, sqsFifoRequest } = AWS_PRICES;
  const units = Math.ceil(message / SQS_UNIT_BYTES);
  return {
    'SQS intake': price(
      3 * dumps * sqsStandardRequest,
      `${count(dumps, 'dump')} × 3 requests (sent, received, removed) × ${rate(sqsStandardRequest)}`,
    ),
    'SQS upload (FIFO)': price(
      chunks * (2 * units + 1) * sqsFifoRequest,
      `${count(chunks, 'chunk')} × (2 × ${n(units)} + 1) requests × ${rate(sqsFifoRequest)}: sent and received in units of 64 KiB (a message is ${n(message)} bytes), and removed`,
    ),
  };
}

function lambdaLines({ records, chunks, dumps }: Quantities): Lines {
  const { lambdaGbSecond, lambdaRequest } = AWS_PRICES;
  const [chunkerGb, uploaderGb] = [DEPLOYED.chunkerMb / 1_024, DEPLOYED.uploaderMb / 1_024];
  const seconds = REQUEST_MS / 1_000;
  return {
    'Lambda chunker': price(
      (records / EVENTS_PER_SECOND) * chunkerGb * lambdaGbSecond,
      `${n(records)} records / ${n(EVENTS_PER_SECOND)} a second × ${n(chunkerGb)} GB × $${lambdaGbSecond} a GB-second`,
    ),
    'Lambda uploader': price(
      chunks * seconds * uploaderGb * lambdaGbSecond,
      `${count(chunks, 'chunk')} × ${seconds} s × ${n(uploaderGb)} GB × $${lambdaGbSecond} a GB-second`,
    ),
    'Lambda requests': price(
      (chunks + dumps) * lambdaRequest,
      `(${count(chunks, 'chunk')} + ${count(dumps, 'dump')}) × ${rate(lambdaRequest)}`,
    ),
  };
}

/** Ledger, logs, and what goes out of AWS. */
function otherLines(used: Quantities, { uploads }: CostRules): Lines {
  const { chunks, segments, dumps, events, bytesPerEvent, deflated } = used;
  const { dynamoWriteUnit, dynamoReadUnit, logsGb, egressGb } = AWS_PRICES;
  const share = uploads === 'gzip' ? deflated : 1;
  const looks = `2 × ${count(chunks, 'chunk')} + 3 × ${count(segments, 'segment')}`;
  return {
    'DynamoDB writes': price(
      (2 * chunks + 3 * segments + 5 * dumps) * dynamoWriteUnit,
      `(${looks} + 5 × ${count(dumps, 'dump')}) units × ${rate(dynamoWriteUnit)}`,
    ),
    'DynamoDB reads': price((2 * chunks + 3 * segments) * dynamoReadUnit, `(${looks}) units × ${rate(dynamoReadUnit)}`),
    'CloudWatch logs': price(
      (chunks * LOG_BYTES * logsGb) / 1e9,
      `${count(chunks, 'chunk')} × ${n(LOG_BYTES)} bytes × $${logsGb} a GB`,
    ),
    'data to Amplitude': price(
      (events * bytesPerEvent * share * egressGb) / 1e9,
      `${n(events)} events × ${n(bytesPerEvent)} bytes${share === 1 ? '' : ` × ${n(share)} (deflated)`} × $${egressGb} a GB`,
    ),
  };
}

function sums(lines: Lines, events: number): Pick<Cost, 'total' | 'perMillionEvents'> {
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
