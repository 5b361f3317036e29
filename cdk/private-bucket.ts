/** A bucket that outlives the stack and that nobody reads without TLS or from outside the account. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

export type PrivateBucketProps = {
  /** @default S3's own key */
  readonly encryptionKey?: IKey | undefined;
  /**
   * Objects of this prefix are deleted so long after they were written.
   * @default nothing is deleted
   */
  readonly forgets?: { readonly prefix: string; readonly after: Duration };
};

export class PrivateBucket extends Bucket {
  constructor(scope: Construct, id: string, { encryptionKey, forgets }: PrivateBucketProps = {}) {
    super(scope, id, {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      ...(encryptionKey
        ? // One key for many objects: without it every object costs a request to KMS.
          { encryption: BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true }
        : { encryption: BucketEncryption.S3_MANAGED }),
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        // The parts of an upload that broke off are invisible, and are paid for.
        { abortIncompleteMultipartUploadAfter: Duration.days(7) },
        ...(forgets ? [{ prefix: forgets.prefix, expiration: forgets.after }] : []),
      ],
    });
    const reason =
      'ledger and receipts say what became of each object; who else reads is for CloudTrail, which an account has once for all';
    acknowledge(this, 'AwsSolutions-S1', reason);
  }
}
