/**
 * What holds data, and what of it CloudFormation can only change by making it anew, empty: stateful.json beside this has it
 * as it was released, so that a change is seen before it is deployed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { templateOf } from './stack-template.ts';

/** The properties of which AWS's reference of resource types says "Update requires: Replacement", those that are used or could be. */
const REPLACING: Readonly<Record<string, readonly string[]>> = {
  'AWS::S3::Bucket': ['BucketName', 'BucketNamePrefix', 'BucketNamespace', 'ObjectLockEnabled'],
  'AWS::DynamoDB::Table': ['TableName', 'KeySchema', 'LocalSecondaryIndexes', 'ImportSourceSpecification'],
  'AWS::SQS::Queue': ['QueueName', 'FifoQueue'],
  'AWS::KMS::Key': [],
};

const FILE = join(import.meta.dirname, 'stateful.json');
const MEANT = `Somebody who upgrades would lose what is in these resources, or leave it behind: a logical id that is gone or new, or a
property of those listed, makes CloudFormation create an empty one. If it was not meant, take the change back. If it was, say in
CHANGELOG.md what becomes of the data of a stack that is deployed, and write what stands on the left of the difference into test/cdk/stateful.json.`;

function statefulOf(template: Template): object {
  const found = Object.entries(REPLACING).flatMap(([type, properties]) =>
    Object.entries(template.findResources(type)).map(([id, { Properties = {} }]) => {
      const all = Properties as Readonly<Record<string, unknown>>;
      const set = properties.filter((name) => name in all).map((name) => [name, all[name]]);
      return [id, { type, ...Object.fromEntries(set) }];
    }),
  );
  return Object.fromEntries(found);
}

/** Of a stack that is called Test: with another name the queues are others, as they should be. */
function stateful(): object {
  return {
    'as it comes': statefulOf(templateOf()),
    'with an existing bucket and a key of its own': statefulOf(
      templateOf({ existingBucket: 'somebodys-bucket' }, { ownKey: true }),
    ),
  };
}

test('buckets, table, queues and key are those of the last release', () => {
  expect(stateful(), MEANT).toEqual(JSON.parse(readFileSync(FILE, 'utf8')));
});

test('buckets, table and key stay when the stack goes or they are replaced', () => {
  const template = templateOf({}, { ownKey: true });
  for (const type of ['AWS::S3::Bucket', 'AWS::DynamoDB::Table', 'AWS::KMS::Key']) {
    template.allResources(type, { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
  }
});
