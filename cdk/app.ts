/** The CDK app: one stack, made from importer.config.ts. `npm run synth` writes it to cdk.out, `npx cdk deploy` deploys it. */
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
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
// AWS's own good practice; what is not followed is acknowledged, with its reason, where it is not.
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

/** `cdk deploy --context <name>=…` */
function option(name: string): string | undefined {
  const value: unknown = app.node.tryGetContext(name);
  return typeof value === 'string' ? value : undefined;
}

const alarmTopicArn = option('alarmTopic');
new ImporterStack(app, option('stackName') ?? STACK_NAME, {
  config: importer,
  configFile: join(import.meta.dirname, '../importer.config.ts'),
  ...(alarmTopicArn && { alarmTopicArn }),
  ownKey: option('ownKey') === 'true',
});
app.synth();
