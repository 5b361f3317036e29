/** A stage: a function made from lambdas/<name>/handler.ts, its log, and a role that may do what it is told here and nothing else. */
import { cpSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ArnFormat, AssetHashType, DockerImage, type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  Architecture,
  Code,
  EventSourceMapping,
  Function,
  type FunctionProps,
  RecursiveLoop,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { STACK_VARIABLE } from '../shared/aws/environment.ts';
import { acknowledgeAny } from './acknowledge.ts';
import { type BundledConfig, bundle } from './bundle.ts';
import { useThroughServices } from './encryption-key.ts';

export type StageProps = {
  /** What the bundle holds of the configuration. */
  readonly config: BundledConfig;
  /** @default nothing is encrypted with a key of the user's own */
  readonly encryptionKey?: IKey;
  /** @default none */
  readonly network?: Pick<FunctionProps, 'vpc' | 'vpcSubnets' | 'securityGroups'>;
  /** The importer's: the dimension of its metrics. */
  readonly importerName: string;
  readonly description: string;
  readonly memorySize: number;
  readonly timeout: Duration;
  /** Names in shared/aws/environment.ts, to which the handler adds none. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Files that lie beside its bundle, by their names there.
   * @default none
   */
  readonly files?: ReadonlyMap<string, string>;
  /**
   * Whether what it sends may come back to it more than 16 times; otherwise Lambda takes that for an endless loop and stops it.
   * @default false
   */
  readonly sendsToItself?: boolean;
};

const ROOT = join(import.meta.dirname, '..');

export class Stage extends Construct {
  private readonly role: Role;
  private readonly lambda: Function;

  constructor(scope: Construct, id: string, stage: StageProps) {
    super(scope, id);
    const { sendsToItself = false, importerName, environment, files, config, encryptionKey, network, ...props } = stage;
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.mayDo(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn);
    if (encryptionKey) this.role.addToPolicy(useThroughServices(encryptionKey));
    if (network) this.mayJoinNetwork();
    this.lambda = new Function(this, 'Function', {
      ...props,
      ...network,
      code: codeOf(id.toLowerCase(), config, files ?? new Map()),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      environment: { ...environment, [STACK_VARIABLE]: importerName },
      recursiveLoop: sendsToItself ? RecursiveLoop.ALLOW : RecursiveLoop.TERMINATE,
      role: this.role,
      logGroup,
    });
  }

  get functionName(): string {
    return this.lambda.functionName;
  }

  /** Written out instead of CDK's grants, most of which allow more than is called. */
  mayDo(actions: string[], ...resources: string[]): void {
    this.role.addToPolicy(new PolicyStatement({ actions, resources }));
  }

  /** The same where a resource stands for many, by a `*` in its name; `why` it cannot be said more narrowly. */
  mayDoToAny(why: string, actions: string[], ...resources: string[]): void {
    this.mayDo(actions, ...resources);
    acknowledgeAny(this.role, resources, why);
  }

  /** Each by its name or its ARN. */
  mayReadSecrets(secrets: readonly string[]): void {
    const arns = new Set(secrets.map((secret) => this.secretArn(secret)));
    if (arns.size > 0) this.mayDo(['secretsmanager:GetSecretValue'], ...arns);
  }

  /** Secrets Manager ends a secret's ARN with a dash and six characters of its own. */
  private secretArn(nameOrArn: string): string {
    if (nameOrArn.startsWith('arn:')) return nameOrArn;
    const secret = { service: 'secretsmanager', resource: 'secret', resourceName: `${nameOrArn}-??????` };
    return Stack.of(this).formatArn({ ...secret, arnFormat: ArnFormat.COLON_RESOURCE_NAME });
  }

  private mayJoinNetwork(): void {
    this.mayDoToAny(
      'what Lambda asks of a role to connect its function to a network: the interfaces have no names before they are made',
      [
        'ec2:CreateNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSubnets',
        'ec2:DeleteNetworkInterface',
        'ec2:AssignPrivateIpAddresses',
        'ec2:UnassignPrivateIpAddresses',
      ],
      '*',
    );
  }

  /**
   * Lambda hands it the queue's messages, `batchSize` at a time, to at most `concurrency` at once. That is no reservation: where
   * the account has fewer executions left, messages wait in the queue. ChangeMessageVisibility is for the handler itself.
   */
  takes(queue: IQueue, concurrency: number, batchSize = 1): void {
    this.mayDo(
      ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ChangeMessageVisibility'],
      queue.queueArn,
    );
    new EventSourceMapping(this, `Takes${queue.node.scope?.node.id}`, {
      target: this.lambda,
      eventSourceArn: queue.queueArn,
      batchSize,
      maxConcurrency: concurrency,
      reportBatchItemFailures: true,
    });
  }

  /** It is run by the clock. */
  runsEvery(interval: Duration): void {
    new Rule(this, 'Clock', { schedule: Schedule.rate(interval), targets: [new LambdaFunction(this.lambda)] });
  }
}

/**
 * The bundle, with the SDK in it (the one that Lambda brings is another version at every update, and is slower to load), and
 * the files beside it.
 */
function codeOf(stage: string, config: BundledConfig, files: ReadonlyMap<string, string>): Code {
  const folder = join(ROOT, 'lambdas', stage);
  const write = (to: string): boolean => {
    bundle(join(folder, 'handler.ts'), config, to);
    for (const [name, path] of files) cpSync(path, join(to, name));
    return true;
  };
  // The CDK tells bundles apart by their folders, and by this: those of two importers it would take for the same.
  return Code.fromAsset(folder, {
    assetHashType: AssetHashType.OUTPUT,
    // The image would be used where this process cannot do it by itself.
    bundling: {
      image: DockerImage.fromRegistry('none'),
      environment: { config: 'file' in config ? relative(ROOT, config.file) : JSON.stringify(config.data) },
      local: { tryBundle: write },
    },
  });
}
