/** The uploader's story: a chunk is sent, what Amplitude does not take is dealt with, and the chunk is settled exactly once. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { attemptOf } from '../../shared/amendment.ts';
import { addCounts } from '../../shared/books.ts';
import { type Chunk, chunkId, encodeChunk, unitOf } from '../../shared/chunk.ts';
import { type CloseBooksPorts, closeBooks } from '../../shared/close-books.ts';
import type { Importer, Source } from '../../shared/config.ts';
import type { Ledger, UnitRef } from '../../shared/ledger.ts';
import { describeError } from '../../shared/log.ts';
import type { Results } from '../../shared/objects.ts';
import type { Queue } from '../../shared/queue.ts';
import { rejectsFolder } from '../../shared/receipt.ts';
import { formatReject, rejectsName } from '../../shared/rejects.ts';
import { deflateText } from './amplitude.ts';
import { backOffMs, MAX_DELAY_MS, MAX_RETRY_AFTER_MS, parkedBackOffMs } from './back-off.ts';
import { hottestOf, joinEvents } from './chunk-events.ts';
import { type DeliverChunkPorts, deliverChunk } from './deliver-chunk.ts';
import type { Delivery } from './deliver-events.ts';
import { restMs } from './pace.ts';

export type UploadChunkPorts = CloseBooksPorts &
  DeliverChunkPorts & {
    readonly importer: Pick<Importer, 'sources' | 'uploaders'>;
    readonly ledger: Ledger;
    readonly results: Results;
    readonly parked: Pick<Queue, 'send'>;
    /** The dead-letter queue of the queue the chunk came from. */
    readonly deadLetters: Pick<Queue, 'send'>;
    /** 0 to 1. */
    random(): number;
  };

/** How the chunk's message came. */
export type Received = {
  /** How often, this time included, and how often at most. */
  readonly receives: number;
  readonly maxReceives: number;
  readonly group?: string;
};

/** `wait`: the message stays on its queue, to be seen again after `waitMs`. In every other case it can be acknowledged. */
export type UploadOutcome =
  | {
      readonly kind: 'settled';
      readonly delivered: number;
      readonly refused: number;
      readonly parked: number;
      readonly requests: number;
      /** How long its lane is to rest. */
      readonly restMs: number;
    }
  | { readonly kind: 'skipped'; readonly reason: 'settled' | 'superseded' }
  | { readonly kind: 'wait'; readonly waitMs: number; readonly reason: string }
  | { readonly kind: 'dead'; readonly reason: string };

/** Throws only when not even the chunk's death can be booked. */
export async function uploadChunk(
  chunk: Chunk,
  source: Source | undefined,
  received: Received,
  ports: UploadChunkPorts,
): Promise<UploadOutcome> {
  try {
    return await attempt(chunk, source, received, ports);
  } catch (error) {
    return waitOrDie(chunk, nextTryMs(chunk, received, ports), describeError(error), received, ports);
  }
}

async function attempt(
  chunk: Chunk,
  source: Source | undefined,
  received: Received,
  ports: UploadChunkPorts,
): Promise<UploadOutcome> {
  const unit = toUnit(chunk);
  const state = await ports.ledger.unitState(unit);
  if (state === 'not-yet') {
    return { kind: 'wait', waitMs: nextTryMs(chunk, received, ports), reason: 'its parent is not settled yet' };
  }
  if (state !== 'open') {
    // A crash may have come between its settlement and the receipt.
    if (state === 'settled') await closeBooks(unit, chunk.segment, ports);
    return { kind: 'skipped', reason: state };
  }
  if (!source) return die(chunk, `importer.config.ts has no source named ${chunk.source}`, received, ports);
  const { delivery, requests } = await deliverChunk(chunk, source, ports);
  switch (delivery.kind) {
    case 'through':
      if (!isStillParked(chunk, delivery)) return settle({ chunk, unit, source, delivery, requests }, ports);
      return waitOrDie(chunk, nextTryMs(chunk, received, ports, delivery), 'throttled', received, ports);
    case 'not-now':
      return waitOrDie(chunk, nextTryMs(chunk, received, ports, delivery), delivery.reason, received, ports);
    case 'refused':
      return die(chunk, delivery.reason, received, ports);
  }
}

/** Nothing of a parked remainder went through: the message waits on as it is, instead of a new one. */
function isStillParked(chunk: Chunk, { waiting }: Delivery & { kind: 'through' }): boolean {
  return chunk.parked !== undefined && waiting.length === chunk.events;
}

type Through = {
  readonly chunk: Chunk;
  readonly unit: UnitRef;
  readonly source: Source;
  readonly delivery: Delivery & { kind: 'through' };
  readonly requests: number;
};

