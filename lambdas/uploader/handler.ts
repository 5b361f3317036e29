/** The uploader as a Lambda: chunks come from the upload queue and the parked queue, and go to Amplitude. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import importer from '../../importer.config.ts';
import { announceReceipts } from '../../shared/aws/announce.ts';
import { ENDPOINT_VARIABLE, readEnvironment, UPLOADER_VARIABLES } from '../../shared/aws/environment.ts';
import { dynamoLedger } from '../../shared/aws/ledger.ts';
import { s3Results } from '../../shared/aws/objects.ts';
import { sqsQueue } from '../../shared/aws/queue.ts';
import { secretKeys } from '../../shared/aws/secrets.ts';
import { describeError, logJson } from '../../shared/log.ts';
import { amplitude } from './amplitude.ts';
import { PARKED_MAX_RECEIVES } from './back-off.ts';
import { takeChunk } from './take-chunk.ts';

/** Held, a message costs Lambda time; invisible, another receive. */
const MAX_HOLD_MS = 2_000;

type Sandbox = ReturnType<typeof openSandbox>;
let sandbox: Sandbox | undefined;

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  sandbox ??= openSandbox();
  const { ports, upload, parked } = sandbox;
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const record of event.Records) {
    const group = record.attributes.MessageGroupId;
    const from = group === undefined ? parked : upload; // only the upload queue is a FIFO queue
    const receives = Number(record.attributes.ApproximateReceiveCount);
    const received = { receives, maxReceives: from.maxReceives, ...(group !== undefined && { group }) };
    const taken = await takeChunk(record.body, received, { ...ports, deadLetters: from.deadLetters });
    if (taken.kind === 'done') continue;
    batchItemFailures.push({ itemIdentifier: record.messageId });
    await from.queue.hide(record.receiptHandle, taken.afterMs).catch((error: unknown) => {
      logJson('warn', 'message stays hidden until its visibility timeout', { error: describeError(error) });
    });
  }
  return { batchItemFailures };
}

function openSandbox() {
  const names = readEnvironment(UPLOADER_VARIABLES, process.env);
  const sqs = new SQSClient();
  const { uploads, requestTimeoutMs: timeoutMs, maxReceives } = importer;
  const parked = sqsQueue(sqs, names.PARKED_QUEUE_URL, { fifo: false });
  const ports = {
    importer,
    amplitude: amplitude({ uploads, timeoutMs, connections: 1, endpoint: process.env[ENDPOINT_VARIABLE] }),
    ledger: dynamoLedger(new DynamoDBClient(), names.LEDGER_TABLE, { retentionDays: importer.ledgerDays }),
    // The adapter tries again by itself.
    results: s3Results(new S3Client({ maxAttempts: 1 }), names.RESULTS_BUCKET),
    apiKey: secretKeys(new SecretsManagerClient(), Date.now),
    announce: announceReceipts(new EventBridgeClient()),
    parked,
    now: Date.now,
    random: Math.random,
    hold: { maxMs: MAX_HOLD_MS, sleep: (ms: number) => sleep(ms) },
    log: logJson,
  };
  return {
    ports,
    upload: {
      queue: sqsQueue(sqs, names.UPLOAD_QUEUE_URL, { fifo: true }),
      deadLetters: sqsQueue(sqs, names.UPLOAD_DLQ_URL, { fifo: true }),
      maxReceives,
    },
    parked: {
      queue: parked,
      deadLetters: sqsQueue(sqs, names.PARKED_DLQ_URL, { fifo: false }),
      maxReceives: PARKED_MAX_RECEIVES,
    },
  };
}
