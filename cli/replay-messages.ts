/** Moves dead payloads back to the queue they came from; each leaves the dead letters only when it is back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { chunkId, unitOf } from '../shared/chunk.ts';
import type { Ledger } from '../shared/ledger.ts';
import type { Queue } from '../shared/queue.ts';
import { type DeadMessage, readDeadMessage } from './replay-dead-message.ts';
import { isWanted, type ReplayFilter } from './replay-filter.ts';
import { type Replayed, startTally, type Tally } from './replay-tally.ts';
import { type DeadLetters, startWalk, type Walk } from './replay-walk.ts';

export type ReplayPorts = {
  readonly deadLetters: DeadLetters;
  readonly queue: Pick<Queue, 'send'>;
  readonly ledger: Pick<Ledger, 'bookReplayed' | 'entry'>;
  now(): number;
};

export type ReplayOptions = {
  /** At most so many messages. */
  readonly limit: number;
  /** Only look: nothing is moved. */
  readonly dryRun: boolean;
  /** Those that do not match stay. */
  readonly filter?: ReplayFilter;
  /** Messages per second. */
  readonly rate?: number | undefined;
  /** What becomes of late messages, those of a dump begun before Amplitude's window; by default nobody looks. */
  readonly late?: 'move' | 'stay';
  /** Stops between two messages. */
  readonly signal?: AbortSignal;
  /** Told after each message how many are moved. */
  readonly progress?: (messages: number) => void;
};

/** Within 7 days Amplitude drops an event whose insert_id it has had (https://amplitude.com/docs/apis/analytics/http-v2). */
export const WINDOW_MS = 7 * 86_400_000;

const BATCH = 10;

export async function replayMessages(options: ReplayOptions, ports: ReplayPorts): Promise<Replayed> {
  const { limit, signal } = options;
  const { visible, hidden } = await ports.deadLetters.size();
  const tally = startTally(visible + hidden);
  const walk = startWalk(ports.deadLetters, ports.now);
  const visit = visitorOf(options, ports, tally, walk);
  const began = ports.now();
  const isOver = () => tally.messages() >= limit || signal?.aborted === true;
  try {
    while (!isOver()) {
      const messages = await walk.next(Math.min(BATCH, limit - tally.messages()));
      if (messages.length === 0) break;
      for (const message of messages) {
        if (isOver()) break;
        // What has died since is left, or a chunk that is refused at once would go round and round.
        if (message.sentAt <= began) await visit(readDeadMessage(message));
      }
    }
  } finally {
    await walk.end();
  }
  return tally.result();
}

function visitorOf(options: ReplayOptions, ports: ReplayPorts, tally: Tally, walk: Walk) {
  const { signal, filter = {}, dryRun, late, progress } = options;
  const isLate = latenessOf(ports);
  const pace = paceOf(options, ports);
  return async (dead: DeadMessage): Promise<void> => {
    if (!(await isWanted(dead, filter, ports.now()))) return tally.addUnmatched();
    if (late !== undefined && (await isLate(dead))) {
      tally.addLate(dead, late === 'stay');
      if (late === 'stay') return;
    }
    if (!dryRun) {
      await pace(tally.messages());
      if (signal?.aborted) return;
      await moveBack(dead, walk, ports);
    }
    tally.add(dead);
    progress?.(tally.messages());
  };
}

/** A fresh id: a FIFO queue silently drops one that it has seen in the last 5 minutes. */
async function moveBack({ message, header }: DeadMessage, walk: Walk, ports: ReplayPorts): Promise<void> {
  const { body, group } = message;
  const id = `${header ? chunkId(header) : 'intake'}.replay.${ports.now()}`;
  if (header) {
    const { dumpId, run, segment, events, parked } = header;
    const parent = parked && { parent: parked.parent };
    await ports.ledger.bookReplayed({ dumpId, run, segment, events, unit: unitOf(header), ...parent });
  }
  await ports.queue.send([{ id, body, ...(group !== undefined && { group }) }]);
  await walk.remove(message);
}

/**
 * The earliest moment at which Amplitude may have had an event of it is the start of its dump. A chunk whose dump the
 * ledger has forgotten is older than any window; a dump that the ledger never heard of was never begun.
 */
function latenessOf({ ledger, now }: ReplayPorts): (dead: DeadMessage) => Promise<boolean> {
  const known = new Map<string, number | undefined>();
  return async ({ header, dumps }) => {
    for (const { id } of dumps) {
      if (!known.has(id)) known.set(id, (await ledger.entry(id))?.startedAt);
      const startedAt = known.get(id) ?? (header ? Number.NEGATIVE_INFINITY : now());
      if (now() - startedAt > WINDOW_MS) return true;
    }
    return false;
  };
}

/** Waits until it is the turn of the message with this number; not when the walk is to stop. */
function paceOf({ rate, signal }: ReplayOptions, { now }: ReplayPorts): (number: number) => Promise<void> {
  if (rate === undefined) return async () => undefined;
  const began = now();
  return async (number) => {
    const waitMs = began + (number * 1_000) / rate - now();
    if (waitMs <= 0) return;
    await sleep(waitMs, undefined, signal && { signal }).catch((error: unknown) => {
      if (!signal?.aborted) throw error;
    });
  };
}
