/** The rest of the stack: rights that would be too wide, buckets that would be open, functions that would not start. */
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import {
  CHUNKER_VARIABLES,
  STACK_VARIABLE,
  UPLOADER_VARIABLES,
  WATCHER_VARIABLES,
} from '../../shared/aws/environment.ts';
import type { EnrichStep } from '../../shared/enrich-step.ts';
import { STACK_OUTPUTS } from '../../shared/stack-outputs.ts';
import {
  deniesPlainHttp,
  type FunctionProperties,
  grantsOf,
  type PolicyProperties,
  propertiesOf,
  templateOf,
} from './stack-template.ts';

const template = templateOf();

describe('buckets and table', () => {
  test('stay when the stack goes, are encrypted and closed to the public and to plain HTTP', () => {
    const block = {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    };
    const bucket = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' };
    template.allResources('AWS::S3::Bucket', {
      ...bucket,
      Properties: Match.objectLike({ PublicAccessBlockConfiguration: block }),
    });
    template.allResourcesProperties('AWS::S3::Bucket', { BucketEncryption: Match.anyValue() });
    expect(propertiesOf<PolicyProperties>(template, 'AWS::S3::BucketPolicy').filter(deniesPlainHttp)).toHaveLength(2);
  });

  test('rejects are kept as long as the ledger knows their dump; dumps and receipts for ever', () => {
    type BucketProperties = { readonly LifecycleConfiguration: { readonly Rules: readonly object[] } };
    const stack = templateOf({ ledgerDays: 90 });
    const rules = propertiesOf<BucketProperties>(stack, 'AWS::S3::Bucket').flatMap(
      ({ LifecycleConfiguration }) => LifecycleConfiguration.Rules,
    );
    const expiring = rules.filter((rule) => 'ExpirationInDays' in rule);
    expect(expiring).toEqual([
      { ExpirationInDays: 90, Prefix: 'rejects/', Status: 'Enabled' },
      { ExpirationInDays: 7, Prefix: 'ready/', Status: 'Enabled' },
    ]);
  });

  test('the landing bucket notifies the intake queue of every new object, which lets S3 of this account send', () => {
    const queue = { 'Fn::GetAtt': [Match.stringLikeRegexp('^IntakeQueue'), 'Arn'] };
    const notification = { QueueConfigurations: [{ Event: 's3:ObjectCreated:*', Queue: queue }] };
    template.hasResource('AWS::S3::Bucket', {
      Properties: Match.objectLike({ NotificationConfiguration: notification }),
      DependsOn: Match.arrayWith([Match.stringLikeRegexp('^IntakeQueuePolicy')]),
    });
    template.hasResourceProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sqs:SendMessage',
            Principal: { Service: 's3.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ]),
      },
    });
  });

  test('an existing bucket is heard through EventBridge, and its versions may be read', () => {
    const stack = templateOf({ existingBucket: 'somebodys-bucket' });
    stack.resourceCountIs('AWS::S3::Bucket', 1);
    stack.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.s3'],
        'detail-type': ['Object Created'],
        detail: { bucket: { name: ['somebodys-bucket'] } },
      },
      Targets: [Match.objectLike({ Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^IntakeQueue'), 'Arn'] } })],
    });
    const rule = { 'Fn::GetAtt': [Match.stringLikeRegexp('^DumpDropped'), 'Arn'] };
    stack.hasResourceProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([Match.objectLike({ Condition: { ArnEquals: { 'aws:SourceArn': rule } } })]),
      },
    });
    expect(grantsOf(stack)).toContainEqual(['s3:GetObjectVersion', expect.stringContaining('somebodys-bucket/*')]);
    stack.hasOutput('LandingBucketName', { Value: 'somebodys-bucket' });
  });

  test('the ledger is kept, can be restored to any moment and forgets old items', () => {
    template.hasResource('AWS::DynamoDB::Table', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    });
  });
});

