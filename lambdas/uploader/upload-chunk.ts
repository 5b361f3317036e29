/** The uploader's story: a chunk is sent, what Amplitude does not take is dealt with, and the chunk is settled exactly once. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { addCounts } from '../../shared/books.ts';
import { type Chunk, chunkId, encodeChunk, unitOf } from '../../shared/chunk.ts';
import { type CloseBooksPorts, closeBooks } from '../../shared/close-books.ts';
import type { Project, Source } from '../../shared/config.ts';
import type { Ledger, UnitRef } from '../../shared/ledger.ts';
import type { Results } from '../../shared/objects.ts';
import type { Queue } from '../../shared/queue.ts';
import { rejectsFolder } from '../../shared/receipt.ts';
import { formatReject, rejectsName } from '../../shared/rejects.ts';
import { type Amplitude, deflateText, inflateText } from './amplitude.ts';
import { backOffMs, MAX_DELAY_MS, parkedBackOffMs } from './back-off.ts';
import { type ChunkEvent, hottestOf, joinEvents, splitEvents } from './chunk-events.ts';
import { answerVerdict, type Delivery } from './deliver-events.ts';
import { readVerdict, type Verdict } from './read-verdict.ts';

export type UploadChunkPorts = CloseBooksPorts & {
  readonly amplitude: Amplitude;
  readonly ledger: Ledger;
  readonly results: Results;
  readonly parked: Pick<Queue, 'send'>;
  /** The dead-letter queue of the queue the chunk came from. */
  readonly deadLetters: Pick<Queue, 'send'>;
  apiKey(project: Project): Promise<string>;
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

/** `wait`: the message stays on its queue, to be seen again after `ms`. In every other case it can be acknowledged. */
export type UploadOutcome =
  | {
      readonly kind: 'settled';
      readonly delivered: number;
      readonly refused: number;
      readonly parked: number;
      readonly requests: number;
    }
  | { readonly kind: 'skipped'; readonly reason: 'settled' | 'superseded' }
  | { readonly kind: 'wait'; readonly ms: number; readonly reason: string }
  | { readonly kind: 'dead'; readonly reason: string };

/** A parked remainder that arrived before its parent was settled looks again after so long. */
const NOT_YET_MS = 5_000;

export async function uploadChunk(
  chunk: Chunk,
  source: Source | undefined,
  received: Received,
  ports: UploadChunkPorts,
): Promise<UploadOutcome> {
  const unit = toUnit(chunk);
  const state = await ports.ledger.unitState(unit);
  if (state === 'not-yet') return { kind: 'wait', ms: NOT_YET_MS, reason: 'its parent is not settled yet' };
  if (state !== 'open') {
    // A crash may have come between its settlement and the receipt.
    if (state === 'settled') await closeBooks(unit, chunk.segment, ports);
    return { kind: 'skipped', reason: state };
  }
  if (!source) return die(chunk, `importer.config.ts has no source named ${chunk.source}`, received, ports);
  const { delivery, requests } = await deliver(chunk, source, ports);
  switch (delivery.kind) {
    case 'through':
      return isStillParked(chunk, delivery)
        ? waitOrDie(
            chunk,
            parkedBackOffMs(received.receives, delivery.overQuota, ports.random()),
            'throttled',
            received,
            ports,
          )
        : settle(chunk, unit, delivery, requests, ports);
    case 'not-now':
      return waitOrDie(chunk, delivery.retryAfterMs ?? backOffMs(received.receives), delivery.reason, received, ports);
    case 'refused':
      return die(chunk, delivery.reason, received, ports);
  }
}

/** The whole chunk goes as it came, compressed; only an answer that does not take it all makes us look inside. */
async function deliver(
  chunk: Chunk,
  source: Source,
  ports: UploadChunkPorts,
): Promise<{ delivery: Delivery; requests: number }> {
  const { project, minIdLength } = source;
  const apiKey = await ports.apiKey(project);
  let requests = 0;
  let isAnyTaken = false;
  const upload = async (events: Pick<Chunk, 'body' | 'crc32' | 'textBytes'>): Promise<Verdict> => {
    requests += 1;
    return readVerdict(await ports.amplitude.upload({ project, apiKey, minIdLength, events }));
  };
  const verdict = await upload(chunk);
  if (verdict.kind === 'delivered') {
    return {
      delivery: { kind: 'through', delivered: chunk.events, refused: [], throttled: [], overQuota: false },
      requests,
    };
  }
  const events = splitEvents(await inflateText(chunk), chunk.positions);
  const send = async (some: readonly ChunkEvent[]) => {
    const answer = await upload(await deflateText(joinEvents(some)));
    isAnyTaken ||= answer.kind === 'delivered';
    return answer.kind === 'unexplained' && !isAnyTaken && requests >= MAX_FUTILE ? blocked(answer.reason) : answer;
  };
  const delivery = await answerVerdict(events, verdict, send);
  return {
    delivery: verdict.kind === 'unexplained' ? doubtTotalRefusal(delivery, verdict, chunk) : delivery,
    requests,
  };
}

