/** Moves dead payloads back to the queue they came from; each leaves the dead letters only when it is back. */
import { type ChunkHeader, chunkId, decodeChunkHeader, unitOf } from '../shared/chunk.ts';
import type { Ledger } from '../shared/ledger.ts';
import type { Queue, ReceivedMessage } from '../shared/queue.ts';

export type ReplayPorts = {
  readonly deadLetters: Queue;
  readonly queue: Pick<Queue, 'send'>;
  readonly ledger: Pick<Ledger, 'bookReplayed'>;
  now(): number;
};

export type ReplayOptions = {
  /** At most so many messages. */
  readonly limit: number;
  /** Only look: nothing is moved. Messages behind another one of their lane cannot be seen. */
  readonly dryRun: boolean;
};

/** What was moved, or looked at. */
export type Replayed = {
  readonly messages: number;
  readonly events: number;
  /** Why they were dead → how many messages. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly dumpIds: readonly string[];
};

/** Long enough to move ten messages; then what a killed replay held is seen again. */
const VISIBILITY_MS = 60_000;
const BATCH = 10;

export async function replayMessages(options: ReplayOptions, ports: ReplayPorts): Promise<Replayed> {
  const { deadLetters } = ports;
  const looked: ReceivedMessage[] = [];
  const reasons: Record<string, number> = {};
  const dumpIds = new Set<string>();
  let messages = 0;
  let events = 0;
  while (messages < options.limit) {
    const received = await deadLetters.receive({
      max: Math.min(BATCH, options.limit - messages),
      visibilityMs: VISIBILITY_MS,
    });
    if (received.length === 0) break;
    for (const message of received) {
      const header = readHeader(message.body);
      if (!options.dryRun) await moveBack(message, header, ports);
      else looked.push(message);
      const reason = message.attributes.reason ?? 'received too often without an answer';
      reasons[reason] = (reasons[reason] ?? 0) + 1;
      if (header) dumpIds.add(header.dumpId);
      messages += 1;
      events += header?.events ?? 0;
    }
  }
  for (const { receipt } of looked) await deadLetters.hide(receipt, 0);
  return { messages, events, reasons, dumpIds: [...dumpIds] };
}

/** A fresh id: a FIFO queue silently drops one that it has seen in the last 5 minutes. */
async function moveBack(message: ReceivedMessage, header: ChunkHeader | undefined, ports: ReplayPorts): Promise<void> {
  const { body, group, receipt } = message;
  const id = `${header ? chunkId(header) : 'intake'}.replay.${ports.now()}`;
  if (header) {
    const { dumpId, run, segment, events, parked } = header;
    await ports.ledger.bookReplayed({
      dumpId,
      run,
      segment,
      events,
      unit: unitOf(header),
      ...(parked && { parent: parked.parent }),
    });
  }
  await ports.queue.send([{ id, body, ...(group !== undefined && { group }) }]);
  await ports.deadLetters.remove(receipt);
}

/** Undefined for an intake message, which is no chunk. */
function readHeader(body: string): ChunkHeader | undefined {
  try {
    return decodeChunkHeader(body);
  } catch {
    return undefined;
  }
}
