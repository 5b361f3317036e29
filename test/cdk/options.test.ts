/** What a stack has by option: a key of its own, a network, a second importer beside the first. */
import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { describe, expect, test } from 'vitest';
import { Importer } from '../../cdk/importer.ts';
import {
  type FunctionProperties,
  grantsOf,
  propertiesOf,
  propsOf,
  type QueueProperties,
  templateOf,
} from './stack-template.ts';

type KeyProperties = {
  readonly KeyPolicy: { readonly Statement: readonly object[] };
  readonly EnableKeyRotation: boolean;
};

describe('with a key of its own', () => {
  const template = templateOf({}, { ownKey: true });
  const [key] = propertiesOf<KeyProperties>(template, 'AWS::KMS::Key');
  const arn = { 'Fn::GetAtt': [key?.id, 'Arn'] };

  test('everything that holds events, rejects or books is encrypted with it', () => {
    const encryption = {
      BucketKeyEnabled: true,
      ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: arn },
    };
    template.allResourcesProperties('AWS::S3::Bucket', {
      BucketEncryption: { ServerSideEncryptionConfiguration: [encryption] },
    });
    template.allResourcesProperties('AWS::SQS::Queue', { KmsMasterKeyId: arn });
    template.allResourcesProperties('AWS::DynamoDB::Table', {
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: arn },
    });
  });

  test('S3 and EventBridge may use it for this account: otherwise no dump would ever be announced', () => {
    expect(key?.KeyPolicy.Statement).toContainEqual(
      expect.objectContaining({
        Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
        Principal: { Service: ['s3.amazonaws.com', 'events.amazonaws.com'] },
        Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
      }),
    );
  });

  test.each([/^Chunker/, /^Uploader/])('%s may use it as far as S3, SQS and DynamoDB do so on its behalf', (ids) => {
    const grants = grantsOf(template, ids).filter(([action]) => action.startsWith('kms:'));
    expect(grants.map(([action]) => action)).toEqual(expect.arrayContaining(['kms:Decrypt', 'kms:GenerateDataKey']));
    expect(new Set(grants.map(([, resource]) => resource))).toEqual(new Set([JSON.stringify(arn)]));
    const services = Match.arrayWith([{ 'Fn::Join': ['', Match.arrayWith(['sqs.'])] }]);
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyName: Match.stringLikeRegexp(ids.source),
      PolicyDocument: {
        Statement: Match.arrayWith([Match.objectLike({ Condition: { StringEquals: { 'kms:ViaService': services } } })]),
      },
    });
  });

  test('it is changed every year, and stays with the buckets when the stack goes', () => {
    expect(key?.EnableKeyRotation).toBe(true);
    template.hasResource('AWS::KMS::Key', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
  });

  test('without it no role may do anything with keys', () => {
    expect(grantsOf(templateOf()).filter(([action]) => action.startsWith('kms:'))).toEqual([]);
  });
});

describe('in a network', () => {
  const stack = new Stack(new App({ context: { 'aws:cdk:bundling-stacks': [] } }), 'Own');
  const network = { vpcId: 'vpc-1', availabilityZones: ['a'], privateSubnetIds: ['subnet-1'] };
  new Importer(stack, 'Importer', { ...propsOf(), network: { vpc: Vpc.fromVpcAttributes(stack, 'Network', network) } });
  const template = Template.fromStack(stack);

  test('all functions are in its private subnets and may be connected to them', () => {
    template.allResourcesProperties('AWS::Lambda::Function', {
      VpcConfig: Match.objectLike({ SubnetIds: ['subnet-1'] }),
    });
    const actions = grantsOf(template).filter(([action]) => action === 'ec2:CreateNetworkInterface');
    expect(actions).toHaveLength(3);
  });

  test('without one no role may do anything with networks', () => {
    expect(grantsOf(templateOf()).filter(([action]) => action.startsWith('ec2:'))).toEqual([]);
  });
});

test('several importers of one stack share no name, and each has the tag with its own', () => {
  const stack = new Stack(new App({ context: { 'aws:cdk:bundling-stacks': [] } }), 'Own');
  new Importer(stack, 'First', propsOf());
  new Importer(stack, 'Second', propsOf({ existingBucket: 'somebodys-bucket' }));
  const template = Template.fromStack(stack);
  type Tagged = QueueProperties & { readonly Tags: readonly { readonly Key: string; readonly Value: string }[] };
  const queues = propertiesOf<Tagged>(template, 'AWS::SQS::Queue');
  const names = queues.map(({ QueueName }) => QueueName);
  expect(new Set(names).size).toBe(12);
  for (const { QueueName, Tags } of queues) {
    expect(QueueName.startsWith(`${Tags.find(({ Key }) => Key === 's3-to-amplitude')?.Value}-`)).toBe(true);
  }
  const environments = propertiesOf<FunctionProperties>(template, 'AWS::Lambda::Function').map((f) => f.Environment);
  expect(new Set(environments.map((each) => JSON.stringify(each))).size).toBe(6);
});
