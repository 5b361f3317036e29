/** How many bytes of SQS's limit a message takes, the same for every engine: what one refuses, all refuse. */
import { MAX_MESSAGE_BYTES, type OutgoingMessage } from './queue.ts';

/** What SQS counts besides the text of an attribute: the name of its type. */
const TYPE_BYTES = Buffer.byteLength('String');

/** Body, attributes, and (to be on the safe side) ids. Throws when the message alone is more than SQS takes. */
export function messageBytes(message: OutgoingMessage, queue: string): number {
  let bytes = Buffer.byteLength(message.body) + Buffer.byteLength(message.id) + Buffer.byteLength(message.group ?? '');
  for (const [name, value] of Object.entries(message.attributes ?? {})) {
    bytes += Buffer.byteLength(name) + TYPE_BYTES + Buffer.byteLength(value);
  }
  if (bytes <= MAX_MESSAGE_BYTES) return bytes;
  throw new Error(`message ${message.id} for queue ${queue} is ${bytes} bytes; at most ${MAX_MESSAGE_BYTES} fit`);
}
