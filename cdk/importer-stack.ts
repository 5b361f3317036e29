/** A stack that holds one importer and nothing else, and says where the command line finds it. */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Importer, type ImporterProps } from './importer.ts';

export type ImporterStackProps = StackProps & Omit<ImporterProps, 'namesPrefix'>;

export class ImporterStack extends Stack {
  constructor(scope: Construct, id: string, props: ImporterStackProps) {
    super(scope, id, { description: 'Imports event dumps from S3 into Amplitude', ...props });
    // CDK leaves the id `Default` out of the names of what is in it.
    const { outputs } = new Importer(this, 'Default', { ...props, namesPrefix: this.stackName });
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