/** Rejects are written and parked events are on their queue before the ledger hears of either. */
async function settle(
  { chunk, unit, source, delivery, requests }: Through,
  ports: UploadChunkPorts,
): Promise<UploadOutcome> {
  const endedAt = ports.now();
  const { delivered, refused, waiting } = delivery;
  const reasons: Record<string, number> = {};
  for (const { reason } of refused) addCounts(reasons, { [reason]: 1 });
  if (refused.length > 0) {
    const lines = refused.map(({ event, reason }) =>
      formatReject({
        kind: 'refused',
        position: event.position,
        reason,
        detail: 'answered by Amplitude',
        bytes: Buffer.from(event.text),
      }),
    );
    await ports.results.put(
      `${rejectsFolder({ dump: chunk, ...unit }, attemptOf(chunk.segment))}/${rejectsName(chunk.segment, unit.unit)}`,
      gzipSync(lines.join('')),
    );
  }
  const parkedUnit = waiting.length > 0 ? await park(chunk, unit, delivery, ports) : undefined;
  const counts = { delivered, refused: refused.length, parked: waiting.length, requests };
  const settlement = { ...counts, reasons, ...(parkedUnit !== undefined && { parkedUnit }) };
  const isRepeat = (await ports.ledger.settle(unit, settlement)) === 'repeat';
  await closeBooks(unit, chunk.segment, ports);
  if (isRepeat) return { kind: 'skipped', reason: 'settled' };
  const rest = chunk.parked
    ? 0
    : restMs({ ...chunk, wasThrottled: waiting.length > 0 }, { ...source, ...ports.importer });
  return { kind: 'settled', ...counts, restMs: Math.max(0, rest - (ports.now() - endedAt)) };
}

/**
 * Sends the events that must wait to the parked queue. Their unit is named after which events they are: if a crash makes this
 * happen twice with different ones, only the remainder that the ledger knows is delivered, and it is the whole one.
 */
async function park(
  chunk: Chunk,
  unit: UnitRef,
  delivery: Delivery & { kind: 'through' },
  ports: UploadChunkPorts,
): Promise<string> {
  const { waiting: events } = delivery;
  const text = joinEvents(events);
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const parked: Chunk = {
    ...chunk,
    ...(await deflateText(text)),
    events: events.length,
    hottest: hottestOf(events),
    positions: events.map((event) => event.position),
    parked: { unit: `${chunk.number}p${digest}`, parent: unit.unit },
  };
  const delayMs = Math.min(MAX_DELAY_MS, parkedBackOffMs(1, delivery.overQuota, ports.random()));
  await ports.parked.send([{ id: chunkId(parked), body: encodeChunk(parked), delayMs }]);
  return unitOf(parked);
}

/** At least so long as Amplitude asks for, within reason; each wait costs a receive. */
function nextTryMs(
  chunk: Chunk,
  { receives }: Received,
  { random }: UploadChunkPorts,
  { retryAfterMs = 0, overQuota = false }: { readonly retryAfterMs?: number; readonly overQuota?: boolean } = {},
): number {
  const ownMs = chunk.parked ? parkedBackOffMs(receives, overQuota, random()) : backOffMs(receives);
  return Math.max(ownMs, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
}

async function waitOrDie(
  chunk: Chunk,
  waitMs: number,
  reason: string,
  received: Received,
  ports: UploadChunkPorts,
): Promise<UploadOutcome> {
  if (received.receives >= received.maxReceives) return die(chunk, reason, received, ports);
  return { kind: 'wait', waitMs, reason };
}

/** The message goes to the dead-letter queue by our own hand, so that it is booked and carries its reason. */
async function die(chunk: Chunk, reason: string, received: Received, ports: UploadChunkPorts): Promise<UploadOutcome> {
  await ports.ledger.bookDead(toUnit(chunk), reason);
  const group = received.group === undefined ? {} : { group: received.group };
  // A FIFO queue drops an id it has seen in the last 5 minutes, and a replayed chunk may die again within them.
  const id = `${chunkId(chunk)}.${ports.now()}`;
  // SQS takes no control characters in an attribute.
  const attributes = { reason: reason.replace(/[^ -~]+/g, ' ').slice(0, 300) };
  await ports.deadLetters.send([{ id, body: encodeChunk(chunk), ...group, attributes }]);
  return { kind: 'dead', reason };
}

function toUnit(chunk: Chunk): UnitRef {
  const { dumpId, run, segment, events, parked } = chunk;
  return { dumpId, run, segment, unit: unitOf(chunk), events, ...(parked && { parent: parked.parent }) };
}
