/** Takes one chunk message: uploads it, lets its lane rest, and says whether the message is to be seen again. */
import { decodeChunk } from '../../shared/chunk.ts';
import { describeError, type Log } from '../../shared/log.ts';
import { backOffMs } from './back-off.ts';
import { type Received, type UploadChunkPorts, type UploadOutcome, uploadChunk } from './upload-chunk.ts';

export type TakeChunkPorts = UploadChunkPorts & {
  readonly log: Log;
  /**
   * Lets a lane rest by holding its message for so long at most; a longer rest it takes with the message invisible, and
   * whoever held it is free meanwhile. Without it nothing is held.
   */
  readonly hold?: { readonly maxMs: number; sleep(ms: number): Promise<void> };
};

/**
 * `done`: to be acknowledged. `again`: to be seen again after so many ms; if it `isSettled`, only its lane rests so long,
 * and it can be acknowledged at any time.
 */
export type TakenChunk =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly afterMs: number; readonly isSettled: boolean };

/** Never throws. */
export async function takeChunk(body: string, received: Received, ports: TakeChunkPorts): Promise<TakenChunk> {
  const began = ports.now();
  try {
    const chunk = decodeChunk(body);
    const { dumpId, run, segment, number, events } = chunk;
    const source = ports.importer.sources.find(({ name }) => name === chunk.source);
    const outcome = await uploadChunk(chunk, source, received, ports);
    const { kind, ...fields } = outcome;
    const from = chunk.parked ? { parked: chunk.parked.unit } : {};
    const { receives } = received;
    const ms = ports.now() - began;
    const said = { dumpId, run, segment, number, ...from, events, receives, ...fields, ms };
    ports.log(LEVEL[kind], `chunk ${kind}`, said);
    return await afterOutcome(outcome, ports);
  } catch (error) {
    const afterMs = backOffMs(received.receives);
    ports.log('warn', 'chunk is tried again', {
      error: describeError(error),
      receives: received.receives,
      waitMs: afterMs,
    });
    return { kind: 'again', afterMs, isSettled: false };
  }
}

async function afterOutcome(outcome: UploadOutcome, { hold }: TakeChunkPorts): Promise<TakenChunk> {
  switch (outcome.kind) {
    case 'wait':
      return { kind: 'again', afterMs: outcome.waitMs, isSettled: false };
    case 'settled':
      if (outcome.restMs > (hold?.maxMs ?? 0)) return { kind: 'again', afterMs: outcome.restMs, isSettled: true };
      if (outcome.restMs > 0) await hold?.sleep(outcome.restMs);
      return { kind: 'done' };
    case 'skipped':
    case 'dead':
      return { kind: 'done' };
  }
}

const LEVEL: Readonly<Record<UploadOutcome['kind'], 'info' | 'warn' | 'error'>> = {
  settled: 'info',
  skipped: 'info',
  wait: 'warn',
  dead: 'error',
};
