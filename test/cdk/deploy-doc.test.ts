/** The app that docs/deploy.md shows: synthesized as somebody who follows it would. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STACK_OUTPUTS } from '../../shared/stack-outputs.ts';
import { type FunctionProperties, propertiesOf, type QueueProperties } from './stack-template.ts';

const ROOT = join(import.meta.dirname, '../..');
const DEPLOY_MD = readFileSync(join(ROOT, 'docs/deploy.md'), 'utf8');

describe('the app in docs/deploy.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 's3-to-amplitude-app-'));
  const out = join(folder, 'cdk.out');
  let template: Template;
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  beforeAll(() => {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    for (const [, name = '', text = ''] of DEPLOY_MD.matchAll(/```ts file=(\S+)\n([\s\S]*?)```/g)) {
      writeFileSync(join(folder, name), text);
    }
    // What npm makes of a workspace, and of what it has in common with the app.
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(ROOT, join(folder, 'node_modules/s3-to-amplitude'), 'junction');
    for (const name of ['aws-cdk-lib', 'constructs']) {
      symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), 'junction');
    }
    const env = { ...process.env, CDK_OUTDIR: out, CDK_VALIDATION: 'false' };
    execFileSync(process.execPath, ['app.ts'], { cwd: folder, env, stdio: 'pipe' });
    template = Template.fromString(readFileSync(join(out, 'Analytics.template.json'), 'utf8'));
  }, 240_000);

  test('deploys the importer under the names that it asks for', () => {
    const queues = propertiesOf<QueueProperties>(template, 'AWS::SQS::Queue');
    expect(queues.map(({ QueueName }) => QueueName)).toContain('analytics-importer-upload.fifo');
  });

  test('bundles the configuration of its own, and not the one of this folder', () => {
    type Code = { readonly Code: { readonly S3Key: string } };
    const functions = propertiesOf<FunctionProperties & Code>(template, 'AWS::Lambda::Function');
    const bundles = functions.map(({ Code: { S3Key } }) => {
      const asset = join(out, `asset.${S3Key.replace('.zip', '')}`);
      return readdirSync(asset)
        .map((name) => readFileSync(join(asset, name), 'utf8'))
        .join('\n');
    });
    expect(bundles).toHaveLength(3);
    for (const bundle of bundles) {
      expect(bundle).toMatch(/name:"clicks"/);
      expect(bundle).not.toMatch(/prefix:"incoming\/"/);
    }
  });

  test('has the outputs by which the command line finds the importer', () => {
    expect(Object.keys(template.findOutputs('*')).toSorted()).toEqual(STACK_OUTPUTS.toSorted());
  });
});
