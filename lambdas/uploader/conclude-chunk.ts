/** What follows from a delivery: the chunk is settled, parked in part, tried again later or dead, and booked so, exactly once. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { attemptOf } from '../../shared/amendment.ts';
import { addCounts } from '../../shared/books.ts';
import { type Chunk, chunkId, encodeChunk, unitOf } from '../../shared/chunk.ts';
import { type CloseBooksPorts, closeBooks } from '../../shared/close-books.ts';
import type { Importer } from '../../shared/config.ts';
import type { Ledger, UnitRef } from '../../shared/ledger.ts';
import type { Results } from '../../shared/objects.ts';
import type { Queue } from '../../shared/queue.ts';
import { rejectsFolder } from '../../shared/receipt.ts';
import { formatReject, rejectsName } from '../../shared/rejects.ts';
import type { Target } from '../../shared/target.ts';
import { deflateText } from './amplitude.ts';
import { backOffMs, MAX_DELAY_MS, MAX_RETRY_AFTER_MS, parkedBackOffMs } from './back-off.ts';
import { hottestOf, joinEvents } from './chunk-events.ts';
import type { Delivery } from './deliver-events.ts';
import { NO_REST, type Rest, restAfter, type Sent } from './pace.ts';

export type ConcludePorts = CloseBooksPorts & {
  readonly importer: Pick<Importer, 'uploaders' | 'lanes'>;
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
  /** How often, this time included. */
  readonly receives: number;
  /** How often it may be tried. */
  readonly maxTries: number;
  /** When it was sent to its queue, ms since epoch. */
  readonly sentAt: number;
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
      /** How long its lane is to rest, from now on. */
      readonly rest: Rest;
    }
  /** Earlier events of its device are in another lane and on their way; to be seen again after `waitMs`. */
  | { readonly kind: 'behind'; readonly waitMs: number }
  | { readonly kind: 'skipped'; readonly reason: 'settled' | 'superseded' }
  | { readonly kind: 'wait'; readonly waitMs: number; readonly reason: string }
  | { readonly kind: 'dead'; readonly reason: string };

/** A delivery, and what it took. */
export type Delivered = {
  readonly delivery: Delivery;
  readonly requests: number;
  /** When the upload ended, and how long it took. */
  readonly endedAt: number;
  readonly tookMs: number;
};

/** Throws when it cannot be booked. */
export async function conclude(
  chunk: Chunk,
  target: Target,
  delivered: Delivered,
  received: Received,
  ports: ConcludePorts,
): Promise<UploadOutcome> {
  const { delivery } = delivered;
  switch (delivery.kind) {
    case 'through': {
      if (isStillParked(chunk, delivery)) return waitOrDie(chunk, 'throttled', received, ports, delivery);
      const settled = await settle(chunk, delivery, delivered.requests, ports);
      if (settled.kind === 'skipped' || chunk.parked) return settled;
      const { events, hottest, spread } = chunk;
      const wasThrottled = delivery.waiting.length > 0;
      const sent = { events, hottest, spread, wasThrottled };
      return { ...settled, rest: restLeft(sent, target, delivered, ports) };
    }
    case 'not-now':
      return waitOrDie(chunk, delivery.reason, received, ports, delivery);
    case 'refused':
      return die(chunk, `${delivery.reason}${ofProject(chunk)}`, received, ports);
  }
}

/** Of which project that is, where the source has several. */
function ofProject({ project }: Chunk): string {
  return project === undefined ? '' : ` (project ${project})`;
}

/** How much is left of the rest that a lane has to take after an upload. */
export function restLeft(
  sent: Omit<Sent, 'tookMs'>,
  target: Target,
  { endedAt, tookMs }: Pick<Delivered, 'endedAt' | 'tookMs'>,
  { importer: { uploaders, lanes }, now }: ConcludePorts,
): Rest {
  const { heldMs, hiddenMs } = restAfter({ ...sent, tookMs }, { ...target, uploaders, lanes });
  const gone = now() - endedAt;
  return { heldMs: Math.max(0, heldMs - gone), hiddenMs: Math.max(0, hiddenMs - gone) };
}

