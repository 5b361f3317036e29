/** An event source mapping: hands a queue's messages to a function and deletes those that it does not report as failed. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { REGION } from './template.ts';

export type EventSourceOptions = {
  /** With the credentials of the function's role, as Lambda has them. */
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly batchSize: number;
  /** Invocations at a time. */
  readonly concurrency: number;
  readonly reportsFailures: boolean;
  invoke(event: unknown): Promise<unknown>;
  readonly mishaps?: DeliveryMishaps;
};

/** What SQS does not promise to keep from happening; asked once for each message. */
export type DeliveryMishaps = {
  /** Its visibility timeout ends at once: it is handed out again while its receiver is still at it. */
  endsVisibility(): boolean;
  /** It is done with, and its deletion gets lost. */
  losesDeletion(): boolean;
};

/** A pause between looks at an empty queue, ms. No long polls: an emulator may lose a message to one that is broken off. */
const PAUSE_MS = 100;

/** Resolves, when it is stopped, once the invocations under way have ended. */
export function startEventSource(options: EventSourceOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const pollers = Array.from({ length: options.concurrency }, () => poll(options, stopping.signal));
  return {
    async stop() {
      stopping.abort();
      await Promise.all(pollers);
    },
  };
}

async function poll(options: EventSourceOptions, stopping: AbortSignal): Promise<void> {
  const { sqs, queueUrl, mishaps } = options;
  // Lambda looks at the queue before it polls it.
  await sqs.send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] }));
  while (!stopping.aborted) {
    const messages = await receive(options);
    if (messages.length === 0) await sleep(PAUSE_MS);
    else if (mishaps?.endsVisibility()) await deliverTwice(messages, options);
    else await deliver(messages, options);
  }
}

async function receive({ sqs, queueUrl, batchSize }: EventSourceOptions): Promise<readonly Message[]> {
  const command = new ReceiveMessageCommand({
    QueueUrl: queueUrl,
    MaxNumberOfMessages: batchSize,
    MessageSystemAttributeNames: ['All'],
    MessageAttributeNames: ['All'],
  });
  return (await sqs.send(command)).Messages ?? [];
}

/** Another invocation is given what this one is at. */
async function deliverTwice(messages: readonly Message[], options: EventSourceOptions): Promise<void> {
  const { sqs, queueUrl } = options;
  for (const { ReceiptHandle } of messages) {
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: queueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
  }
  const again = await receive(options);
  await Promise.all([deliver(messages, options), again.length > 0 && deliver(again, options)]);
}

async function deliver(messages: readonly Message[], options: EventSourceOptions): Promise<void> {
  const { sqs, queueUrl, queueArn, reportsFailures, invoke, mishaps } = options;
  let result: unknown;
  try {
    result = await invoke({ Records: messages.map((message) => toRecord(message, queueArn)) });
  } catch {
    return; // all of them stay hidden until their visibility timeout
  }
  const failed = reportsFailures ? failedIds(result, messages) : new Set<string>();
  for (const { MessageId = '', ReceiptHandle } of messages) {
    if (failed.has(MessageId) || mishaps?.losesDeletion()) continue;
    await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
  }
}

/** An answer in another form, or with an id that is not in the batch, fails the whole batch. */
function failedIds(result: unknown, messages: readonly Message[]): ReadonlySet<string> {
  const ids = new Set(messages.map(({ MessageId = '' }) => MessageId));
  const { batchItemFailures = [] } = (result ?? {}) as { batchItemFailures?: readonly { itemIdentifier?: string }[] };
  const failed = new Set(batchItemFailures.map(({ itemIdentifier = '' }) => itemIdentifier));
  return failed.isSubsetOf(ids) ? failed : ids;
}

function toRecord(message: Message, queueArn: string) {
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes,
    messageAttributes: {},
    md5OfBody: message.MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: REGION,
  };
}
