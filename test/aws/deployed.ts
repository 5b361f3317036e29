/**
 * The stack as deployed, on this machine: buckets, queues and table as the synthesized template says, each function's
 * bundle in processes of its own with its own environment and no more rights than its role, fed by its event sources.
 */
import { SQSClient } from '@aws-sdk/client-sqs';
import { ENDPOINT_VARIABLE } from '../../shared/aws/environment.ts';
import { startDynalite } from '../dynalite.ts';
import { FAKE_AWS, startFauxqs } from '../fauxqs.ts';
import { createStores, type Stores } from './created-stores.ts';
import type { FindDetour } from './detour.ts';
import { type DeliveryMishaps, startEventSource } from './event-source.ts';
import { type GrantedCall, startGateway } from './gateway.ts';
import { permissionsOf, type Statement } from './permissions.ts';
import { type LambdaFunction, lambdaFunction } from './sandbox.ts';
import { shortenWait } from './shorten-wait.ts';
import { REGION, readTemplate, type Template } from './template.ts';

export type DeployedOptions = {
  /** What was synthesized: the template and the bundles. */
  readonly folder: string;
  /** Where the uploader sends instead of to Amplitude. */
  readonly amplitudeUrl: string;
  /** What the secrets hold that are not named below. */
  readonly apiKey: string;
  /** What other secrets hold, by name. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** What goes wrong on the way to AWS and on the queues; nothing by default. */
  readonly troubles?: { readonly findDetour: FindDetour; readonly mishaps: DeliveryMishaps };
  /** Shorter times than the template's, for a test in which sandboxes die; those of the template by default. */
  readonly haste?: Haste;
};

/** A message that nobody deals with any more comes back only after its visibility timeout, which in the stack takes minutes. */
export type Haste = {
  /** Of each function, ms; a chunker's lease lasts as long. A queue's visibility timeout is a second more than its function's. */
  readonly timeoutMs: { readonly chunker: number; readonly uploader: number };
  /** No message is hidden or delayed for longer by a function. */
  readonly longestWaitSeconds: number;
};

export type Deployed = Stores & {
  /** The details of the events that were put on EventBridge's default bus. */
  readonly announced: readonly unknown[];
  /** Calls that a role did not allow, as `function action resource`. */
  readonly refused: readonly string[];
  /** Whether the role of the function whose name begins so allows it. */
  allows(functionName: string, action: string, resource: string): boolean;
  /** What the roles allow and nobody needed so far, as `function action resource`. */
  unusedGrants(): string[];
  /** Every call that a function made, once each. */
  calls(): readonly GrantedCall[];
  /** What the template lets each function do, by the function's name. */
  readonly policies: ReadonlyMap<string, readonly Statement[]>;
  /** Runs the watcher as its clock would at that time, ms since epoch. */
  watch(now: number): Promise<void>;
  /** All that the functions wrote. */
  log(): string[];
  stop(): Promise<void>;
};

/** More sandboxes than this machine has cores would only make each slower. */
const MAX_CONCURRENCY = 2;

export async function startDeployed(options: DeployedOptions): Promise<Deployed> {
  const { folder, apiKey, secrets = {}, troubles, haste } = options;
  const [fauxqs, dynalite] = await Promise.all([startFauxqs(), startDynalite()]);
  const announced: unknown[] = [];
  const gateway = await startGateway({
    permissions: (accessKey) => roles.get(accessKey),
    services: {
      s3: fauxqs.endpoint,
      sqs: fauxqs.endpoint,
      dynamodb: dynalite.endpoint,
      secretsmanager: (_operation, { SecretId }) => ({ SecretString: secrets[String(SecretId)] ?? apiKey }),
      events: (_operation, input) => putEvents(input, announced),
    },
    detour(call) {
      const hastened = haste && shortenWait(call, haste.longestWaitSeconds);
      const { session } = call;
      if (session === undefined) return hastened && { input: hastened.input };
      const kill = () => functions.get(call.accessKey)?.kill(session);
      return { ...(hastened && { input: hastened.input }), ...troubles?.findDetour(hastened ?? call, kill) };
    },
  });
  const template = readTemplate(gateway.url, folder);
  const policies = readPolicies(template);
  const roles = new Map([...policies].map(([name, statements]) => [name, permissionsOf(statements)]));
  const stores = await createStores(template, fauxqs, dynalite.client, haste && visibilities(template, haste));
  const functions = createFunctions(template, gateway.url, options);
  const sources = startEventSources(template, gateway.url, functions, troubles?.mishaps);
  return {
    ...stores,
    announced,
    refused: gateway.refused,
    allows: (functionName, action, resource) =>
      [...roles].some(([name, role]) => name.startsWith(functionName) && role.allows(action, resource)),
    calls: gateway.calls,
    policies,
    unusedGrants: () => [...roles].flatMap(([name, role]) => role.unused().map((grant) => `${name} ${grant}`)),
    async watch(now) {
      const watcher = [...functions].find(([name]) => name.startsWith('watcher'))?.[1];
      await watcher?.invoke({ time: new Date(now).toISOString() });
    },
    log: () => [...functions.values()].flatMap(({ log }) => log),
    async stop() {
      await Promise.all(sources.map((source) => source.stop()));
      await Promise.all([...functions.values()].map((each) => each.stop()));
      await Promise.all([gateway.stop(), fauxqs.stop(), dynalite.stop()]);
    },
  };
}

