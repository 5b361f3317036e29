/** The watcher as a Lambda: run by the clock, it looks whether all that was dropped is known, and what was expected is in. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, ScheduledEvent } from 'aws-lambda';
import configured from '#importer-config';
import { readEnvironment, STACK_VARIABLE, WATCHER_VARIABLES } from '../../shared/aws/environment.ts';
import { s3Landing } from '../../shared/aws/landing.ts';
import { dynamoLedger } from '../../shared/aws/ledger.ts';
import { dynamoLedgerView } from '../../shared/aws/ledger-view.ts';
import { s3Results } from '../../shared/aws/objects.ts';
import { sqsQueue } from '../../shared/aws/queue.ts';
import { openTelemetry } from '../../shared/aws/telemetry.ts';
import { bundledName, loadFiles } from '../../shared/config-files.ts';
import { watchLanding, type WatchPorts } from './watch-landing.ts';

let sandbox: ReturnType<typeof openSandbox> | undefined;

/** The event's time is the one for which the run was planned. */
export async function handler({ time }: Pick<ScheduledEvent, 'time'>, context: Context): Promise<void> {
  sandbox ??= openSandbox();
  const { telemetry, ports } = sandbox;
  await telemetry.invocation(context.awsRequestId, () => watchLanding(Date.parse(time), ports));
}

function openSandbox() {
  const bundled = (file: string) => join(import.meta.dirname, bundledName(file));
  const importer = loadFiles(configured, {
    read: (file) => readFileSync(bundled(file)),
    check: (file) => void statSync(bundled(file)),
  });
  const names = readEnvironment(WATCHER_VARIABLES, process.env);
  const telemetry = openTelemetry('watcher', process.env[STACK_VARIABLE] ?? 'unnamed');
  const { log, measure } = telemetry;
  const sqs = new SQSClient();
  const dynamo = new DynamoDBClient();
  // Its adapters try again by themselves.
  const s3 = new S3Client({ maxAttempts: 1 });
  const ports: WatchPorts = {
    importer,
    landing: s3Landing(s3, names.LANDING_BUCKET, { hasVersions: importer.existingBucket !== undefined }),
    view: dynamoLedgerView(dynamo, names.LEDGER_TABLE),
    ledger: dynamoLedger(dynamo, names.LEDGER_TABLE, { retentionDays: importer.ledgerDays }),
    intake: sqsQueue(sqs, names.INTAKE_QUEUE_URL, { fifo: false }),
    deadLetters: sqsQueue(sqs, names.INTAKE_DLQ_URL, { fifo: false }),
    results: s3Results(s3, names.RESULTS_BUCKET),
    log,
    measure,
  };
  return { ports, telemetry };
}
