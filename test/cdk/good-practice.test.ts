/**
 * What AWS calls good practice (cdk-nag's AwsSolutions) and what CloudFormation would refuse, with every option. Without them
 * `npm run synth` looks at it, before the tests.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, expect, test, vi } from 'vitest';
import { Importer } from '../../cdk/importer.ts';
import { ImporterStack, type ImporterStackProps } from '../../cdk/importer-stack.ts';
import type { ImporterInput } from '../../shared/config.ts';
import { propsOf } from './stack-template.ts';

process.env.CDK_VALIDATION = 'true';
// Some seconds of one core each.
vi.setConfig({ testTimeout: 240_000 });

const outdir = mkdtempSync(join(tmpdir(), 's3-to-amplitude-practice-'));
afterAll(() => rmSync(outdir, { recursive: true, force: true }));

/** As cdk/app.ts makes it. */
function stackOf(settings: Partial<ImporterInput>, props: Partial<ImporterStackProps>) {
  const context = { 'aws:cdk:bundling-stacks': [], '@aws-cdk/core:validateAgainstDefaultRules': true };
  const app = new App({ context, outdir, analyticsReporting: false });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return { app, stack: new ImporterStack(app, 'Test', { ...propsOf(settings), ...props }) };
}

test('a bucket that exists, a key, a topic, a network, order, a secret and a reference file add no finding', () => {
  const hash = { fields: ['user_id'], secret: 'hash/key' };
  const lookup = { file: 's3://refs/a*.csv', key: 'city', column: 'code', take: ['name'] };
  const source = { name: 'days', project: { secret: 'amplitude/main' }, inOrder: true, enrich: [{ hash }, { lookup }] };
  const settings = { sources: [source], existingBucket: 'somebodys-bucket' };
  const alarmTopicArn = 'arn:aws:sns:eu-central-1:111122223333:on-call';
  const { app, stack } = stackOf(settings, { ownKey: true, alarmTopicArn });
  const network = { vpcId: 'vpc-12345678', availabilityZones: ['a'], privateSubnetIds: ['subnet-12345678'] };
  const vpc = Vpc.fromVpcAttributes(stack, 'Network', network);
  new Importer(stack, 'InNetwork', { ...propsOf(settings), network: { vpc } });
  expect(() => app.synth()).not.toThrow();
});

test('what does not keep to it stops the synthesis', () => {
  const { app, stack } = stackOf({}, {});
  new Bucket(stack, 'Careless');
  const chunker = stack.node.findAll().find((each) => each instanceof CfnFunction);
  chunker?.addPropertyOverride('MemorySize', 5);
  const synthesize = () => app.synth();
  expect(synthesize).toThrow(/MemorySize: 5 is less than the minimum of 128/);
  expect(synthesize).toThrow(/AwsSolutions-S10/);
});
