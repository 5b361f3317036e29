/** How a unit's events move through a segment's books: from in flight to settled, by way of parked and dead. */
import { isGivenUp } from './amendment.ts';
import { addCounts } from './books.ts';
import type { DumpEntry, Settlement, UnitRef, UnitState } from './ledger.ts';
import type { SegmentItem } from './ledger-items.ts';

/** Where the events of a unit that is not settled are counted. What is in flight has no count of its own. */
export type Place = 'inFlight' | 'parked' | 'dead';

/** `unknown`: a parked remainder that no settled unit left behind; its events are counted elsewhere, or will be. */
export type Standing = Place | 'settled' | 'unknown';

/** One step of the books as data: an engine applies it whole, once, and only if the unit still stands at `from`. */
export type Booking = {
  readonly unit: UnitRef;
  readonly from: Place;
  /** To be added to the counts; what leaves a place is negative. */
  readonly counts: Readonly<Record<'delivered' | 'refused' | 'parked' | 'dead' | 'requests', number>>;
  readonly reasons: Readonly<Record<string, number>>;
  /** Names to be added to the segment's sets. A unit that leaves `dead` is also taken out of `deadUnits`. */
  readonly names: Readonly<Partial<Record<'settled' | 'parkedSent' | 'deadUnits', string>>>;
  readonly failure?: { readonly reason: string; readonly at: number };
};

export function standingOf(segment: SegmentItem, unit: UnitRef): Standing {
  if (segment.settled.has(unit.unit)) return 'settled';
  if (segment.deadUnits.has(unit.unit)) return 'dead';
  if (unit.parent === undefined) return 'inFlight';
  return segment.parkedSent.has(unit.unit) ? 'parked' : 'unknown';
}

/** Where a unit stands as long as nothing became of it. */
export function openPlace(unit: UnitRef): 'inFlight' | 'parked' {
  return unit.parent === undefined ? 'inFlight' : 'parked';
}

/** Throws when the settlement does not account for each event of the unit once: the books would never close. */
export function settling(unit: UnitRef, from: Place, settlement: Settlement): Booking {
  const { delivered, refused, parked, parkedUnit, requests, reasons } = settlement;
  if (delivered + refused + parked !== unit.events || parked > 0 !== (parkedUnit !== undefined)) {
    throw new Error(
      `settlement of unit ${unit.unit} (${unit.events} events) does not add up: ` +
        `${delivered} delivered, ${refused} refused, ${parked} parked as ${parkedUnit ?? 'nothing'}`,
    );
  }
  const left = leaving(unit, from);
  const counts = { delivered, refused, parked: left.parked + parked, dead: left.dead, requests };
  const names = { settled: unit.unit, ...(parkedUnit !== undefined && { parkedSent: parkedUnit }) };
  return { unit, from, counts, reasons, names };
}

export function dying(unit: UnitRef, reason: string, at: number): Booking {
  const from = openPlace(unit);
  const counts = { ...leaving(unit, from), dead: unit.events };
  return { unit, from, counts, reasons: {}, names: { deadUnits: unit.unit }, failure: { reason, at } };
}

export function reviving(unit: UnitRef): Booking {
  const parked = openPlace(unit) === 'parked' ? unit.events : 0;
  return { unit, from: 'dead', counts: { ...leaving(unit, 'dead'), parked }, reasons: {}, names: {} };
}

/** The segment after the booking. */
export function book(segment: SegmentItem, booking: Booking): SegmentItem {
  const { unit, from, counts, names, failure } = booking;
  const reasons = { ...segment.reasons };
  addCounts(reasons, booking.reasons);
  const deadUnits = withName(segment.deadUnits, names.deadUnits);
  const tries = { ...segment.tries };
  if (from === 'dead') {
    deadUnits.delete(unit.unit);
    delete tries[unit.unit];
  }
  return {
    ...segment,
    delivered: segment.delivered + counts.delivered,
    refused: segment.refused + counts.refused,
    parked: segment.parked + counts.parked,
    dead: segment.dead + counts.dead,
    requests: segment.requests + counts.requests,
    reasons,
    settled: withName(segment.settled, names.settled),
    parkedSent: withName(segment.parkedSent, names.parkedSent),
    deadUnits,
    tries,
    ...(failure && { lastFailure: failure }),
  };
}

/** The segment after one more failed try of the unit, and how many there are now. */
export function tryAgain(
  segment: SegmentItem,
  { unit }: UnitRef,
): { readonly segment: SegmentItem; readonly tries: number } {
  const tries = (segment.tries[unit] ?? 0) + 1;
  return { segment: { ...segment, tries: { ...segment.tries, [unit]: tries } }, tries };
}

/** `entry` is that of the unit's dump, if the ledger knows it. */
export function unitStateOf(entry: DumpEntry | undefined, segment: SegmentItem, unit: UnitRef): UnitState {
  if (entry && (entry.run > unit.run || (entry.run === unit.run && isGivenUp(entry, unit.segment))))
    return 'superseded';
  const standing = standingOf(segment, unit);
  if (standing === 'settled') return 'settled';
  if (standing === 'dead') return 'dead';
  if (standing !== 'unknown' || unit.parent === undefined) return 'open';
  if (segment.settled.has(unit.parent)) return 'settled';
  return entry ? 'not-yet' : 'open';
}

/** What the place loses when the unit's events leave it. */
function leaving(unit: UnitRef, from: Place): Booking['counts'] {
  const counts = { delivered: 0, refused: 0, parked: 0, dead: 0, requests: 0 };
  return from === 'inFlight' ? counts : { ...counts, [from]: -unit.events };
}

function withName(names: ReadonlySet<string>, name: string | undefined): Set<string> {
  return name === undefined ? new Set(names) : new Set(names).add(name);
}
