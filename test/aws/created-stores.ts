/** Creates a template's buckets, queues and table, and looks into them as whoever owns the account. */
import { CreateTableCommand, type CreateTableCommandInput, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { dynamoLedger } from '../../shared/aws/ledger.ts';
import { s3Results } from '../../shared/aws/objects.ts';
import { sqsQueue } from '../../shared/aws/queue.ts';
import type { Dump } from '../../shared/dump.ts';
import type { Ledger } from '../../shared/ledger.ts';
import type { Results } from '../../shared/objects.ts';
import type { Queue } from '../../shared/queue.ts';
import type { Fauxqs } from '../fauxqs.ts';
import { s3Notification } from './s3-notification.ts';
import { queueArn, type Template } from './template.ts';

export type Stores = {
  readonly results: Results;
  readonly ledger: Ledger;
  /** The upload queue, as whoever may send to it sees it. */
  readonly uploads: Pick<Queue, 'send'>;
  /** Puts the object into the landing bucket and sends the notification that S3 would. */
  drop(key: string, body: string | Buffer): Promise<{ readonly dump: Dump; readonly notification: string }>;
  /** Puts the object into the landing bucket, and nobody is told. */
  dropUnheard(key: string, body: string | Buffer): Promise<Dump>;
  /** Puts an object into a bucket of somebody else's, which is made first. */
  putElsewhere(bucket: string, key: string, body: string): Promise<void>;
  /** Sends a body to the queue that the landing bucket notifies. */
  notify(body: string): Promise<void>;
  /** Messages in each queue, by name; those that are hidden count. */
  queued(): Promise<Record<string, number>>;
};

type BucketProperties = {
  readonly NotificationConfiguration?: { readonly QueueConfigurations: readonly { readonly Queue: string }[] };
};
type QueueProperties = { readonly QueueName: string; readonly [attribute: string]: unknown };

/** `visibilities` replace the visibility timeouts of the queues they name, seconds. */
export async function createStores(
  template: Template,
  fauxqs: Fauxqs,
  dynamo: DynamoDBClient,
  visibilities: ReadonlyMap<string, number> = new Map(),
): Promise<Stores> {
  const { outputs } = template;
  const { s3, sqs } = fauxqs;
  const queues = await createQueues(template, fauxqs, visibilities);
  const notified = await createBuckets(template, fauxqs);
  for (const { id, properties } of template.resources<Omit<CreateTableCommandInput, 'TableName'>>(
    'AWS::DynamoDB::Table',
  )) {
    const { AttributeDefinitions, KeySchema, BillingMode, GlobalSecondaryIndexes } = properties;
    await dynamo.send(
      new CreateTableCommand({
        TableName: id.toLowerCase(),
        AttributeDefinitions,
        KeySchema,
        BillingMode,
        GlobalSecondaryIndexes,
      }),
    );
  }
  const urlOf = (name: string) => queues.find((url) => url.endsWith(`/${name}`)) ?? `no queue ${name}`;
  const notify = async (body: string) => {
    const [name = ''] = notified;
    await sqsQueue(sqs, urlOf(name), { fifo: false }).send([{ id: 'notification', body }]);
  };
  const dropUnheard = async (key: string, body: string | Buffer): Promise<Dump> => {
    const bucket = outputs.LandingBucketName;
    const put = new PutObjectCommand({ Bucket: bucket, Key: key, Body: Buffer.from(body) });
    const { ETag: etag = '' } = await s3.send(put);
    return { bucket, key, etag: etag.replaceAll('"', ''), size: Buffer.byteLength(body) };
  };
  return {
    results: s3Results(s3, outputs.ResultsBucketName),
    uploads: sqsQueue(sqs, urlOf('S3ToAmplitude-upload.fifo'), { fifo: true }),
    ledger: dynamoLedger(dynamo, outputs.LedgerTableName, { retentionDays: 1 }),
    dropUnheard,
    async drop(key, body) {
      const dump = await dropUnheard(key, body);
      const notification = s3Notification(dump);
      await notify(notification);
      return { dump, notification };
    },
    async putElsewhere(bucket, key, body) {
      await fauxqs.createBucket(bucket);
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    },
    notify,
    async queued() {
      const sizes = queues.map(async (url): Promise<[string, number]> => {
        const { visible, hidden } = await sqsQueue(sqs, url, { fifo: url.endsWith('.fifo') }).size();
        return [url.split('/').at(-1) ?? url, visible + hidden];
      });
      return Object.fromEntries(await Promise.all(sizes));
    },
  };
}

/** The queues' URLs. CloudFormation calls a queue's attributes as SQS does. */
async function createQueues(
  template: Template,
  { sqs, endpoint }: Fauxqs,
  visibilities: ReadonlyMap<string, number>,
): Promise<string[]> {
  const queues = template.resources<QueueProperties>('AWS::SQS::Queue');
  const urls: string[] = [];
  for (const { properties } of queues) {
    const { QueueName, ...attributes } = properties;
    const VisibilityTimeout = visibilities.get(QueueName) ?? attributes['VisibilityTimeout'];
    const given = { ...attributes, ...(VisibilityTimeout !== undefined && { VisibilityTimeout }) };
    const texts = Object.entries(given).map(([name, value]) => [name, toText(value)]);
    await sqs.send(new CreateQueueCommand({ QueueName, Attributes: Object.fromEntries(texts) }));
    urls.push(`${endpoint}/${queueArn(QueueName).split(':').slice(4).join('/')}`);
  }
  return urls;
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The names of the queues that hear of new objects. */
async function createBuckets(template: Template, fauxqs: Fauxqs): Promise<string[]> {
  const notified: string[] = [];
  for (const { id, properties } of template.resources<BucketProperties>('AWS::S3::Bucket')) {
    await fauxqs.createBucket(id.toLowerCase());
    const configurations = properties.NotificationConfiguration?.QueueConfigurations ?? [];
    notified.push(...configurations.map(({ Queue }) => Queue.split(':').at(-1) ?? Queue));
  }
  return notified;
}
