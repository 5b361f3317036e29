/** A queue and, behind it, the dead-letter queue of the same type. */
import { Duration, Stack } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  DeduplicationScope,
  FifoThroughputLimit,
  type IQueue,
  Queue,
  QueueEncryption,
  type QueueProps,
  RedrivePermission,
} from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export type QueueWithDeadLettersProps = {
  /** The names of both queues begin with it. */
  readonly namesPrefix: string;
  /** @default SQS's own key */
  readonly encryptionKey?: IKey;
  /** How long a received message stays hidden; no shorter than its function may run. */
  readonly visibility: Duration;
  /** After so many receives SQS itself moves a message to the dead-letter queue; at most 1,000. */
  readonly maxReceives: number;
  /**
   * Lanes: messages of one group are handed out one at a time and in order, those of different groups beside each other.
   * @default false
   */
  readonly fifo?: boolean;
};

/** The longest that SQS keeps a message. */
const LONGEST = Duration.days(14);
/** On a standard queue a message keeps its age when SQS moves it: this leaves 4 days to look at it. */
const STANDARD_RETENTION = Duration.days(10);

export class QueueWithDeadLetters extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: QueueWithDeadLettersProps) {
    super(scope, id);
    const { namesPrefix, encryptionKey, visibility, maxReceives, fifo = false } = props;
    const name = `${namesPrefix}-${id.toLowerCase()}`;
    const suffix = fifo ? '.fifo' : '';
    const protection: QueueProps = {
      enforceSSL: true,
      ...(encryptionKey
        ? { encryption: QueueEncryption.KMS, encryptionMasterKey: encryptionKey }
        : { encryption: QueueEncryption.SQS_MANAGED }),
    };
    const type = fifo ? lanes() : {};
    this.deadLetters = new Queue(this, 'DeadLetters', {
      ...protection,
      ...type,
      queueName: `${name}-dlq${suffix}`,
      retentionPeriod: LONGEST,
      redriveAllowPolicy: {
        redrivePermission: RedrivePermission.BY_QUEUE,
        sourceQueues: [this.named(`${name}${suffix}`)],
      },
    });
    this.queue = new Queue(this, 'Queue', {
      ...protection,
      ...type,
      queueName: `${name}${suffix}`,
      visibilityTimeout: visibility,
      retentionPeriod: fifo ? LONGEST : STANDARD_RETENTION,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: maxReceives },
    });
  }

  /** The two queues name each other, and CloudFormation makes the dead-letter queue first: hence its queue goes by its name. */
  private named(resource: string): IQueue {
    return Queue.fromQueueArn(this, 'Source', Stack.of(this).formatArn({ service: 'sqs', resource }));
  }
}

/** High throughput: a quota for each group instead of one for the queue. The sender says what is a repeat. */
function lanes(): QueueProps {
  return {
    fifo: true,
    deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
    fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
  };
}
