/** The synthesized template, each reference in it resolved to what the resource is called on this machine. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { STACK_NAME, type StackOutputs } from '../../shared/stack-outputs.ts';

export type Resource<Properties> = { readonly id: string; readonly properties: Properties };

export type Template = {
  /** All of a type, their references resolved. The type parameter is what the test expects of CloudFormation's form. */
  resources<Properties>(type: string): readonly Resource<Properties>[];
  readonly outputs: StackOutputs;
  /** The folder that `cdk deploy` would zip and upload. */
  assetFolder(s3Key: string): string;
};

export const REGION = 'us-east-1';
export const ACCOUNT = '000000000000';

/** Where `npm run synth` writes. */
const CDK_OUT = join(import.meta.dirname, '../../cdk.out');

type Json = { readonly [name: string]: unknown };
type RawResource = { readonly Type: string; readonly Properties?: Json };
type RawTemplate = {
  readonly Resources: Readonly<Record<string, RawResource>>;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
};

/** `queueOrigin` is where the queues' URLs point, `folder` what was synthesized. */
export function readTemplate(queueOrigin: string, folder: string = CDK_OUT): Template {
  const file = join(folder, `${STACK_NAME}.template.json`);
  if (!existsSync(file)) throw new Error(`${file} is missing; make it with: npm run synth`);
  const { Resources, Outputs } = JSON.parse(readFileSync(file, 'utf8')) as RawTemplate;
  const resolve = resolver(Resources, queueOrigin);
  const outputs = Object.entries(Outputs).map(([name, { Value }]) => [name, resolve(Value)]);
  return {
    resources: <Properties>(type: string) =>
      Object.entries(Resources)
        .filter(([, resource]) => resource.Type === type)
        .map(([id, { Properties = {} }]) => ({ id, properties: resolve(Properties) as Properties })),
    outputs: Object.fromEntries(outputs) as StackOutputs,
    assetFolder: (s3Key) => join(folder, `asset.${s3Key.replace(/\.zip$/, '')}`),
  };
}

/** What the stack names itself is called so here too; what CloudFormation would name is called by its logical id. */
function resolver(resources: Readonly<Record<string, RawResource>>, queueOrigin: string): (value: unknown) => unknown {
  const nameOf = (id: string): string => {
    const { Type, Properties } = resources[id] ?? {};
    const own = Type === 'AWS::SQS::Queue' ? Properties?.QueueName : undefined;
    return typeof own === 'string' ? own : id.toLowerCase();
  };
  const ref = (id: string): string => {
    const pseudo = PSEUDO[id];
    if (pseudo !== undefined) return pseudo;
    return resources[id]?.Type === 'AWS::SQS::Queue' ? `${queueOrigin}/${ACCOUNT}/${nameOf(id)}` : nameOf(id);
  };
  const arn = (id: string): string => (ARNS[resources[id]?.Type ?? ''] ?? ((name) => `arn:${name}`))(nameOf(id));
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== 'object' || value === null) return value;
    const { Ref, 'Fn::GetAtt': getAtt, 'Fn::Join': join } = value as Json;
    if (typeof Ref === 'string') return ref(Ref);
    if (Array.isArray(getAtt)) return arn(String(getAtt[0]));
    if (Array.isArray(join)) return (resolve(join[1]) as string[]).join(String(join[0]));
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, resolve(inner)]));
  };
  return resolve;
}

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Region': REGION,
  'AWS::AccountId': ACCOUNT,
  'AWS::Partition': 'aws',
};

const ARNS: Readonly<Record<string, (name: string) => string>> = {
  'AWS::SQS::Queue': queueArn,
  'AWS::DynamoDB::Table': tableArn,
  'AWS::S3::Bucket': (name) => `arn:aws:s3:::${name}`,
};

export function queueArn(name: string): string {
  return `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
}

export function tableArn(name: string): string {
  return `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${name}`;
}
