/** Delivers events in as many requests as Amplitude's answers ask for: without the named ones, or in halves. */
import type { ChunkEvent } from './chunk-events.ts';
import type { Named, Verdict } from './read-verdict.ts';

export type RefusedEvent = { readonly event: ChunkEvent; readonly reason: string };

/**
 * `through`: every event was delivered, refused or throttled.
 * `not-now`: Amplitude cannot take it now; some of the events may have been delivered, and are sent again with the same
 * insert_id. `refused`: nothing of this project is taken until a person mends it.
 */
export type Delivery =
  | {
      readonly kind: 'through';
      readonly delivered: number;
      readonly refused: readonly RefusedEvent[];
      readonly throttled: readonly ChunkEvent[];
      /** Some of the throttled are over their daily quota, which takes hours, not seconds. */
      readonly overQuota: boolean;
    }
  | { readonly kind: 'not-now'; readonly reason: string; readonly retryAfterMs?: number }
  | { readonly kind: 'refused'; readonly reason: string };

export type Send = (events: readonly ChunkEvent[]) => Promise<Verdict>;

const NOTHING: Delivery & { kind: 'through' } = {
  kind: 'through',
  delivered: 0,
  refused: [],
  throttled: [],
  overQuota: false,
};

/** Sends the events, and what is left of them after each answer, until nothing is left. */
export async function deliverEvents(events: readonly ChunkEvent[], send: Send): Promise<Delivery> {
  return events.length === 0 ? NOTHING : answerVerdict(events, await send(events), send);
}

/** What to do about the verdict on these events, which have just been sent together. */
export async function answerVerdict(events: readonly ChunkEvent[], verdict: Verdict, send: Send): Promise<Delivery> {
  switch (verdict.kind) {
    case 'delivered':
      return { ...NOTHING, delivered: events.length };
    case 'named':
      return deliverUnnamed(events, verdict, send);
    case 'too-large':
      return deliverHalves(events, 'Amplitude: payload too large', send);
    case 'unexplained':
      return deliverHalves(events, `Amplitude: refused without a reason (${verdict.reason})`, send);
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
  const throttled: ChunkEvent[] = [];
  const rest: ChunkEvent[] = [];
  let overQuota = false;
  for (const [index, event] of events.entries()) {
    const reason = verdict.invalid.get(index) ?? (isNamed(verdict.silenced, event, index) ? SILENCED : undefined);
    const isOverQuota = isNamed(verdict.overQuota, event, index);
    if (reason !== undefined) refused.push({ event, reason });
    else if (isOverQuota || isNamed(verdict.throttled, event, index)) throttled.push(event);
    else rest.push(event);
    overQuota ||= isOverQuota;
  }
  if (rest.length === events.length) {
    return deliverHalves(events, 'Amplitude: refused, naming events that were not sent', send);
  }
  return merge({ ...NOTHING, refused, throttled, overQuota }, await deliverEvents(rest, send));
}

const SILENCED = 'Amplitude: events silenced for device_id';

/** A half that cannot be delivered now takes the whole with it: the other half is then sent again with the same insert_ids. */
async function deliverHalves(events: readonly ChunkEvent[], reason: string, send: Send): Promise<Delivery> {
  const [first] = events;
  if (events.length === 1 && first) return { ...NOTHING, refused: [{ event: first, reason }] };
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
    throttled: [...before.throttled, ...after.throttled],
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
