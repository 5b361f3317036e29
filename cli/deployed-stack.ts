/** A deployed stack as the CLI sees it: its queues, their dead letters, its ledger and its buckets, found by the stack's outputs. */
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { openTransforms, type TransformOf } from '../lambdas/chunker/transform.ts';
import { announceReceipts } from '../shared/aws/announce.ts';
import { dynamoLedger } from '../shared/aws/ledger.ts';
import { dynamoLedgerView } from '../shared/aws/ledger-view.ts';
import { s3Dumps, s3Results } from '../shared/aws/objects.ts';
import { sqsQueue } from '../shared/aws/queue.ts';
import { hashKeys } from '../shared/aws/secrets.ts';
import { DEFAULT_LEDGER_DAYS } from '../shared/config.ts';
import { STACK_OUTPUTS, type StackOutputs } from '../shared/stack-outputs.ts';
import { referencesBeside } from './load-config.ts';
import { stackTrouble } from './stack-trouble.ts';
import { UsageError } from './usage.ts';

/** With the credentials and the region that the AWS SDK finds (environment, profile). */
export async function openStack(name: string) {
  const output = await readOutputs(name);
  const dynamo = new DynamoDBClient();
  const sqs = new SQSClient();
  // Its adapter tries again by itself, body included.
  const s3 = new S3Client({ maxAttempts: 1 });
  const standard = (url: keyof StackOutputs) => sqsQueue(sqs, output[url], { fifo: false });
  const fifo = (url: keyof StackOutputs) => sqsQueue(sqs, output[url], { fifo: true });
  return {
    queues: { intake: standard('IntakeQueueUrl'), upload: fifo('UploadQueueUrl'), parked: standard('ParkedQueueUrl') },
    deadLetters: { intake: standard('IntakeDlqUrl'), upload: fifo('UploadDlqUrl'), parked: standard('ParkedDlqUrl') },
    ledger: dynamoLedger(dynamo, output.LedgerTableName, { retentionDays: DEFAULT_LEDGER_DAYS }),
    view: dynamoLedgerView(dynamo, output.LedgerTableName),
    results: s3Results(s3, output.ResultsBucketName),
    dumps: s3Dumps(s3),
    announce: announceReceipts(new EventBridgeClient()),
  };
}

/** What the stack's chunker makes of records, by the configuration at this path. */
export function openStackTransforms(configPath: string): TransformOf {
  const secret = hashKeys(new SecretsManagerClient());
  return openTransforms({ secret, references: referencesBeside(configPath), log: () => undefined });
}

async function readOutputs(name: string): Promise<StackOutputs> {
  const client = new CloudFormationClient();
  const command = new DescribeStacksCommand({ StackName: name });
  const { Stacks = [] } = await client.send(command).catch(async (error: unknown) => {
    throw stackTrouble(error, name, await client.config.region().catch(() => undefined)) ?? error;
  });
  const outputs = new Map(Stacks[0]?.Outputs?.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
  const missing = STACK_OUTPUTS.filter((key) => !outputs.get(key));
  if (missing.length > 0)
    throw new UsageError(`stack ${name} has no output ${missing.join(', ')}; is it an importer's stack?`);
  return Object.fromEntries(STACK_OUTPUTS.map((key) => [key, outputs.get(key)])) as StackOutputs;
}