test('dumps are listed through an index that an update adds to a table in use, and that only the watcher may use', () => {
  template.hasResourceProperties('AWS::DynamoDB::Table', {
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'dumps',
        KeySchema: [
          { AttributeName: 'state', KeyType: 'HASH' },
          { AttributeName: 'startedAt', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['dumpId', 'run', 'dump', 'source'] },
      },
    ],
  });
  const users = /^(?!Watcher)/;
  expect(grantsOf(template, users).filter(([, resource]) => resource.includes('/index/'))).toEqual([]);
  expect(grantsOf(template)).toContainEqual(['dynamodb:Query', expect.stringContaining('"/index/dumps"')]);
});

describe('functions', () => {
  const functions = propertiesOf<FunctionProperties>(template, 'AWS::Lambda::Function');

  test('are the three of ours: nothing else is deployed that would run', () => {
    expect(functions.map(({ id }) => id.replace(/Function.*/, ''))).toEqual(['Chunker', 'Uploader', 'Watcher']);
    template.allResourcesProperties('AWS::Lambda::Function', { Runtime: 'nodejs24.x', Architectures: ['arm64'] });
  });

  test('get exactly the environment variables that their handlers read', () => {
    const variables = functions.map(({ Environment }) => Object.keys(Environment.Variables).toSorted());
    const expected = [CHUNKER_VARIABLES, UPLOADER_VARIABLES, WATCHER_VARIABLES].map((names) =>
      [...names, STACK_VARIABLE].toSorted(),
    );
    expect(variables).toEqual(expected);
  });

  test('may do what is written by hand: no wildcard action, no resource "*", no managed policy', () => {
    const grants = grantsOf(template);
    expect(grants.length).toBeGreaterThan(20);
    expect(grants.filter(([action, resource]) => action.includes('*') || resource === '"*"')).toEqual([]);
    template.resourcePropertiesCountIs('AWS::IAM::Role', { ManagedPolicyArns: Match.anyValue() }, 0);
  });

  test('may read the secrets of the configuration, each by name or by ARN, and no other', () => {
    const arn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:other-AbCdEf';
    const sources = ['amplitude/main', arn, 'amplitude/main'].map((secret, index) => ({
      name: `source-${index}`,
      prefix: `${index}/`,
      project: { secret },
    }));
    const secrets = grantsOf(templateOf({ sources })).filter(([action]) => action.startsWith('secretsmanager:'));
    expect(secrets).toEqual([
      ['secretsmanager:GetSecretValue', expect.stringMatching(/":secret:amplitude\/main-\?{6}"/)],
      ['secretsmanager:GetSecretValue', JSON.stringify(arn)],
    ]);
  });

  test('the uploader may read the secret of each project of a route, and the chunker none of them', () => {
    const projects = { acme: { secret: 'acme/key' }, globex: { secret: 'globex/key' }, uk: { secret: 'acme/key' } };
    const stack = templateOf({ sources: [{ name: 'tenants', route: { by: 'tenant', projects } }] });
    const secretsOf = (ids: RegExp) => grantsOf(stack, ids).filter(([action]) => action.startsWith('secretsmanager:'));
    expect(secretsOf(/^Uploader/).map(([, resource]) => /secret:([^-]+)-/.exec(resource)?.[1])).toEqual([
      'acme/key',
      'globex/key',
    ]);
    expect(secretsOf(/^Chunker/)).toEqual([]);
  });

  test('the chunker may read a secret only when a step of a source names one', () => {
    const secretsOf = (enrich: EnrichStep[]) => {
      const sources = [{ name: 'events', project: { secret: 'amplitude/main' }, enrich }];
      return grantsOf(templateOf({ sources }), /^Chunker/).filter(([action]) => action.startsWith('secretsmanager:'));
    };
    const hash = { fields: ['user_id'], secret: 'hash/key' };
    expect(secretsOf([{ drop: ['ip'] }])).toEqual([]);
    expect(secretsOf([{ hash }, { hash: { ...hash, fields: ['device_id'] } }])).toEqual([
      ['secretsmanager:GetSecretValue', expect.stringMatching(/":secret:hash\/key-\?{6}"/)],
    ]);
  });
});

