/** What a key of the user's own needs to be told, so that everybody who must can use it, through these services only. */
import { Aws } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';

/**
 * Both put notifications of new dumps on the encrypted intake queue. Without this they cannot, and say so to nobody.
 * What the functions do is in their roles: a key's own policy leaves that to IAM. A key that is only named stays as it is.
 */
export function letServicesUse(key: IKey): void {
  key.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('s3.amazonaws.com'), new ServicePrincipal('events.amazonaws.com')],
      actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
      resources: ['*'], // in a key's policy: this key
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
  );
}

/**
 * What a function's role may do with the key: only as far as S3, SQS and DynamoDB do it on its behalf. The list is the one
 * that DynamoDB asks of whoever uses an encrypted table; the first two are enough for objects and messages.
 */
export function useThroughServices(key: IKey): PolicyStatement {
  const services = ['s3', 'sqs', 'dynamodb'].map((service) => `${service}.${Aws.REGION}.${Aws.URL_SUFFIX}`);
  return new PolicyStatement({
    actions: [
      'kms:Decrypt',
      'kms:GenerateDataKey',
      'kms:GenerateDataKeyWithoutPlaintext',
      'kms:Encrypt',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
      'kms:DescribeKey',
    ],
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': services } },
  });
}
