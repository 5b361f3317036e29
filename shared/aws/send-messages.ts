/** Sends messages to SQS so that each is there in the end or named in an error, and none overtakes another of its group. */
import { SendMessageBatchCommand, type SendMessageBatchRequestEntry, type SQSClient } from '@aws-sdk/client-sqs';
import { messageBytes } from '../message-bytes.ts';
import { MAX_MESSAGE_BYTES, type OutgoingMessage } from '../queue.ts';

/** SQS takes at most this many messages in one SendMessageBatch. */
const BATCH_ENTRIES = 10;

/** How often a message that SQS could not take is sent, and the pause after the first time, ms; it doubles each time. */
const TRIES = 5;
const PAUSE_MS = 200;

/** A batch without an answer by then is given up, ms: the SDK itself waits for ever. */
const DEADLINE_MS = 30_000;

export type SqsTarget = {
  readonly client: SQSClient;
  readonly queueUrl: string;
  readonly fifo: boolean;
  readonly sleep: (ms: number) => Promise<unknown>;
};

/** One batch after the other: when one fails, nothing behind it has been sent. */
export async function sendMessages(messages: readonly OutgoingMessage[], target: SqsTarget): Promise<void> {
  const queue = nameOf(target.queueUrl);
  let rest = messages.map((message) => ({ message, bytes: messageBytes(message, queue) }));
  while (rest.length > 0) {
    const { batch, later } = nextBatch(rest, target.fifo);
    await sendBatch(batch, target);
    rest = later;
  }
}

type Sized = { readonly message: OutgoingMessage; readonly bytes: number };

/** At most one message of a group: SQS may refuse any one of a batch and take those after it. */
function nextBatch(messages: readonly Sized[], fifo: boolean): { batch: OutgoingMessage[]; later: Sized[] } {
  const batch: OutgoingMessage[] = [];
  const later: Sized[] = [];
  const groups = new Set<string | undefined>();
  let sum = 0;
  for (const sized of messages) {
    const { message, bytes } = sized;
    const fits = batch.length < BATCH_ENTRIES && sum + bytes <= MAX_MESSAGE_BYTES;
    if (fits && !(fifo && groups.has(message.group))) {
      batch.push(message);
      sum += bytes;
    } else {
      later.push(sized);
    }
    // Also when it has to wait, so that nothing of its group goes before it.
    groups.add(message.group);
  }
  return { batch, later };
}

/** Until SQS says of each message that it has it: it answers 200 also when it has none of them. */
async function sendBatch(batch: readonly OutgoingMessage[], { client, queueUrl, fifo, sleep }: SqsTarget) {
  const queue = nameOf(queueUrl);
  let left = [...batch.entries()];
  const names = () => left.map(([, { id }]) => id).join(', ');
  for (let tries = 1; ; tries += 1) {
    const Entries = left.map(([place, message]) => toEntry(message, place, fifo));
    const command = new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries });
    const options = { abortSignal: AbortSignal.timeout(DEADLINE_MS) };
    const { Successful = [], Failed = [] } = await client.send(command, options).catch((cause: unknown) => {
      throw new Error(`cannot send to queue ${queue}: ${names()}`, { cause });
    });
    const stored = new Set(Successful.map(({ Id }) => Number(Id)));
    left = left.filter(([place]) => !stored.has(place));
    if (left.length === 0) return;
    // A sender fault stays one, however often the message is sent.
    if (tries === TRIES || Failed.some(({ SenderFault }) => SenderFault)) {
      const reasons = [...new Set(Failed.map(({ Code, Message }) => `${Code}: ${Message}`))].join('; ');
      const what = `queue ${queue} did not take ${names()}`;
      throw new Error(`${what} (${reasons || 'no reason given'}), tried ${tries} times`, { cause: Failed });
    }
    await sleep(PAUSE_MS * 2 ** (tries - 1));
  }
}

/** The place in the batch is its id there: ours may be too long for that, or hold what SQS does not allow. */
function toEntry(message: OutgoingMessage, place: number, fifo: boolean): SendMessageBatchRequestEntry {
  const { id, body, group, delayMs, attributes = {} } = message;
  const toAttribute = ([name, value]: [string, string]) => [name, { DataType: 'String', StringValue: value }] as const;
  return {
    Id: String(place),
    MessageBody: body,
    MessageAttributes: Object.fromEntries(Object.entries(attributes).map(toAttribute)),
    ...(fifo && { MessageDeduplicationId: id }),
    ...(group !== undefined && { MessageGroupId: group }),
    ...(delayMs !== undefined && { DelaySeconds: Math.ceil(delayMs / 1_000) }),
  };
}

function nameOf(queueUrl: string): string {
  return queueUrl.split('/').at(-1) ?? queueUrl;
}
