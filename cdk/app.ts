/** The CDK app: one stack, made from importer.config.ts. `npm run synth` writes it to cdk.out, `npx cdk deploy` deploys it. */
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import importer from '../importer.config.ts';
import { STACK_NAME } from '../shared/stack-outputs.ts';
import { ImporterStack } from './importer-stack.ts';

const app = new App({
  // The CDK command says where it wants the output; by itself this writes where the command would.
  outdir: process.env.CDK_OUTDIR ?? 'cdk.out',
  analyticsReporting: false,
  // What CloudFormation would refuse is an error already here.
  context: { '@aws-cdk/core:validateAgainstDefaultRules': true },
});
const name: unknown = app.node.tryGetContext('stackName');

new ImporterStack(app, typeof name === 'string' ? name : STACK_NAME, importer, join(import.meta.dirname, '..'));
app.synth();
