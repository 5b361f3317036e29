/** Decides how many events the next segment of a dump may hold, so that its source stays within its budget of the day. */
import { type Account, type Budget, DAY_MS, dayOf, nextDayAt } from '../../shared/budget.ts';
import type { Run } from '../../shared/dump.ts';

export type GrantRequest = Run & {
  /** The segment that is about to be read. */
  readonly segment: number;
  /** Events that the segment before it made; undefined when that is not known, and then all it was granted counts. */
  readonly made: number | undefined;
  /** More than so many it will not make. */
  readonly wanted: number;
};

export type Limit = { readonly eventsPerDay: number; readonly now: number };

/**
 * - `granted`: the segment may hold so many events; asked again for the same segment it is the same number
 * - `shortly`: what is left of the day is granted to segments that others read, which may not need all of it
 * - `braked`: the day's events are used up
 */
export type Grant =
  | { readonly kind: 'granted'; readonly events: number }
  | { readonly kind: 'shortly' }
  | { readonly kind: 'braked'; readonly until: number };

/** Of a dump that nobody went on with for so long the ledger, too, has forgotten where it stood. */
const FORGOTTEN_MS = 400 * DAY_MS;

/** A segment is read in less; what was granted earlier counts as used, perhaps its dump was given up. */
const READING_MS = 15 * 60_000;

/** The budget with the segment's grant in it, and the grant. */
export function grantSegment(found: Budget, request: GrantRequest, limit: Limit): { budget: Budget; grant: Grant } {
  const { dumpId, run, segment, wanted } = request;
  const { eventsPerDay, now } = limit;
  const known = found.dumps[dumpId];
  if (known?.run === run && known.segment === segment && known.grant > 0) {
    return { budget: found, grant: { kind: 'granted', events: known.grant } };
  }
  // Whoever asks has lost the dump to another reader. Later than that there is none: the ledger has forgotten the dump, and it
  // begins anew, with its runs counted from the first again.
  if (known && isBefore(request, known) && now - known.at < DAY_MS)
    return { budget: found, grant: { kind: 'shortly' } };
  const today = onDay(found, now);
  const { account, unused } = settle(known, request, now, today.day);
  const used = today.used - unused;
  const left = Math.max(0, eventsPerDay - used);
  const free = Math.max(0, account.paid - account.sent);
  const events = Math.min(wanted, free + left);
  const others = withoutDump(today.dumps, dumpId);
  const granted = { ...account, grant: events };
  const { braked: _, ...rest } = today;
  const hasAny = events > 0 || account.paid > 0;
  const dumps = hasAny ? { ...others, [dumpId]: granted } : others;
  const budget: Budget = { ...rest, used: used + reservedBy(granted), dumps };
  if (events > 0) {
    // Others may still wait: the day is as it was for them.
    return { budget: { ...budget, ...(left === 0 && stillBraked(today)) }, grant: { kind: 'granted', events } };
  }
  const isReserved = Object.values(others).some((other) => now - other.at < READING_MS && reservedBy(other) > 0);
  if (isReserved) return { budget, grant: { kind: 'shortly' } };
  const until = nextDayAt(now);
  return { budget: { ...budget, braked: { eventsPerDay, until } }, grant: { kind: 'braked', until } };
}

/** The budget once the dump is read to its end; `made` is of its last segment, undefined when that is not known. */
export function endGrants(found: Budget, { dumpId, run }: Run, made: number | undefined, now: number): Budget {
  const known = found.dumps[dumpId];
  if (!known || known.run > run) return found;
  const today = onDay(found, now);
  const { unused } = settle(known, { dumpId, run, segment: known.segment + 1, made }, now, today.day);
  return { ...today, used: today.used - unused, dumps: withoutDump(today.dumps, dumpId) };
}

/** A new day begins with nothing used. A clock that is behind another reader's changes nothing. */
function onDay(found: Budget, now: number): Budget {
  const day = dayOf(now);
  if (day <= found.day) return found;
  const dumps = Object.entries(found.dumps).filter(([, { at }]) => now - at < FORGOTTEN_MS);
  return { day, used: 0, dumps: Object.fromEntries(dumps) };
}

function isBefore({ run, segment }: GrantRequest, known: Account): boolean {
  return run < known.run || (run === known.run && segment < known.segment);
}

/** The dump's account before its next segment, and what of the last grant it did not need and that day gets back. */
function settle(
  known: Account | undefined,
  { run, segment, made }: Omit<GrantRequest, 'wanted'>,
  now: number,
  today: string,
): { account: Account; unused: number } {
  const next = { run, segment, grant: 0, at: now };
  if (!known) return { account: { ...next, sent: 0, paid: 0 }, unused: 0 };
  const most = Math.max(known.paid, known.sent + known.grant);
  // Read anew: what its last segment had sent by then is not known, so that all of it counts as sent.
  if (known.run !== run || segment < known.segment) return { account: { ...next, sent: 0, paid: most }, unused: 0 };
  const sent = known.sent + (known.grant === 0 ? 0 : (made ?? known.grant));
  const paid = Math.max(known.paid, sent);
  return { account: { ...next, sent, paid }, unused: dayOf(known.at) === today ? most - paid : 0 };
}

/** What of the day's events the grant takes. */
function reservedBy({ sent, grant, paid }: Account): number {
  return grant === 0 ? 0 : Math.max(0, sent + grant - paid);
}

function withoutDump(dumps: Budget['dumps'], dumpId: string): Budget['dumps'] {
  const { [dumpId]: _, ...others } = dumps;
  return others;
}

function stillBraked({ braked }: Budget): Pick<Budget, 'braked'> {
  return braked ? { braked } : {};
}
