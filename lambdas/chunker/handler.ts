/** The chunker as a Lambda: intake messages come in, dumps are chunked, what is not done yet stays on the queue. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import importer from '../../importer.config.ts';
import { announceReceipts } from '../../shared/aws/announce.ts';
import { CHUNKER_VARIABLES, readEnvironment } from '../../shared/aws/environment.ts';
import { dynamoLedger } from '../../shared/aws/ledger.ts';
import { s3Dumps, s3Results } from '../../shared/aws/objects.ts';
import { sqsQueue } from '../../shared/aws/queue.ts';
import { hashKeys } from '../../shared/aws/secrets.ts';
import { describeError, logJson } from '../../shared/log.ts';
import { INTAKE_MAX_RECEIVES } from './intake-back-off.ts';
import { type IntakePorts, takeIntake } from './take-intake.ts';
import { openTransforms } from './transform.ts';

/** S3 notifies within seconds; a look at the line is an invocation of some 20 ms. */
const LINE = { graceMs: 10_000, pollMs: 5_000 };

type Sandbox = ReturnType<typeof openSandbox>;
let sandbox: Sandbox | undefined;

export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  sandbox ??= openSandbox();
  const { intake, ports } = sandbox;
  const batchItemFailures: { itemIdentifier: string }[] = [];
  const invocation = { ...ports, owner: context.awsRequestId, msLeft: () => context.getRemainingTimeInMillis() };
  for (const record of event.Records) {
    const receives = Number(record.attributes.ApproximateReceiveCount);
    const waitMs = await takeIntake(record.body, receives, invocation);
    if (waitMs === undefined) continue;
    batchItemFailures.push({ itemIdentifier: record.messageId });
    await intake.hide(record.receiptHandle, waitMs).catch((error: unknown) => {
      logJson('warn', 'message stays hidden until its visibility timeout', { error: describeError(error) });
    });
  }
  return { batchItemFailures };
}

function openSandbox() {
  const names = readEnvironment(CHUNKER_VARIABLES, process.env);
  const sqs = new SQSClient();
  // Its adapter tries again by itself, body included.
  const s3 = new S3Client({ maxAttempts: 1 });
  const intake = sqsQueue(sqs, names.INTAKE_QUEUE_URL, { fifo: false });
  const ports: Omit<IntakePorts, 'msLeft' | 'owner'> = {
    importer,
    // The bundle holds the code and the config. zlib decides how small a chunk becomes, and so whether it is halved.
    fingerprint: createHash('sha256')
      .update(readFileSync(import.meta.filename))
      .update(process.versions.zlib)
      .digest('hex')
      .slice(0, 20),
    dumps: s3Dumps(s3),
    results: s3Results(s3, names.RESULTS_BUCKET),
    ledger: dynamoLedger(new DynamoDBClient(), names.LEDGER_TABLE, { retentionDays: importer.ledgerDays }),
    uploads: sqsQueue(sqs, names.UPLOAD_QUEUE_URL, { fifo: true }),
    transformOf: openTransforms({ secret: hashKeys(new SecretsManagerClient()) }),
    announce: announceReceipts(new EventBridgeClient()),
    now: Date.now,
    log: logJson,
    intake,
    line: LINE,
    maxReceives: INTAKE_MAX_RECEIVES,
  };
  return { ports, intake };
}
