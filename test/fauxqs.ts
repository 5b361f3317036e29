/** S3 and SQS in this process, on a free port of loopback, with clients for them. */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { buildApp } from 'fauxqs';

export type Fauxqs = {
  readonly endpoint: string;
  readonly s3: S3Client;
  readonly sqs: SQSClient;
  createBucket(name: string): Promise<void>;
  /** The queue's URL. A name that ends in `.fifo` makes a FIFO queue. */
  createQueue(name: string, deadLetters?: { readonly queue: string; readonly maxReceives: number }): Promise<string>;
  stop(): Promise<void>;
};

/** What every client in a test needs; the credentials are good for nothing. */
export const FAKE_AWS = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } } as const;

const ACCOUNT = '000000000000';

export async function startFauxqs(): Promise<Fauxqs> {
  const app = buildApp({ logger: false });
  const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
  const s3 = new S3Client({ ...FAKE_AWS, endpoint, forcePathStyle: true, maxAttempts: 1 });
  const sqs = new SQSClient({ ...FAKE_AWS, endpoint });
  return {
    endpoint,
    s3,
    sqs,
    async createBucket(name) {
      await s3.send(new CreateBucketCommand({ Bucket: name }));
    },
    async createQueue(name, deadLetters) {
      const redrive = deadLetters && {
        deadLetterTargetArn: `arn:aws:sqs:${FAKE_AWS.region}:${ACCOUNT}:${deadLetters.queue}`,
        maxReceiveCount: deadLetters.maxReceives,
      };
      const Attributes = {
        ...(name.endsWith('.fifo') && { FifoQueue: 'true' }),
        ...(redrive && { RedrivePolicy: JSON.stringify(redrive) }),
      };
      await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
      // Not the URL it answers with: that has a host name (sqs.us-east-1.localhost) which not every machine resolves.
      return `${endpoint}/${ACCOUNT}/${name}`;
    },
    async stop() {
      s3.destroy();
      sqs.destroy();
      await app.close();
    },
  };
}