/** Nothing of a parked remainder went through: the message waits on as it is, instead of a new one. */
function isStillParked(chunk: Chunk, { waiting }: Through): boolean {
  return chunk.parked !== undefined && waiting.length === chunk.events;
}

type Through = Delivery & { readonly kind: 'through' };

/** Rejects are written and parked events are on their queue before the ledger hears of either. */
export async function settle(
  chunk: Chunk,
  delivery: Through,
  requests: number,
  ports: ConcludePorts,
): Promise<UploadOutcome & { readonly kind: 'settled' | 'skipped' }> {
  const unit = toUnit(chunk);
  const { delivered, refused, waiting } = delivery;
  const reasons: Record<string, number> = {};
  for (const { reason } of refused) addCounts(reasons, { [reason]: 1 });
  if (refused.length > 0) {
    const lines = refused.map(({ event, reason }) =>
      formatReject({
        kind: 'refused',
        position: event.position,
        reason,
        detail: `answered by Amplitude${ofProject(chunk)}`,
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
  return { kind: 'settled', ...counts, rest: NO_REST };
}

/**
 * Sends the events that must wait to the parked queue. Their unit is named after which events they are: if a crash makes this
 * happen twice with different ones, only the remainder that the ledger knows is delivered, and it is the whole one.
 */
async function park(chunk: Chunk, unit: UnitRef, delivery: Through, ports: ConcludePorts): Promise<string> {
  const { waiting: events } = delivery;
  const text = joinEvents(events);
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const { after: _, afterOwn: _own, ...header } = chunk;
  const parked: Chunk = {
    ...header,
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

type Asked = { readonly retryAfterMs?: number; readonly overQuota?: boolean };

/** At least so long as Amplitude asks for, within reason; `tries` is how often it was tried by now. */
export function nextTryMs(chunk: Chunk, tries: number, { random }: ConcludePorts, asked: Asked = {}): number {
  const { retryAfterMs = 0, overQuota = false } = asked;
  const ownMs = chunk.parked ? parkedBackOffMs(tries, overQuota, random()) : backOffMs(tries);
  return Math.max(ownMs, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
}

/**
 * The ledger counts the tries, because a message's receives are more than that: it is received also behind another one of
 * its lane, and when its lane has rested.
 */
export async function waitOrDie(
  chunk: Chunk,
  reason: string,
  received: Received,
  ports: ConcludePorts,
  asked?: Asked,
): Promise<UploadOutcome> {
  const tries = await ports.ledger.countTry(toUnit(chunk));
  if (tries >= received.maxTries) return die(chunk, reason, received, ports);
  return { kind: 'wait', waitMs: nextTryMs(chunk, tries, ports, asked), reason };
}

/** The message goes to the dead-letter queue by our own hand, so that it is booked and carries its reason. */
export async function die(
  chunk: Chunk,
  reason: string,
  received: Received,
  ports: ConcludePorts,
): Promise<UploadOutcome> {
  await ports.ledger.bookDead(toUnit(chunk), reason);
  const group = received.group === undefined ? {} : { group: received.group };
  // A FIFO queue drops an id it has seen in the last 5 minutes, and a replayed chunk may die again within them.
  const id = `${chunkId(chunk)}.${ports.now()}`;
  // SQS takes no control characters in an attribute.
  const attributes = { reason: reason.replace(/[^ -~]+/g, ' ').slice(0, 300) };
  await ports.deadLetters.send([{ id, body: encodeChunk(chunk), ...group, attributes }]);
  return { kind: 'dead', reason };
}

export function toUnit(chunk: Chunk): UnitRef {
  const { dumpId, run, segment, events, parked } = chunk;
  return { dumpId, run, segment, unit: unitOf(chunk), events, ...(parked && { parent: parked.parent }) };
}
