/** Stands between the stages and their ports and counts what the adapters of the AWS engine would be billed for. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQS_UNIT_BYTES } from '../cli/aws-prices.ts';
import type { Between } from '../local/engine.ts';
import { dynamoLedger } from '../shared/aws/ledger.ts';
import type { EmbeddedQueue } from '../shared/embedded/queue.ts';
import type { Log } from '../shared/log.ts';
import { messageBytes } from '../shared/message-bytes.ts';
import { type Figures, METRICS, METRICS_NAMESPACE, type MetricName } from '../shared/metrics.ts';
import type { Dumps, Results } from '../shared/objects.ts';
import { MAX_BATCH, MAX_MESSAGE_BYTES, type OutgoingMessage } from '../shared/queue.ts';

export type Counted = {
  gets: number;
  puts: number;
  /** Requests of SQS, and times that a function was handed messages, by queue. */
  readonly requests: Record<string, number>;
  readonly invocations: Record<string, number>;
  messages: number;
  messageBytes: number;
  writeUnits: number;
  readUnits: number;
  logBytes: number;
};

/** Read from S3 at a time (shared/aws/objects.ts). */
const RANGE_BYTES = 8 * 1024 * 1024;
/** Of a log line: what Powertools adds to ours (time, service, request). Of an invocation: START, END and REPORT. */
const LINE_BYTES = 250;
const INVOCATION_BYTES = 350;

export function newCounts(): Counted {
  const none = { gets: 0, puts: 0, messages: 0, messageBytes: 0, writeUnits: 0, readUnits: 0, logBytes: 0 };
  return { ...none, requests: {}, invocations: {} };
}

/** The ledger becomes the one in DynamoDB, which says what each call would consume. */
export function countingPorts(counted: Counted, client: DynamoDBClient, table: string): Between {
  countUnits(client, counted);
  const ports: Readonly<Record<string, (port: never) => object>> = {
    intake: (queue: EmbeddedQueue) => countQueue('intake', queue, counted),
    upload: (queue: EmbeddedQueue) => countQueue('upload', queue, counted),
    ledger: () => dynamoLedger(client, table, { retentionDays: 400 }),
    dumps: (dumps: Dumps): Dumps => ({
      ...dumps,
      rangeBytes: RANGE_BYTES,
      read(dump, start, end) {
        counted.gets += 1;
        return dumps.read(dump, start, end);
      },
    }),
    results: (results: Results): Results => ({
      ...results,
      put(key, body) {
        counted.puts += 1;
        return results.put(key, body);
      },
    }),
  };
  // Each name stands for one kind of port.
  return (name, port) => (ports[name]?.(port as never) as typeof port | undefined) ?? port;
}

export function countLines(counted: Counted): Log {
  return (level, message, fields) => {
    counted.logBytes += JSON.stringify({ level, message, ...fields }).length + LINE_BYTES;
  };
}

/** As a line of CloudWatch's embedded metric format. */
export function countFigures(counted: Counted): (figures: Figures) => void {
  return (figures) => {
    const names = Object.keys(figures) as MetricName[];
    const Metrics = names.map((Name) => ({ Name, Unit: METRICS[Name].unit }));
    const CloudWatchMetrics = [{ Namespace: METRICS_NAMESPACE, Dimensions: [['stack']], Metrics }];
    const line = { _aws: { Timestamp: 1_700_000_000_000, CloudWatchMetrics }, stack: 'S3ToAmplitude', ...figures };
    counted.logBytes += JSON.stringify(line).length;
  };
}

/** A write that was refused costs a unit as well. */
function countUnits(client: DynamoDBClient, counted: Counted): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const kind = /^(Get|Query)/.test(commandName) ? 'readUnits' : 'writeUnits';
        try {
          const result = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } });
          const { ConsumedCapacity } = result.output as { ConsumedCapacity?: { CapacityUnits?: number } };
          counted[kind] += ConsumedCapacity?.CapacityUnits ?? 1;
          return result;
        } catch (error) {
          counted[kind] += 1;
          throw error;
        }
      },
    { step: 'initialize', name: 'countUnits', override: true },
  );
}

function countQueue(name: string, queue: EmbeddedQueue, counted: Counted): EmbeddedQueue {
  const add = (requests: number) => {
    counted.requests[name] = (counted.requests[name] ?? 0) + requests;
  };
  return {
    ...queue,
    send(messages) {
      for (const bytes of batchesOf(messages, name)) add(unitsOf(bytes));
      counted.messages += messages.length;
      for (const message of messages) counted.messageBytes += messageBytes(message, name);
      return queue.send(messages);
    },
    async receiveLane(options) {
      const messages = await queue.receiveLane(options);
      if (messages.length === 0) return messages;
      add(unitsOf(messages.reduce((sum, { body }) => sum + body.length, 0)));
      counted.invocations[name] = (counted.invocations[name] ?? 0) + 1;
      counted.logBytes += INVOCATION_BYTES;
      return messages;
    },
    remove(receipt) {
      add(1);
      return queue.remove(receipt);
    },
    hide(receipt, ms) {
      add(1);
      return queue.hide(receipt, ms);
    },
  };
}

function unitsOf(bytes: number): number {
  return Math.ceil(bytes / SQS_UNIT_BYTES);
}

/** Bytes of each batch as they are sent: full ones, and of a FIFO queue no two messages of a group. */
function batchesOf(messages: readonly OutgoingMessage[], name: string): number[] {
  const batches: { bytes: number; count: number; readonly groups: Set<string | undefined> }[] = [];
  for (const message of messages) {
    const bytes = messageBytes(message, name);
    const last = batches.at(-1);
    const isFull = !last || last.count === MAX_BATCH || last.bytes + bytes > MAX_MESSAGE_BYTES;
    if (isFull || (message.group !== undefined && last.groups.has(message.group))) {
      batches.push({ bytes, count: 1, groups: new Set([message.group]) });
    } else {
      last.bytes += bytes;
      last.count += 1;
      last.groups.add(message.group);
    }
  }
  return batches.map(({ bytes }) => bytes);
}
