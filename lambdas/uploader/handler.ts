/** The uploader as a Lambda: chunks come from the upload queue and the parked queue, and go to Amplitude. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import configured from '#importer-config';
import { announceReceipts } from '../../shared/aws/announce.ts';
import {
  ENDPOINT_VARIABLE,
  readEnvironment,
  STACK_VARIABLE,
  UPLOADER_VARIABLES,
} from '../../shared/aws/environment.ts';
import { dynamoLedger } from '../../shared/aws/ledger.ts';
import { s3Results } from '../../shared/aws/objects.ts';
import { sqsQueue } from '../../shared/aws/queue.ts';
import { secretKeys } from '../../shared/aws/secrets.ts';
import { openTelemetry } from '../../shared/aws/telemetry.ts';
import { describeError } from '../../shared/log.ts';
import { MAX_BATCH } from '../../shared/queue.ts';
import type { UploadSettings } from '../../shared/upload-settings.ts';
import { amplitude } from './amplitude.ts';
import { PARKED_MAX_TRIES } from './back-off.ts';
import { takeLane } from './take-lane.ts';

/** The stack bundles no more of the configuration than this. */
const importer: UploadSettings = configured;

/** Held, a message costs Lambda time; invisible, another receive. */
const MAX_HOLD_MS = 2_000;

type Sandbox = ReturnType<typeof openSandbox>;
let sandbox: Sandbox | undefined;

/**
 * Lanes that came together are taken side by side, and each one's messages one after the other. What is done with is removed at
 * once, as Lambda does so only when all of them are through, and until then its lane cannot go on.
 */
export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  sandbox ??= openSandbox();
  return sandbox.telemetry.invocation(context.awsRequestId, () => takeMessages(event));
}

async function takeMessages(event: SQSEvent): Promise<SQSBatchResponse> {
  const lanes = Map.groupBy(event.Records, (record) => record.attributes.MessageGroupId ?? record.messageId);
  const failures = await Promise.all([...lanes.values()].map((records) => takeRecords(records, lanes.size)));
  return { batchItemFailures: failures.flat() };
}

/** Of one of so many lanes. */
async function takeRecords(
  records: readonly SQSRecord[],
  lanes: number,
): Promise<SQSBatchResponse['batchItemFailures']> {
  sandbox ??= openSandbox();
  const { ports, upload, parked } = sandbox;
  const group = records[0]?.attributes.MessageGroupId;
  const from = group === undefined ? parked : upload; // only the upload queue is a FIFO queue
  const messages = records.map(({ body, attributes }) => {
    const receives = Number(attributes.ApproximateReceiveCount);
    const sentAt = Number(attributes.SentTimestamp);
    return { body, received: { receives, maxTries: from.maxTries, sentAt, ...(group !== undefined && { group }) } };
  });
  const { deadLetters } = from;
  const uploaders = importer.uploaders * lanes;
  const taken = await takeLane(messages, { ...ports, deadLetters, importer: { ...importer, uploaders } });
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const [i, record] of records.entries()) {
    const its = taken[i];
    if (its?.kind === 'again') {
      batchItemFailures.push({ itemIdentifier: record.messageId });
      await from.queue.hide(record.receiptHandle, its.afterMs).catch(noteHidden);
    } else if (lanes > 1) {
      await from.queue.remove(record.receiptHandle).catch(noteHidden);
    }
  }
  return batchItemFailures;
}

function noteHidden(error: unknown): void {
  sandbox?.ports.log('warn', 'message stays hidden until its visibility timeout', { error: describeError(error) });
}

function openSandbox() {
  const names = readEnvironment(UPLOADER_VARIABLES, process.env);
  const telemetry = openTelemetry('uploader', process.env[STACK_VARIABLE] ?? 'unnamed');
  const { log, measure } = telemetry;
  const sqs = new SQSClient();
  const { uploads, requestTimeoutMs: timeoutMs, maxTries } = importer;
  const parked = sqsQueue(sqs, names.PARKED_QUEUE_URL, { fifo: false });
  const ports = {
    importer,
    amplitude: amplitude({ uploads, timeoutMs, connections: MAX_BATCH, endpoint: process.env[ENDPOINT_VARIABLE] }),
    ledger: dynamoLedger(new DynamoDBClient(), names.LEDGER_TABLE, { retentionDays: importer.ledgerDays }),
    // The adapter tries again by itself.
    results: s3Results(new S3Client({ maxAttempts: 1 }), names.RESULTS_BUCKET),
    apiKey: secretKeys(new SecretsManagerClient(), Date.now),
    announce: announceReceipts(new EventBridgeClient()),
    parked,
    now: Date.now,
    random: Math.random,
    hold: { maxMs: MAX_HOLD_MS, sleep: (ms: number) => sleep(ms) },
    log,
    measure,
  };
  return {
    telemetry,
    ports,
    upload: {
      queue: sqsQueue(sqs, names.UPLOAD_QUEUE_URL, { fifo: true }),
      deadLetters: sqsQueue(sqs, names.UPLOAD_DLQ_URL, { fifo: true }),
      maxTries,
    },
    parked: {
      queue: parked,
      deadLetters: sqsQueue(sqs, names.PARKED_DLQ_URL, { fifo: false }),
      maxTries: PARKED_MAX_TRIES,
    },
  };
}
