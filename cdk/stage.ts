/** A stage: a function made from lambdas/<name>/handler.ts, its log, and a role that may do what it is told here and nothing else. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { AssetHashType, DockerImage, type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, EventSourceMapping, Function, RecursiveLoop, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { STACK_VARIABLE } from '../shared/aws/environment.ts';
import { bundle } from './bundle.ts';

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

export class Stage extends Construct {
  private readonly role: Role;
  private readonly lambda: Function;

  constructor(scope: Construct, id: string, { sendsToItself = false, environment, files, ...props }: StageProps) {
    super(scope, id);
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.mayDo(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn);
    this.lambda = new Function(this, 'Function', {
      ...props,
      code: codeOf(id.toLowerCase(), files ?? new Map()),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      environment: { ...environment, [STACK_VARIABLE]: Stack.of(this).stackName },
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

/**
 * The bundle, with the SDK in it (the one that Lambda brings is another version at every update, and is slower to load), and
 * the files beside it.
 */
function codeOf(stage: string, files: ReadonlyMap<string, string>): Code {
  const folder = join(ROOT, 'lambdas', stage);
  const write = (to: string): boolean => {
    bundle(join(folder, 'handler.ts'), to);
    for (const [name, path] of files) cpSync(path, join(to, name));
    return true;
  };
  // The CDK tells bundles apart by their folders: two of one folder it would take for the same.
  return Code.fromAsset(folder, {
    assetHashType: AssetHashType.OUTPUT,
    // The image would be used where this process cannot do it by itself.
    bundling: { image: DockerImage.fromRegistry('none'), local: { tryBundle: write } },
  });
}