/** So many requests without one event taken: it is not the events. Halving 2,000 down to one bad event takes 22. */
const MAX_FUTILE = 40;

/** If every event is refused and nobody says why, the way is blocked (a firewall, a proxy), and no event is to blame. */
function doubtTotalRefusal(
  delivery: Delivery,
  { status, reason }: Verdict & { kind: 'unexplained' },
  chunk: Chunk,
): Delivery {
  const isTotal = delivery.kind === 'through' && delivery.refused.length === chunk.events;
  return isTotal && (status === 403 || chunk.events > 1) ? blocked(reason) : delivery;
}

function blocked(reason: string) {
  return { kind: 'not-now', reason: `${reason}, whatever the events` } as const;
}

/** Nothing of a parked remainder went through: the message waits on as it is, instead of a new one. */
function isStillParked(chunk: Chunk, { throttled }: Delivery & { kind: 'through' }): boolean {
  return chunk.parked !== undefined && throttled.length === chunk.events;
}

/** Rejects are written and parked events are on their queue before the ledger hears of either. */
async function settle(
  chunk: Chunk,
  unit: UnitRef,
  delivery: Delivery & { kind: 'through' },
  requests: number,
  ports: UploadChunkPorts,
): Promise<UploadOutcome> {
  const { delivered, refused, throttled } = delivery;
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
      `${rejectsFolder({ dump: chunk, ...unit })}/${rejectsName(chunk.segment, unit.unit)}`,
      gzipSync(lines.join('')),
    );
  }
  const parkedUnit = throttled.length > 0 ? await park(chunk, unit, delivery, ports) : undefined;
  const counts = { delivered, refused: refused.length, parked: throttled.length, requests };
  await ports.ledger.settle(unit, { ...counts, reasons, ...(parkedUnit !== undefined && { parkedUnit }) });
  await closeBooks(unit, chunk.segment, ports);
  return { kind: 'settled', ...counts };
}

/**
 * Sends the throttled events to the parked queue. Their unit is named after which events they are: if a crash makes this
 * happen twice with different ones, only the remainder that the ledger knows is delivered, and it is the whole one.
 */
async function park(
  chunk: Chunk,
  unit: UnitRef,
  delivery: Delivery & { kind: 'through' },
  ports: UploadChunkPorts,
): Promise<string> {
  const events: readonly ChunkEvent[] = delivery.throttled;
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

async function waitOrDie(
  chunk: Chunk,
  ms: number,
  reason: string,
  received: Received,
  ports: UploadChunkPorts,
): Promise<UploadOutcome> {
  if (received.receives >= received.maxReceives) return die(chunk, reason, received, ports);
  return { kind: 'wait', ms, reason };
}

/** The message goes to the dead-letter queue by our own hand, so that it is booked and carries its reason. */
async function die(chunk: Chunk, reason: string, received: Received, ports: UploadChunkPorts): Promise<UploadOutcome> {
  await ports.ledger.bookDead(toUnit(chunk), reason);
  const group = received.group === undefined ? {} : { group: received.group };
  // A FIFO queue drops an id it has seen in the last 5 minutes, and a replayed chunk may die again within them.
  const id = `${chunkId(chunk)}.${ports.now()}`;
  await ports.deadLetters.send([{ id, body: encodeChunk(chunk), ...group, attributes: { reason } }]);
  return { kind: 'dead', reason };
}

function toUnit(chunk: Chunk): UnitRef {
  const { dumpId, run, segment, events, parked } = chunk;
  return { dumpId, run, segment, unit: unitOf(chunk), events, ...(parked && { parent: parked.parent }) };
}