function putEvents({ Entries }: Readonly<Record<string, unknown>>, announced: unknown[]) {
  const entries = Entries as readonly { readonly Detail: string }[];
  announced.push(...entries.map(({ Detail }) => JSON.parse(Detail) as unknown));
  return { FailedEntryCount: 0, Entries: entries.map((_, index) => ({ EventId: String(index) })) };
}

type FunctionProperties = {
  readonly Code: { readonly S3Key: string };
  readonly Environment: { readonly Variables: Readonly<Record<string, string>> };
  readonly MemorySize: number;
  readonly Timeout: number;
  readonly Role: string;
};
type PolicyProperties = {
  readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  readonly Roles: readonly string[];
};

/** By the name of the function, which is its access key too. */
function readPolicies(template: Template): ReadonlyMap<string, readonly Statement[]> {
  const policies = template.resources<PolicyProperties>('AWS::IAM::Policy').map(({ properties }) => properties);
  const functions = template.resources<FunctionProperties>('AWS::Lambda::Function');
  const statements = functions.map(({ id, properties: { Role } }): [string, readonly Statement[]] => {
    const own = policies.filter(({ Roles }) => Roles.some((role) => Role === `arn:${role}`));
    return [id.toLowerCase(), own.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)];
  });
  return new Map(statements);
}

function createFunctions(
  template: Template,
  awsUrl: string,
  { amplitudeUrl, haste }: DeployedOptions,
): ReadonlyMap<string, LambdaFunction> {
  const functions = template.resources<FunctionProperties>('AWS::Lambda::Function');
  const created = functions.map(({ id, properties }): [string, LambdaFunction] => {
    const { Code, Environment, MemorySize, Timeout } = properties;
    const name = id.toLowerCase();
    const timeoutMs = haste ? hastyTimeoutMs(name, haste) : Timeout * 1_000;
    const environment = {
      ...Environment.Variables,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: name,
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL: awsUrl,
      [ENDPOINT_VARIABLE]: amplitudeUrl,
    };
    const folder = template.assetFolder(Code.S3Key);
    return [name, lambdaFunction({ folder, environment, memoryMb: MemorySize, timeoutMs })];
  });
  return new Map(created);
}

function hastyTimeoutMs(functionName: string, { timeoutMs }: Haste): number {
  return timeoutMs[functionName.startsWith('chunker') ? 'chunker' : 'uploader'];
}

/** Seconds, by the name of the queue; dead-letter queues have none. */
function visibilities(template: Template, haste: Haste): ReadonlyMap<string, number> {
  const sources = template.resources<EventSourceProperties>('AWS::Lambda::EventSourceMapping');
  return new Map(
    sources.map(({ properties: { EventSourceArn, FunctionName } }) => [
      EventSourceArn.split(':').at(-1) ?? '',
      Math.ceil(hastyTimeoutMs(FunctionName, haste) / 1_000) + 1,
    ]),
  );
}

type EventSourceProperties = {
  readonly BatchSize: number;
  readonly EventSourceArn: string;
  readonly FunctionName: string;
  readonly FunctionResponseTypes?: readonly string[];
  readonly ScalingConfig: { readonly MaximumConcurrency: number };
};

function startEventSources(
  template: Template,
  awsUrl: string,
  functions: ReadonlyMap<string, LambdaFunction>,
  mishaps: DeliveryMishaps | undefined,
) {
  return template.resources<EventSourceProperties>('AWS::Lambda::EventSourceMapping').map(({ properties }) => {
    const { BatchSize, EventSourceArn, FunctionName, FunctionResponseTypes, ScalingConfig } = properties;
    const credentials = { accessKeyId: FunctionName, secretAccessKey: 'test' };
    const taker = functions.get(FunctionName);
    if (!taker) throw new Error(`the template has no function ${FunctionName}`);
    return startEventSource({
      sqs: new SQSClient({ ...FAKE_AWS, credentials, endpoint: awsUrl }),
      queueUrl: `${awsUrl}/${EventSourceArn.split(':').slice(4).join('/')}`,
      queueArn: EventSourceArn,
      batchSize: BatchSize,
      concurrency: Math.min(ScalingConfig.MaximumConcurrency, MAX_CONCURRENCY),
      reportsFailures: FunctionResponseTypes?.includes('ReportBatchItemFailures') ?? false,
      invoke: (event) => taker.invoke(event),
      ...(mishaps && { mishaps }),
    });
  });
}
