/** Where dumps are dropped, and how the intake queue hears of them: directly from our own bucket, through EventBridge from another. */
import { Aws } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Bucket, type CfnBucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Importer } from '../shared/config.ts';
import { PrivateBucket } from './private-bucket.ts';

/** What can be said of a bucket that is not ours, too. */
export type LandingBucket = {
  readonly bucket: Pick<IBucket, 'bucketName' | 'bucketArn' | 'arnForObjects'>;
  /** What brings its notifications, if it is not S3 itself. */
  readonly rule?: Rule;
};

export function landingBucket(
  scope: Construct,
  { existingBucket }: Pick<Importer, 'existingBucket'>,
  intake: Queue,
  encryptionKey?: IKey,
): LandingBucket {
  if (existingBucket === undefined) return { bucket: ownBucket(scope, intake, encryptionKey) };
  const rule = routeDumps(scope, existingBucket, intake);
  return { bucket: Bucket.fromBucketName(scope, 'Landing', existingBucket), rule };
}

/**
 * Every way of creating an object counts: a large dump arrives by multipart upload. The notification is written into the
 * bucket itself, because CDK's `addEventNotification` deploys one more Lambda function for it.
 */
function ownBucket(scope: Construct, intake: Queue, encryptionKey?: IKey): Bucket {
  const bucket = new PrivateBucket(scope, 'Landing', { encryptionKey });
  intake.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('s3.amazonaws.com')],
      actions: ['sqs:SendMessage'],
      resources: [intake.queueArn],
      // The account and not the bucket's ARN: CloudFormation would have to make the two before each other.
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
  );
  const resource = bucket.node.defaultChild as CfnBucket;
  resource.notificationConfiguration = {
    queueConfigurations: [{ event: 's3:ObjectCreated:*', queue: intake.queueArn }],
  };
  // S3 checks at once that it may send to the queue, so that the queue and its policy come first.
  bucket.node.addDependency(intake);
  return bucket;
}

/**
 * A bucket has one notification document, and that of an existing bucket may be somebody's already: hence EventBridge,
 * to which its owner has to connect it. The target lets this one rule send to the queue.
 */
function routeDumps(scope: Construct, bucketName: string, intake: Queue): Rule {
  return new Rule(scope, 'DumpDropped', {
    description: `Tells the importer what is dropped into ${bucketName}`,
    eventPattern: {
      source: ['aws.s3'],
      detailType: ['Object Created'],
      detail: { bucket: { name: [bucketName] } },
    },
    targets: [new SqsQueue(intake)],
  });
}
