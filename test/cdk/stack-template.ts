/** The stack synthesized for a test, and what its tests ask of the template. */
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import type { ImporterProps } from '../../cdk/importer.ts';
import { ImporterStack, type ImporterStackProps } from '../../cdk/importer-stack.ts';
import { defineImporter, type ImporterInput } from '../../shared/config.ts';

process.env.CDK_VALIDATION = 'false'; // `npm run synth` does it

export type QueueProperties = {
  readonly QueueName: string;
  readonly FifoQueue?: boolean;
  readonly DeduplicationScope?: string;
  readonly FifoThroughputLimit?: string;
  readonly VisibilityTimeout: number;
  readonly MessageRetentionPeriod: number;
  readonly SqsManagedSseEnabled?: boolean;
  readonly RedrivePolicy?: { readonly deadLetterTargetArn: Arn; readonly maxReceiveCount: number };
  readonly RedriveAllowPolicy?: { readonly redrivePermission: string; readonly sourceQueueArns: readonly unknown[] };
};
type Arn = { readonly 'Fn::GetAtt': readonly [string, string] };
export type FunctionProperties = { readonly Timeout: number; readonly Environment: { readonly Variables: object } };
export type MappingProperties = { readonly EventSourceArn: Arn; readonly FunctionName: { readonly Ref: string } };
type Statement = {
  readonly Effect: string;
  readonly Action: unknown;
  readonly Resource: unknown;
  readonly Condition?: unknown;
};
export type PolicyProperties = { readonly PolicyDocument: { readonly Statement: readonly Statement[] } };

export const MAPPING = 'AWS::Lambda::EventSourceMapping';

/** Without bundling, which takes seconds. */
export function templateOf(settings: Partial<ImporterInput> = {}, props: Partial<ImporterStackProps> = {}): Template {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
  return Template.fromStack(new ImporterStack(app, 'Test', { ...propsOf(settings), ...props }));
}

/** As if the configuration stood beside the tests. */
export function propsOf(settings: Partial<ImporterInput> = {}): ImporterProps {
  const sources = [{ name: 'events', prefix: 'incoming/', project: { secret: 'amplitude/api-key' } }];
  const configFile = join(import.meta.dirname, 'importer.config.ts');
  return { config: defineImporter({ sources, ...settings }), configFile };
}

export function propertiesOf<Properties>(of: Template, type: string): (Properties & { readonly id: string })[] {
  return Object.entries(of.findResources(type)).map(([id, { Properties }]) => ({ id, ...(Properties as Properties) }));
}

/** What the roles allow (those whose id is such): action and resource, the latter as JSON. */
export function grantsOf(of: Template, ids = /^/): [string, string][] {
  const policies = propertiesOf<PolicyProperties>(of, 'AWS::IAM::Policy').filter(({ id }) => ids.test(id));
  const statements = policies.flatMap((policy) => policy.PolicyDocument.Statement);
  return statements.flatMap(({ Action, Resource }) =>
    [Action]
      .flat()
      .flatMap((action) =>
        [Resource].flat().map((resource): [string, string] => [String(action), JSON.stringify(resource)]),
      ),
  );
}

export function deniesPlainHttp({ PolicyDocument }: PolicyProperties): boolean {
  return PolicyDocument.Statement.some(
    ({ Effect, Condition }) =>
      Effect === 'Deny' && JSON.stringify(Condition) === '{"Bool":{"aws:SecureTransport":"false"}}',
  );
}
