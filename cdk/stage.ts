/** A stage: a function made from lambdas/<name>/handler.ts, its log, and a role that may do what it is told here and nothing else. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { ArnFormat, type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Architecture, EventSourceMapping, RecursiveLoop, Runtime } from 'aws-cdk-lib/aws-lambda';
import {
  type ICommandHooks,
  LogLevel,
  NodejsFunction,
  type NodejsFunctionProps,
  OutputFormat,
} from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledgeAny } from './acknowledge.ts';
import { useThroughServices } from './encryption-key.ts';

export type StageProps = {
  /** Absolute path of importer.config.ts, which goes into the bundle. */
  readonly configFile: string;
  /** @default nothing is encrypted with a key of the user's own */
  readonly encryptionKey?: IKey;
  /** @default none */
  readonly network?: Pick<NodejsFunctionProps, 'vpc' | 'vpcSubnets' | 'securityGroups'>;
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

  constructor(scope: Construct, id: string, stage: StageProps) {
    super(scope, id);
    const { sendsToItself = false, environment, files, configFile, encryptionKey, network, ...props } = stage;
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.mayDo(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn);
    if (encryptionKey) this.role.addToPolicy(useThroughServices(encryptionKey));
    if (network) this.mayJoinNetwork();
    this.lambda = new NodejsFunction(this, 'Function', {
      ...props,
      ...network,
      entry: join(ROOT, 'lambdas', id.toLowerCase(), 'handler.ts'),
      projectRoot: ROOT,
      depsLockFilePath: join(ROOT, 'package-lock.json'),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      bundling: {
        ...BUNDLING,
        // package.json says what the handlers' import stands for here; elsewhere it is the user's own file.
        esbuildArgs: { '--alias:#importer-config': configFile },
        commandHooks: copying(files ?? new Map()),
      },
      environment: { ...environment },
      awsSdkConnectionReuse: false, // sets a variable that only version 2 of the SDK reads
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
