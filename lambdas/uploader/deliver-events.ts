/** Delivers events in as many requests as Amplitude's answers ask for: without the named ones, or in halves. */
import type { ChunkEvent } from './chunk-events.ts';
import { type Named, namesAnybody, type Verdict } from './read-verdict.ts';

/**
 * How sure it is that an event will never be taken.
 * - `named`: Amplitude named it
 * - `judged`: alone in its request, it was refused by Amplitude itself
 * - `guessed`: alone in its request, it was refused by whoever answered
 */
export type RefusedEvent = {
  readonly event: ChunkEvent;
  readonly reason: string;
  readonly certainty: 'named' | 'judged' | 'guessed';
};

/**
 * `through`: every event was delivered, refused or is to wait.
 * `not-now`: Amplitude cannot take it now; some of the events may have been delivered, and are sent again with the same
 * insert_id. `refused`: nothing of this project is taken until a person mends it.
 */
export type Delivery =
  | {
      readonly kind: 'through';
      readonly delivered: number;
      readonly refused: readonly RefusedEvent[];
      /** Amplitude throttled them, or they were left for later. */
      readonly waiting: readonly ChunkEvent[];
      /** Some of the waiting are over their daily quota, which takes hours, not seconds. */
      readonly overQuota: boolean;
    }
  | { readonly kind: 'not-now'; readonly reason: string; readonly retryAfterMs?: number }
  | { readonly kind: 'refused'; readonly reason: string };

/** What became of a request; `later`: it was not made, and its events wait. */
export type Send = (events: readonly ChunkEvent[]) => Promise<Verdict | { readonly kind: 'later' }>;

export const NOTHING: Delivery & { kind: 'through' } = {
  kind: 'through',
  delivered: 0,
  refused: [],
  waiting: [],
  overQuota: false,
};

/** Sends the events, and what is left of them after each answer, until nothing is left. */
export async function deliverEvents(events: readonly ChunkEvent[], send: Send): Promise<Delivery> {
  return events.length === 0 ? NOTHING : answerVerdict(events, await send(events), send);
}

/** What to do about the verdict on these events, which have just been sent together. */
export async function answerVerdict(
  events: readonly ChunkEvent[],
  verdict: Awaited<ReturnType<Send>>,
  send: Send,
): Promise<Delivery> {
  switch (verdict.kind) {
    case 'delivered':
      return { ...NOTHING, delivered: events.length };
    case 'later':
      return { ...NOTHING, waiting: events };
    case 'named':
      return deliverUnnamed(events, verdict, send);
    case 'too-large':
      return deliverHalves(events, { reason: 'Amplitude: payload too large', certainty: 'judged' }, send);
    case 'unexplained': {
      const reason = `Amplitude: refused without a reason (${verdict.reason})`;
      return deliverHalves(events, { reason, certainty: verdict.isJudged ? 'judged' : 'guessed' }, send);
    }
    case 'not-now':
    case 'refused':
      return verdict;
  }
}

/** Nothing of the request was taken, so the rest goes at once; the named ones are rejects, or wait. */
async function deliverUnnamed(
  events: readonly ChunkEvent[],
  verdict: Verdict & { kind: 'named' },
  send: Send,
): Promise<Delivery> {
  const refused: RefusedEvent[] = [];
  const waiting: ChunkEvent[] = [];
  const rest: ChunkEvent[] = [];
  let overQuota = false;
  for (const [index, event] of events.entries()) {
    const reason = verdict.invalid.get(index) ?? (isNamed(verdict.silenced, event, index) ? SILENCED : undefined);
    const isOverQuota = isNamed(verdict.overQuota, event, index);
    if (reason !== undefined) {
      refused.push({ event, reason, certainty: 'named' });
    } else if (isOverQuota || isNamed(verdict.throttled, event, index)) {
      waiting.push(event);
      overQuota ||= isOverQuota;
    } else {
      rest.push(event);
    }
  }
  if (rest.length === events.length) return deliverStrangers(events, verdict, send);
  return merge({ ...NOTHING, refused, waiting, overQuota }, await deliverEvents(rest, send));
}

const SILENCED = 'Amplitude: events silenced for device_id';

/** None of the named is among the events. Being throttled, under whatever name, is no event's fault: it passes. */
async function deliverStrangers(
  events: readonly ChunkEvent[],
  { throttled, overQuota }: Verdict & { kind: 'named' },
  send: Send,
): Promise<Delivery> {
  if (namesAnybody(throttled) || namesAnybody(overQuota)) {
    return { kind: 'not-now', reason: 'Amplitude: throttled, naming events that were not sent' };
  }
  const reason = 'Amplitude: refused, naming events that were not sent';
  return deliverHalves(events, { reason, certainty: 'judged' }, send);
}

/** A half that cannot be delivered now takes the whole with it: the other half is then sent again with the same insert_ids. */
async function deliverHalves(
  events: readonly ChunkEvent[],
  refusal: Omit<RefusedEvent, 'event'>,
  send: Send,
): Promise<Delivery> {
  const [first] = events;
  if (events.length === 1 && first) return { ...NOTHING, refused: [{ event: first, ...refusal }] };
  const middle = Math.ceil(events.length / 2);
  const before = await deliverEvents(events.slice(0, middle), send);
  if (before.kind !== 'through') return before;
  return merge(before, await deliverEvents(events.slice(middle), send));
}

function merge(before: Delivery & { kind: 'through' }, after: Delivery): Delivery {
  if (after.kind !== 'through') return after;
  return {
    kind: 'through',
    delivered: before.delivered + after.delivered,
    refused: [...before.refused, ...after.refused],
    waiting: [...before.waiting, ...after.waiting],
    overQuota: before.overQuota || after.overQuota,
  };
}

function isNamed({ indexes, devices, users }: Named, event: ChunkEvent, index: number): boolean {
  if (indexes.has(index)) return true;
  return isOneOf(devices, event.deviceId) || isOneOf(users, event.userId);
}

function isOneOf(ids: ReadonlySet<string>, id: string | undefined): boolean {
  return id !== undefined && ids.has(id);
}
