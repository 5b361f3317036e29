/** A dead message as replay sees it: the dumps it is about, how many events are in it, and why it is dead. */
import { readNotification } from '../lambdas/chunker/notification.ts';
import { type ChunkHeader, decodeChunkHeader } from '../shared/chunk.ts';
import { dumpId, dumpUrl } from '../shared/dump.ts';
import type { ReceivedMessage } from '../shared/queue.ts';

export type DeadMessage = {
  readonly message: ReceivedMessage;
  /** Undefined for an intake message, which is no chunk. */
  readonly header: ChunkHeader | undefined;
  /** One for a chunk; none when the message is neither a chunk nor a notification. */
  readonly dumps: readonly { readonly id: string; readonly url: string }[];
  readonly reason: string;
};

export function readDeadMessage(message: ReceivedMessage): DeadMessage {
  const header = readHeader(message.body);
  const dumps = header ? [{ id: header.dumpId, url: dumpUrl(header) }] : readIntake(message.body);
  return { message, header, dumps, reason: message.attributes.reason ?? 'received too often without an answer' };
}

function readHeader(body: string): ChunkHeader | undefined {
  try {
    return decodeChunkHeader(body);
  } catch {
    return undefined;
  }
}

function readIntake(body: string): DeadMessage['dumps'] {
  try {
    return readNotification(body).map(({ dump }) => ({ id: dumpId(dump), url: dumpUrl(dump) }));
  } catch {
    return [];
  }
}
