/** The uploader's story: a chunk is sent, what Amplitude does not take is dealt with, and the chunk is settled exactly once. */
import type { Chunk, ChunkHeader } from '../../shared/chunk.ts';
import { closeBooks } from '../../shared/close-books.ts';
import { describeError } from '../../shared/log.ts';
import { type Target, targetOf } from '../../shared/target.ts';
import type { UploadSettings } from '../../shared/upload-settings.ts';
import { behindMs, maxReceivesBehind } from './back-off.ts';
import {
  type ConcludePorts,
  conclude,
  die,
  nextTryMs,
  type Received,
  toUnit,
  type UploadOutcome,
  waitOrDie,
} from './conclude-chunk.ts';
import { type DeliverChunkPorts, deliverChunk } from './deliver-chunk.ts';

export type UploadChunkPorts = ConcludePorts &
  DeliverChunkPorts & { readonly importer: Pick<UploadSettings, 'sources' | 'uploaders' | 'lanes'> };

/** Throws only when not even the chunk's try or its death can be booked. */
export async function uploadChunk(chunk: Chunk, received: Received, ports: UploadChunkPorts): Promise<UploadOutcome> {
  try {
    const hindrance = await findHindrance(chunk, received, ports);
    if (hindrance?.kind === 'behind' && received.receives >= maxReceivesBehind(received.maxTries)) {
      return await die(chunk, 'earlier events of its device are still on their way', received, ports);
    }
    if (hindrance) return hindrance;
    const target = findTarget(chunk, ports);
    if (typeof target === 'string') return await die(chunk, target, received, ports);
    const began = ports.now();
    const delivered = await deliverChunk(chunk, target, ports);
    const endedAt = ports.now();
    return await conclude(chunk, target, { ...delivered, endedAt, tookMs: endedAt - began }, received, ports);
  } catch (error) {
    return waitOrDie(chunk, describeError(error), received, ports);
  }
}

/** Where the chunk goes, or what the configuration lacks for it. */
export function findTarget(
  { source: name, project }: ChunkHeader,
  { importer }: Pick<UploadChunkPorts, 'importer'>,
): Target | string {
  const source = importer.sources.find((one) => one.name === name);
  if (!source) return `importer.config.ts has no source named ${name}`;
  const what = project === undefined ? 'project of its own' : `project named ${project}`;
  return targetOf(source, project) ?? `source ${name} in importer.config.ts has no ${what}`;
}

/** Why the chunk is not to be sent, or not yet; undefined when nothing speaks against it. */
export async function findHindrance(
  chunk: Chunk,
  { receives }: Received,
  ports: UploadChunkPorts,
): Promise<UploadOutcome | undefined> {
  const unit = toUnit(chunk);
  const state = await ports.ledger.unitState(unit);
  switch (state) {
    case 'not-yet':
      return { kind: 'wait', waitMs: nextTryMs(chunk, receives, ports), reason: 'its parent is not settled yet' };
    case 'settled':
      // A crash may have come between its settlement and the receipt.
      await closeBooks(unit, chunk.segment, ports);
      return { kind: 'skipped', reason: state };
    case 'superseded':
      return { kind: 'skipped', reason: state };
    case 'open':
    case 'dead':
      return (await isBehind(chunk, ports)) ? { kind: 'behind', waitMs: behindMs(receives) } : undefined;
  }
}

/**
 * Whether a chunk with earlier events of its device is still on its way, in another lane. If a newer reading has just replaced
 * its run, this chunk is of no use either, as it will be found when it is seen again.
 */
async function isBehind(chunk: ChunkHeader, { ledger }: UploadChunkPorts): Promise<boolean> {
  const { dumpId, run, after, afterOwn = [], parked } = chunk;
  if (parked) return false;
  for (const { segment, number } of [...(after ? [after] : []), ...afterOwn]) {
    const before = { dumpId, run, segment, unit: String(number), events: 0 };
    if (['open', 'superseded'].includes(await ledger.unitState(before))) return true;
  }
  return false;
}
