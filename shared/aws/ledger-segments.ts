/** The ledger's segment items in DynamoDB: each booking of a unit is one conditional update. */
import {
  type Booking,
  dying,
  openPlace,
  type Place,
  reviving,
  type Standing,
  settling,
  standingOf,
} from '../book-unit.ts';
import type { Run } from '../dump.ts';
import type { SegmentPlan, Settlement, UnitRef } from '../ledger.ts';
import { checkVersion, EMPTY_SEGMENT, type SegmentItem } from '../ledger-items.ts';
import { type Field, type Item, jsonOf, namesOf, numberOf, textOf } from './dynamo-values.ts';
import type { LedgerStore } from './ledger-dumps.ts';
import { segmentKey, segmentPrefix } from './ledger-table.ts';

type SegmentRef = Run & { readonly segment: number };

/** Each try that fails means that the unit died or was replayed in between; in life that takes minutes. */
const MAX_SETTLE_TRIES = 10;

/** Reasons are attributes of their own, so that they can be added to without being read; this is what they begin with. */
const REASON = 'reason#';

/** The same for how often a unit was tried in vain. */
const TRY = 'try#';

/** What each place of a unit means in the item. */
const STANDS: Readonly<Record<Place, string>> = {
  inFlight: 'NOT contains(#settled, :unit) AND NOT contains(#deadUnits, :unit)',
  parked: 'contains(#parkedSent, :unit) AND NOT contains(#settled, :unit) AND NOT contains(#deadUnits, :unit)',
  dead: 'contains(#deadUnits, :unit) AND NOT contains(#settled, :unit)',
};

/** An update creates the item that is not there yet; one of a newer version is left alone. */
const WRITABLE = '(attribute_not_exists(#v) OR #v <= :v)';
const STAMP = '#v = if_not_exists(#v, :v), #expiresAt = :expiresAt, #changedAt = :changedAt';

export async function planSegment(store: LedgerStore, segment: SegmentRef, plan: SegmentPlan): Promise<void> {
  const fields = { plan: JSON.stringify(plan), ...store.stamp() };
  const change = `SET ${STAMP}, #plan = :plan`;
  if (!(await store.table.update(segmentKey(segment), change, { condition: WRITABLE, fields }))) {
    await readSegment(store, segment);
  }
}

/** Supposes that nothing became of the unit yet, which is nearly always so; otherwise looks where it stands. */
export async function settle(store: LedgerStore, unit: UnitRef, settlement: Settlement): Promise<'settled' | 'repeat'> {
  let place: Place = openPlace(unit);
  for (let tries = 0; tries < MAX_SETTLE_TRIES; tries++) {
    const refusal = await applyBooking(store, settling(unit, place, settlement));
    if (!refusal) return 'settled';
    if (refusal === 'settled' || refusal === 'unknown') return 'repeat';
    place = refusal;
  }
  throw new Error(`unit ${unit.unit} of dump ${unit.dumpId} dies and is replayed all the time: settle it later`);
}

export async function bookDead(store: LedgerStore, unit: UnitRef, reason: string, now: number): Promise<void> {
  await applyBooking(store, dying(unit, reason, now));
}

/** Throws when the item was written by a newer version. */
export async function countTry(store: LedgerStore, unit: UnitRef): Promise<number> {
  const change = `SET ${STAMP} ADD #tries :one`;
  const item = await store.table.update(segmentKey(unit), change, {
    condition: WRITABLE,
    fields: { one: 1, ...store.stamp() },
    names: { tries: `${TRY}${unit.unit}` },
  });
  const segment = item ? toSegment(item) : await readSegment(store, unit);
  return segment.tries[unit.unit] ?? 1;
}

export async function bookReplayed(store: LedgerStore, unit: UnitRef): Promise<void> {
  await applyBooking(store, reviving(unit));
}

export async function readSegment(store: LedgerStore, segment: SegmentRef): Promise<SegmentItem> {
  const item = await store.table.get(segmentKey(segment));
  return item ? toSegment(item) : EMPTY_SEGMENT;
}

/** Each with its number. */
export async function readSegments(
  store: Pick<LedgerStore, 'table'>,
  run: Run,
): Promise<(readonly [number, SegmentItem])[]> {
  const prefix = segmentPrefix(run);
  const items = store.table.query(segmentKey({ ...run, segment: 0 }).pk, prefix);
  return Array.fromAsync(items, (item) => [Number(textOf(item, 'sk').slice(prefix.length)), toSegment(item)] as const);
}

/** Undefined when the booking is done; otherwise where the unit stands instead of at `booking.from`. */
async function applyBooking(store: LedgerStore, booking: Booking): Promise<Standing | undefined> {
  const { unit, from } = booking;
  const { change, fields, names } = toChange(booking);
  const item = await store.table.update(segmentKey(unit), change, {
    condition: `${STANDS[from]} AND ${WRITABLE}`,
    fields: { ...fields, ...store.stamp() },
    names,
  });
  return item ? undefined : standingOf(await readSegment(store, unit), unit);
}

/** The booking as an update: counts and names are added, so that nothing needs to be read before. */
function toChange({ unit, from, counts, reasons, names, failure }: Booking) {
  const added = Object.fromEntries<Field>([
    ...Object.entries(counts).filter(([, count]) => count !== 0),
    ...Object.values(reasons).map((count, index) => [`reason${index}`, count] as const),
    ...Object.entries(names).map(([set, name]) => [set, new Set([name])] as const),
  ]);
  const adding = Object.keys(added).map((name) => `#${name} :${name}`);
  const clauses = [
    `SET ${STAMP}${failure ? ', #failure = :failure' : ''}`,
    ...(adding.length > 0 ? [`ADD ${adding.join(', ')}`] : []),
    ...(from === 'dead' ? ['DELETE #deadUnits :unitSet REMOVE #tries'] : []),
  ];
  const unitSet = new Set([unit.unit]);
  return {
    change: clauses.join(' '),
    fields: { ...added, unit: unit.unit, unitSet, failure: failure && JSON.stringify(failure) },
    names: {
      ...Object.fromEntries(Object.keys(reasons).map((reason, index) => [`reason${index}`, `${REASON}${reason}`])),
      ...(from === 'dead' && { tries: `${TRY}${unit.unit}` }),
    },
  };
}

function toSegment(item: Item): SegmentItem {
  checkVersion(numberOf(item, 'v'), `segment ${item.sk?.S ?? ''} of ${item.pk?.S ?? ''}`);
  const count = (name: string) => Number(item[name]?.N ?? 0);
  return {
    ...(item.plan && { plan: jsonOf<SegmentPlan>(item, 'plan') }),
    delivered: count('delivered'),
    refused: count('refused'),
    parked: count('parked'),
    dead: count('dead'),
    requests: count('requests'),
    reasons: countsOf(item, REASON),
    settled: namesOf(item, 'settled'),
    parkedSent: namesOf(item, 'parkedSent'),
    deadUnits: namesOf(item, 'deadUnits'),
    tries: countsOf(item, TRY),
    ...(item.failure && { lastFailure: jsonOf<{ reason: string; at: number }>(item, 'failure') }),
    ...(item.changedAt && { changedAt: numberOf(item, 'changedAt') }),
  };
}

/** The attributes whose names begin so, without that beginning. */
function countsOf(item: Item, prefix: string): Record<string, number> {
  const names = Object.keys(item).filter((name) => name.startsWith(prefix));
  return Object.fromEntries(names.map((name) => [name.slice(prefix.length), Number(item[name]?.N ?? 0)]));
}
