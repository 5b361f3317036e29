/** The queue port on SQS. */
import { setTimeout as wait } from 'node:timers/promises';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  type QueueAttributeName,
  ReceiveMessageCommand,
  type SQSClient,
  SQSServiceException,
} from '@aws-sdk/client-sqs';
import type { Queue, ReceivedMessage } from '../queue.ts';
import { sendMessages } from './send-messages.ts';

/** A call without an answer by then (not counting the time it was told to wait) is given up, ms: the SDK waits for ever. */
const DEADLINE_MS = 30_000;

/** SQS waits at most this long for a first message. */
const MAX_WAIT_SECONDS = 20;

const VISIBLE = 'ApproximateNumberOfMessages';
const IN_FLIGHT = 'ApproximateNumberOfMessagesNotVisible';
const DELAYED = 'ApproximateNumberOfMessagesDelayed';

export type SqsQueueOptions = {
  readonly fifo: boolean;
  /** @default setTimeout of node:timers/promises */
  readonly sleep?: (ms: number) => Promise<unknown>;
};

/**
 * All times are rounded up to seconds: SQS knows nothing finer. Beside what the port promises: a FIFO queue may hand out
 * several messages of one group in one receive, in order; a receipt whose visibility has ended no longer removes from a
 * FIFO queue (the message comes back), and on a standard queue it may still do so after the next receive.
 */
export function sqsQueue(client: SQSClient, queueUrl: string, { fifo, sleep = wait }: SqsQueueOptions): Queue {
  const QueueUrl = queueUrl;
  return {
    send: (messages) => sendMessages(messages, { client, queueUrl, fifo, sleep }),
    async receive({ max, visibilityMs, waitMs = 0 }) {
      const command = new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: max,
        VisibilityTimeout: toSeconds(visibilityMs),
        WaitTimeSeconds: Math.min(MAX_WAIT_SECONDS, toSeconds(waitMs)),
        MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp', 'MessageGroupId'],
        MessageAttributeNames: ['All'],
      });
      const { Messages = [] } = await client.send(command, within(DEADLINE_MS + waitMs));
      return Messages.map(toReceived);
    },
    async remove(ReceiptHandle) {
      const command = new DeleteMessageCommand({ QueueUrl, ReceiptHandle });
      await client.send(command, within(DEADLINE_MS)).catch(ignoreOldReceipt);
    },
    async hide(ReceiptHandle, ms) {
      const command = new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: toSeconds(ms) });
      await client.send(command, within(DEADLINE_MS)).catch(ignoreOldReceipt);
    },
    async size() {
      const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [VISIBLE, IN_FLIGHT, DELAYED] });
      const { Attributes = {} } = await client.send(command, within(DEADLINE_MS));
      const count = (name: QueueAttributeName) => Number(Attributes[name] ?? 0);
      return { visible: count(VISIBLE), hidden: count(IN_FLIGHT) + count(DELAYED) };
    },
  };
}

function toReceived({ Body, ReceiptHandle, Attributes = {}, MessageAttributes = {} }: Message): ReceivedMessage {
  const group = Attributes.MessageGroupId;
  return {
    body: Body ?? '',
    receipt: ReceiptHandle ?? '',
    receives: Number(Attributes.ApproximateReceiveCount),
    sentAt: Number(Attributes.SentTimestamp),
    ...(group !== undefined && { group }),
    attributes: Object.fromEntries(
      Object.entries(MessageAttributes).map(([name, { StringValue }]) => [name, StringValue ?? '']),
    ),
  };
}

/**
 * A receipt that is no longer valid: the message is deleted, or somebody else's by now. SQS says InvalidParameterValue
 * for it, rather than what its API documents (https://github.com/aws/aws-sdk-java/issues/1628).
 */
function ignoreOldReceipt(error: unknown): void {
  const { name, message } = error instanceof SQSServiceException ? error : { name: '', message: '' };
  if (name === 'MessageNotInflight') return;
  if (name.startsWith('InvalidParameterValue') && message.includes('parameter ReceiptHandle is invalid')) return;
  throw error;
}

function toSeconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}

function within(ms: number): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(ms) };
}
