/** Takes one chunk message: uploads it, and says whether the message is to be seen again. */
import { decodeChunk } from '../../shared/chunk.ts';
import type { Importer } from '../../shared/config.ts';
import { describeError, type Log } from '../../shared/log.ts';
import { backOffMs } from './back-off.ts';
import { type Received, type UploadChunkPorts, type UploadOutcome, uploadChunk } from './upload-chunk.ts';

export type TakeChunkPorts = UploadChunkPorts & { readonly importer: Importer; readonly log: Log };

/** Undefined when the message is done with; otherwise the milliseconds after which to see it again. Never throws. */
export async function takeChunk(body: string, received: Received, ports: TakeChunkPorts): Promise<number | undefined> {
  const { importer, log, now } = ports;
  const began = now();
  try {
    const chunk = decodeChunk(body);
    const { dumpId, run, segment, number, events } = chunk;
    const source = importer.sources.find(({ name }) => name === chunk.source);
    const outcome = await uploadChunk(chunk, source, received, ports);
    const { kind, ...fields } = outcome;
    const from = chunk.parked ? { parked: chunk.parked.unit } : {};
    const { receives } = received;
    log(LEVEL[kind], `chunk ${kind}`, {
      dumpId,
      run,
      segment,
      number,
      ...from,
      events,
      receives,
      ...fields,
      ms: now() - began,
    });
    return outcome.kind === 'wait' ? outcome.waitMs : undefined;
  } catch (error) {
    const waitMs = backOffMs(received.receives);
    log('warn', 'chunk is tried again', { error: describeError(error), receives: received.receives, waitMs });
    return waitMs;
  }
}

const LEVEL: Readonly<Record<UploadOutcome['kind'], 'info' | 'warn' | 'error'>> = {
  settled: 'info',
  skipped: 'info',
  wait: 'warn',
  dead: 'error',
};
