/** A stack that holds one importer and nothing else, and says where the command line finds it. */
import { CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { Importer, type ImporterProps } from './importer.ts';

export type ImporterStackProps = StackProps &
  Pick<ImporterProps, 'config' | 'configFile'> & {
    /**
     * Topic that hears of every alarm, and of its end.
     * @default alarms ring nowhere, and are seen on the dashboard
     */
    readonly alarmTopicArn?: string;
    /**
     * Whether everything is encrypted with a key of the account's own, which the stack makes.
     * @default false
     */
    readonly ownKey?: boolean;
  };

export class ImporterStack extends Stack {
  constructor(scope: Construct, id: string, props: ImporterStackProps) {
    super(scope, id, { description: 'Imports event dumps from S3 into Amplitude', ...props });
    const { config, configFile, alarmTopicArn, ownKey = false } = props;
    // CDK leaves the id `Default` out of the names of what is in it.
    const { outputs } = new Importer(this, 'Default', {
      config,
      configFile,
      namesPrefix: this.stackName,
      ...(alarmTopicArn && { alarmTopic: Topic.fromTopicArn(this, 'AlarmTopic', alarmTopicArn) }),
      // Buckets and ledger outlive the stack, and nobody could read them without it.
      ...(ownKey && {
        encryptionKey: new Key(this, 'Key', { enableKeyRotation: true, removalPolicy: RemovalPolicy.RETAIN }),
      }),
    });
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
