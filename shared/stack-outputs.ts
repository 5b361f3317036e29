/** What the stack tells the outside: its name and its outputs. cdk/ writes them and the CLI reads them, so no SDK is imported here. */

/** Another name: `cdk deploy --context stackName=…`, and the same for the CLI. */
export const STACK_NAME = 'S3ToAmplitude';

/** Both the outputs' logical ids and their keys. */
export const STACK_OUTPUTS = [
  'LandingBucketName',
  'ResultsBucketName',
  'LedgerTableName',
  'IntakeQueueUrl',
  'IntakeDlqUrl',
  'UploadQueueUrl',
  'UploadDlqUrl',
  'ParkedQueueUrl',
  'ParkedDlqUrl',
] as const;

export type StackOutputs = Readonly<Record<(typeof STACK_OUTPUTS)[number], string>>;
