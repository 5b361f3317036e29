/** A stage: a function made from lambdas/<name>/handler.ts, its log, and a role that may do what it is told here and nothing else. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, EventSourceMapping, RecursiveLoop, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type ICommandHooks, LogLevel, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { STACK_VARIABLE } from '../shared/aws/environment.ts';

export type StageProps = {
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

/** Everything in one ES module: the SDK that Lambda brings is another version at every update, and is slower to load. */
const BUNDLING = {
  format: OutputFormat.ESM,
  target: 'node24',
  mainFields: ['module', 'main'],
  bundleAwsSDK: true,
  minify: true,
  logLevel: LogLevel.WARNING,
  // undici is CommonJS and requires Node's own modules.
  banner: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
};

export class Stage extends Construct {
  private readonly role: Role;
  private readonly lambda: NodejsFunction;

  constructor(scope: Construct, id: string, { sendsToItself = false, environment, files, ...props }: StageProps) {
    super(scope, id);
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.mayDo(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn);
    this.lambda = new NodejsFunction(this, 'Function', {
      ...props,
      entry: join(ROOT, 'lambdas', id.toLowerCase(), 'handler.ts'),
      projectRoot: ROOT,
      depsLockFilePath: join(ROOT, 'package-lock.json'),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      bundling: { ...BUNDLING, commandHooks: copying(files ?? new Map()) },
      environment: { ...environment, [STACK_VARIABLE]: Stack.of(this).stackName },
      awsSdkConnectionReuse: false, // sets a variable that only version 2 of the SDK reads
      recursiveLoop: sendsToItself ? RecursiveLoop.ALLOW : RecursiveLoop.TERMINATE,
      role: this.role,
      logGroup,
    });
  }

  /** Written out instead of CDK's grants, most of which allow more than is called. */
  mayDo(actions: string[], ...resources: string[]): void {
    this.role.addToPolicy(new PolicyStatement({ actions, resources }));
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
}

/** Copied in this process, which knows the bundle's folder then: as a command, every shell would quote their names differently. */
function copying(files: ReadonlyMap<string, string>): ICommandHooks {
  return {
    beforeBundling(_from, to) {
      for (const [name, path] of files) cpSync(path, join(to, name));
      return [];
    },
    beforeInstall: () => [],
    afterBundling: () => [],
  };
}