describe('the watcher', () => {
  test('is run every 15 minutes, and by nobody else', () => {
    const target = { 'Fn::GetAtt': [Match.stringLikeRegexp('^WatcherFunction'), 'Arn'] };
    const schedule = { ScheduleExpression: 'rate(15 minutes)', Targets: [Match.objectLike({ Arn: target })] };
    template.hasResourceProperties('AWS::Events::Rule', schedule);
    template.resourceCountIs('AWS::Lambda::Permission', 1);
  });

  test('lists what lies in the bucket, versions where there may be any, and can read none of it', () => {
    const listing = (of: typeof template) => grantsOf(of, /^Watcher/).filter(([, at]) => /"Landing|somebodys/.test(at));
    expect(listing(template).map(([action]) => action)).toEqual(['s3:ListBucket']);
    expect(listing(templateOf({ existingBucket: 'somebodys-bucket' })).map(([action]) => action)).toEqual([
      's3:ListBucket',
      's3:ListBucketVersions',
    ]);
  });
});

describe('files that the configuration names', () => {
  const source = { name: 'events', project: { secret: 'amplitude/main' } };
  const lookup = (file: string): EnrichStep => ({ lookup: { file, key: 'city', column: 'code', take: ['name'] } });
  const reads = (enrich: EnrichStep[]) =>
    grantsOf(templateOf({ existingBucket: 'dumps', sources: [{ ...source, enrich }] }), /^Chunker/).filter(
      ([action, resource]) => action === 's3:GetObject' && !/dumps\/\*|\/ready\/\*/.test(resource),
    );

  test('in S3 may be read by the chunker, each by its own name, and nothing else', () => {
    expect(reads([{ drop: ['ip'] }])).toEqual([]);
    const files = ['s3://refs/places.csv', 's3://refs/a b/*?.csv', 's3://refs/places.csv'];
    expect(reads(files.map(lookup))).toEqual([
      ['s3:GetObject', expect.stringContaining('":s3:::refs/places.csv"')],
      ['s3:GetObject', expect.stringContaining('":s3:::refs/a b/${*}${?}.csv"')],
    ]);
  });

  test('beside it must be there and right before anything is deployed', () => {
    const settings = { sources: [{ ...source, convert: './converter.json', enrich: [lookup('./places.csv')] }] };
    expect(() => templateOf(settings)).toThrow(
      /sources\[0\]\.enrich\[0\]\.lookup\.file: cannot read \.\/places\.csv: .*\n.*sources\[0\]\.convert: cannot read \.\/converter\.json/,
    );
  });
});

test('the chunker may send parts of dumps to its own queue; what comes back again and again, only where a source wants order', () => {
  const [project, inOrder] = [{ secret: 'amplitude/api-key' }, true];
  const ordered = templateOf({ sources: [{ name: 'days', project, inOrder }] });
  const intoIntake = (of: typeof template) =>
    grantsOf(of, /^Chunker/).filter(
      ([action, resource]) => action === 'sqs:SendMessage' && resource.includes('"IntakeQueue'),
    );
  const loops = (of: typeof template) =>
    propertiesOf<{ RecursiveLoop: string }>(of, 'AWS::Lambda::Function').map(({ RecursiveLoop }) => RecursiveLoop);
  expect([intoIntake(template), intoIntake(ordered)].map(({ length }) => length)).toEqual([1, 1]);
  expect([loops(template), loops(ordered)]).toEqual([
    ['Terminate', 'Allow', 'Terminate'],
    ['Allow', 'Allow', 'Terminate'],
  ]);
});

test('the outputs are those that the command line reads', () => {
  expect(Object.keys(template.findOutputs('*')).toSorted()).toEqual(STACK_OUTPUTS.toSorted());
});
