/** The chunker as a Lambda: intake messages come in, dumps are chunked, what is not done yet stays on the queue. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readFileSync, statSync } from 'node:fs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import configured from '#importer-config';
import { CHUNKER_VARIABLES, readEnvironment, STACK_VARIABLE } from '../../shared/aws/environment.ts';
import { dynamoLedger } from '../../shared/aws/ledger.ts';
import { s3References } from '../../shared/aws/references.ts';
import { s3Dumps, s3Results } from '../../shared/aws/objects.ts';
import { sqsQueue } from '../../shared/aws/queue.ts';
import { openTelemetry } from '../../shared/aws/telemetry.ts';
import { bundledName, type FileReader, loadFiles, textOfFiles } from '../../shared/config-files.ts';
import { fileReferences } from '../../shared/embedded/references.ts';
import { describeError } from '../../shared/log.ts';
import type { Importer } from '../../shared/config.ts';
import type { Receipt } from '../../shared/receipt.ts';
import { eitherReferences } from '../../shared/references.ts';
import { INTAKE_MAX_TRIES } from './intake-back-off.ts';
import { type IntakePorts, takeIntake } from './take-intake.ts';
import { openTransforms } from './transform.ts';

/** S3 notifies within seconds; a look at the line is an invocation of some 20 ms. */
const LINE = { graceMs: 10_000, pollMs: 5_000 };

type Sandbox = ReturnType<typeof openSandbox>;
let sandbox: Sandbox | undefined;

export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  sandbox ??= openSandbox();
  const { telemetry } = sandbox;
  return telemetry.invocation(context.awsRequestId, () => takeMessages(event, context));
}

async function takeMessages(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
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
      ports.log('warn', 'message stays hidden until its visibility timeout', { error: describeError(error) });
    });
  }
  return { batchItemFailures };
}

function openSandbox() {
  const importer = loadFiles(configured, BUNDLED);
  const names = readEnvironment(CHUNKER_VARIABLES, process.env);
  const telemetry = openTelemetry('chunker', process.env[STACK_VARIABLE] ?? 'unnamed');
  const { log, measure } = telemetry;
  const sqs = new SQSClient();
  // Its adapter tries again by itself, body included.
  const s3 = new S3Client({ maxAttempts: 1 });
  const references = eitherReferences(fileReferences(bundledPath), async () => s3References(s3));
  const intake = sqsQueue(sqs, names.INTAKE_QUEUE_URL, { fifo: false });
  const ports: Omit<IntakePorts, 'msLeft' | 'owner'> = {
    importer,
    fingerprint: fingerprintOf(importer),
    dumps: s3Dumps(s3),
    results: s3Results(s3, names.RESULTS_BUCKET),
    ledger: dynamoLedger(new DynamoDBClient(), names.LEDGER_TABLE, { retentionDays: importer.ledgerDays }),
    uploads: sqsQueue(sqs, names.UPLOAD_QUEUE_URL, { fifo: true }),
    transformOf: openTransforms({ secret: hashKey, references, log }),
    references,
    announce,
    now: Date.now,
    log,
    measure,
    intake,
    line: LINE,
    deadLetters: sqsQueue(sqs, names.INTAKE_DLQ_URL, { fifo: false }),
    maxTries: INTAKE_MAX_TRIES,
    readers: importer.chunkers,
  };
  return { ports, intake, telemetry };
}

/** Where the stack has put the files that the configuration names. */
function bundledPath(file: string): string {
  return join(import.meta.dirname, bundledName(file));
}

const BUNDLED: FileReader = {
  read: (file) => readFileSync(bundledPath(file)),
  check: (file) => void statSync(bundledPath(file)),
};

/** The bundle holds the code and the config. zlib decides how small a chunk becomes, and so whether it is halved. */
function fingerprintOf(importer: Importer): string {
  return createHash('sha256')
    .update(readFileSync(import.meta.filename))
    .update(textOfFiles(importer))
    .update(process.versions.zlib)
    .digest('hex')
    .slice(0, 20);
}

/** Nearly all dumps end in the uploader: what announces one that ends here is loaded then. */
async function announce(receipt: Receipt): Promise<void> {
  const [{ EventBridgeClient }, { announceReceipts }] = await Promise.all([
    import('@aws-sdk/client-eventbridge'),
    import('../../shared/aws/announce.ts'),
  ]);
  return announceReceipts(new EventBridgeClient())(receipt);
}

/** Few sources hash anything: the others' starts do not load what it takes. */
async function hashKey(secret: string): Promise<string> {
  const [{ SecretsManagerClient }, { hashKeys }] = await Promise.all([
    import('@aws-sdk/client-secrets-manager'),
    import('../../shared/aws/secrets.ts'),
  ]);
  return hashKeys(new SecretsManagerClient())(secret);
}
