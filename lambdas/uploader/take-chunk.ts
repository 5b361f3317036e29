/** Takes one chunk message: uploads it, lets its lane rest, and says whether the message is to be seen again. */
import { type Chunk, decodeChunk } from '../../shared/chunk.ts';
import { describeError } from '../../shared/log.ts';
import type { Figures } from '../../shared/metrics.ts';
import { backOffMs } from './back-off.ts';
import type { Received, UploadOutcome } from './conclude-chunk.ts';
import { type UploadChunkPorts, uploadChunk } from './upload-chunk.ts';

export type TakeChunkPorts = UploadChunkPorts & {
  /**
   * Lets a lane rest by holding its message for so long at most; a longer rest it takes with the message invisible, and
   * whoever held it is free meanwhile. Without it nothing is held.
   */
  readonly hold?: { readonly maxMs: number; sleep(ms: number): Promise<void> };
};

/**
 * `done`: to be acknowledged; its lane `goesOn` at once if it was given its rest meanwhile or nothing was sent. `again`: to be seen again after so many ms; if it `isSettled`, only its lane rests so long,
 * and it can be acknowledged at any time.
 */
export type TakenChunk =
  | { readonly kind: 'done'; readonly goesOn: boolean }
  | { readonly kind: 'again'; readonly afterMs: number; readonly isSettled: boolean };

/** Never throws. */
export async function takeChunk(body: string, received: Received, ports: TakeChunkPorts): Promise<TakenChunk> {
  const began = ports.now();
  try {
    const chunk = decodeChunk(body);
    const outcome = await uploadChunk(chunk, received, ports);
    logOutcome(chunk, outcome, received, ports.now() - began, ports);
    return await afterOutcome(outcome, ports);
  } catch (error) {
    const afterMs = backOffMs(received.receives);
    ports.measure({ ChunksTriedAgain: 1 });
    ports.log('warn', 'chunk is tried again', {
      error: describeError(error),
      receives: received.receives,
      waitMs: afterMs,
    });
    return { kind: 'again', afterMs, isSettled: false };
  }
}

/** The one line about a chunk; `ms` is how long it took. */
export function logOutcome(
  chunk: Chunk,
  outcome: UploadOutcome,
  { receives, sentAt }: Received,
  ms: number,
  { log, measure, now }: TakeChunkPorts,
): void {
  const { kind, ...fields } = outcome;
  const { dumpId, run, segment, number, project, events, parked } = chunk;
  const from = { ...(project !== undefined && { project }), ...(parked && { parked: parked.unit }) };
  measure(figuresOf(chunk, outcome, now() - sentAt));
  log(LEVEL[kind], `chunk ${kind}`, { dumpId, run, segment, number, ...from, events, receives, ...fields, ms });
}

/** A parked remainder is no chunk that was sent, so that what is sent less what is settled or dead is on its way. */
function figuresOf(chunk: Chunk, outcome: UploadOutcome, ageMs: number): Figures {
  const chunks = chunk.parked ? 0 : 1;
  const age = { ChunkAge: Math.max(0, ageMs) / 1_000 };
  switch (outcome.kind) {
    case 'settled': {
      const { delivered, refused, parked } = outcome;
      return { ChunksSettled: chunks, EventsDelivered: delivered, Rejected: refused, EventsParked: parked, ...age };
    }
    case 'wait':
      return { ChunksTriedAgain: 1, ...age };
    case 'dead':
      return { ChunksDead: chunks, EventsDead: chunk.events, ...age };
    case 'skipped':
    case 'behind':
      return {};
  }
}

export async function afterOutcome(outcome: UploadOutcome, { hold }: TakeChunkPorts): Promise<TakenChunk> {
  switch (outcome.kind) {
    case 'wait':
    case 'behind':
      return { kind: 'again', afterMs: outcome.waitMs, isSettled: false };
    case 'settled': {
      const { heldMs, hiddenMs } = outcome.rest;
      const isHeld = heldMs <= (hold?.maxMs ?? 0);
      // SQS hides a message for whole seconds only.
      const ms = isHeld ? heldMs : hiddenMs % 1_000;
      if (ms > 0) await hold?.sleep(ms);
      if (isHeld) return { kind: 'done', goesOn: ms > 0 };
      return { kind: 'again', afterMs: hold ? hiddenMs - ms : hiddenMs, isSettled: true };
    }
    case 'skipped':
    case 'dead':
      return { kind: 'done', goesOn: true };
  }
}

const LEVEL: Readonly<Record<UploadOutcome['kind'], 'info' | 'warn' | 'error'>> = {
  settled: 'info',
  skipped: 'info',
  behind: 'info',
  wait: 'warn',
  dead: 'error',
};
