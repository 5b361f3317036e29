/** Random lives of a dump: what a chunker and several uploaders may do to its books, in any order and more than once. */
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { segmentOfAttempt } from '../../shared/amendment.ts';
import { type Books, sumBooks } from '../../shared/books.ts';
import { type Dump, dumpId, type Run } from '../../shared/dump.ts';
import type { Ledger, SegmentPlan, Settlement, UnitRef } from '../../shared/ledger.ts';
import { chunkOf, claimOf, planOf, remainderOf } from './ledger-fixtures.ts';

const ACTIONS = [
  'claim',
  'save',
  'end',
  'release',
  'plan',
  'settle',
  'leave',
  'die',
  'replay',
  'try',
  'complete',
  'close',
  'finish',
  'begin',
  'amend',
] as const;

/** `pick` chooses among the messages, segments or readers there are, `share` how a unit's events are divided. */
type Step = { readonly action: (typeof ACTIONS)[number]; readonly pick: number; readonly share: readonly number[] };

export type Schedule = { readonly segments: readonly (readonly number[])[]; readonly steps: readonly Step[] };

/** Events of the chunks of each segment, and what happens to them. Bookings are the most frequent. */
export const schedules: fc.Arbitrary<Schedule> = fc.record({
  segments: fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }), { minLength: 1, maxLength: 3 }),
  steps: fc.array(
    fc.record({
      action: fc.oneof(
        fc.constantFrom(...ACTIONS),
        fc.constantFrom('settle', 'plan', 'die', 'complete', 'finish', 'begin', 'amend'),
      ),
      pick: fc.nat(99),
      share: fc.tuple(fc.nat(9), fc.nat(9)),
    }),
    { maxLength: 25 },
  ),
});

type World = {
  readonly ledger: Ledger;
  readonly dump: Dump;
  readonly plans: readonly SegmentPlan[];
  run: Run;
  now: number;
  /** Every message ever sent, those of runs since replaced included. */
  readonly messages: UnitRef[];
  remainders: number;
  /** The last attempt to amend the run, how many of its rejects were amended, and the segments that are there so. */
  attempt: number;
  amended: number;
  readonly amendedSegments: number[];
};

/** Lives the schedule, then settles all that is open. Answers everything the ledger said, and the books after each step. */
export async function live(ledger: Ledger, dump: Dump, schedule: Schedule): Promise<unknown[]> {
  const plans = schedule.segments.map((chunks) => planOf(...chunks));
  const world: World = {
    ledger,
    dump,
    plans,
    run: { dumpId: dumpId(dump), run: 0 },
    now: 0,
    messages: [],
    remainders: 0,
    attempt: 0,
    amended: 0,
    amendedSegments: [],
  };
  const said: unknown[] = [await claim(world, schedule, 0)];
  for (const step of schedule.steps) {
    said.push(await act(world, schedule, step));
    const unit = pickOf(world.messages, step.pick);
    said.push(unit && (await ledger.unitState(unit)), await closedBooks(world), await ledger.entry(world.run.dumpId));
  }
  said.push(await finish(world, schedule));
  return said;
}

async function act(world: World, schedule: Schedule, { action, pick, share }: Step): Promise<unknown> {
  const { ledger, run, plans, messages } = world;
  const unit = pickOf(messages, pick);
  const segment = pick % plans.length;
  const owner = `reader ${pick % 2}`;
  if (action === 'claim') return claim(world, schedule, pick);
  if (action === 'save') {
    const checkpoint = { segment, offset: pick, position: pick };
    return ledger.saveCheckpoint(run, owner, checkpoint, world.now + 5);
  }
  if (action === 'end') return end(world, owner);
  if (action === 'release') return ledger.release(run, owner);
  if (action === 'plan') return ledger.planSegment(run, segment, planned(plans, segment));
  if (action === 'complete') return ledger.completeSegment(run, segment);
  if (action === 'close') return (await ledger.isComplete(run)) && (await ledger.close(run, world.now));
  if (action === 'finish') return finish(world, schedule);
  if (action === 'begin') return begin(world, pick);
  if (action === 'amend') return amend(world, pick);
  if (!unit) return 'no message';
  if (action === 'die') return ledger.bookDead(unit, 'no answer');
  if (action === 'replay') return ledger.bookReplayed(unit);
  if (action === 'try') return ledger.countTry(unit);
  const settlement = settlementOf(world, unit, share);
  // Whoever leaves a remainder behind sends it before it settles; it may die in between.
  if (action === 'leave') return 'crashed';
  return ledger.settle(unit, settlement);
}

async function claim(world: World, { segments }: Schedule, pick: number): Promise<unknown> {
  world.now += pick % 4;
  const again = pick % 5 === 4 ? { again: `request ${pick % 3}` } : {};
  const fingerprint = pick % 7 === 6 ? 'changed' : 'f';
  const lease = { owner: `reader ${pick % 2}`, now: world.now, leaseUntil: world.now + 5 };
  const answer = await world.ledger.claim(claimOf(world.dump, { ...lease, fingerprint, ...again }));
  if (answer.kind === 'claimed' && answer.run.run !== world.run.run) {
    world.run = answer.run;
    const chunks = segments.map((events, segment) =>
      events.map((count, unit) => chunkOf(answer.run, segment, unit, count)),
    );
    world.messages.push(...chunks.flat());
    Object.assign(world, { attempt: 0, amended: 0 });
    world.amendedSegments.length = 0;
  }
  return answer;
}

/** One reject of the dump becomes two events, in a chunk that is sent and perhaps planned before the attempt is stopped. */
async function begin(world: World, pick: number): Promise<unknown> {
  const { ledger, run, plans, messages } = world;
  const attempt = (await ledger.beginAmendment(run, world.now))?.amending?.attempt;
  if (attempt === undefined || world.amended === plans.length) return attempt;
  world.attempt = attempt;
  const segment = segmentOfAttempt(attempt, 0);
  messages.push(chunkOf(run, segment, 0, 2));
  if (pick % 2 === 0) await ledger.planSegment(run, segment, AMENDED);
  return attempt;
}

async function amend(world: World, pick: number): Promise<boolean> {
  const { ledger, run } = world;
  // Now and then an attempt that was given up, or is through.
  const attempt = world.attempt - (pick % 3 === 0 ? 1 : 0);
  const segment = segmentOfAttempt(attempt, 0);
  if (attempt < 1) return false;
  await ledger.planSegment(run, segment, AMENDED);
  await ledger.completeSegment(run, segment);
  const isThrough = await ledger.amend(run, { attempt, segments: 1, at: world.now });
  if (isThrough) {
    world.amended += 1;
    world.amendedSegments.push(segment);
  }
  return isThrough;
}

const AMENDED: SegmentPlan = {
  read: 0,
  filtered: 0,
  unusable: -1,
  mapped: 1,
  events: 2,
  refused: 0,
  chunks: 1,
  reasons: { 'no event_type': -1 },
};

/** The dump's end is reached when every segment is planned. */
async function end({ ledger, run, plans }: World, owner: string): Promise<boolean> {
  for (const [segment, plan] of plans.entries()) await ledger.planSegment(run, segment, plan);
  return ledger.endDump(run, owner, { segments: plans.length });
}

function settlementOf(world: World, unit: UnitRef, share: readonly number[]): Settlement {
  const [some = 0, more = 0] = share;
  const parked = some % (unit.events + 1);
  const refused = more % (unit.events - parked + 1);
  const counts = { delivered: unit.events - parked - refused, refused, parked, requests: 1 + (some % 2) };
  const reasons: Record<string, number> = refused > 0 ? { [`reason ${more % 2}`]: refused } : {};
  if (parked === 0) return { ...counts, reasons };
  world.remainders += 1;
  const remainder = remainderOf(unit, `${unit.unit}-${world.remainders}`, parked);
  world.messages.push(remainder);
  return { ...counts, parkedUnit: remainder.unit, reasons };
}

async function closedBooks(world: World): Promise<Books> {
  const { ledger, run, plans } = world;
  const books = sumBooks(await ledger.segments(run));
  const { events, delivered, refused, parked, dead, inFlight, read, filtered, unusable, mapped } = books;
  expect(delivered + refused + parked + dead + inFlight).toBe(events);
  expect(filtered + unusable + mapped).toBe(read);
  const { reasons: _reasons, ...counts } = books;
  expect(Object.entries(counts).filter(([, count]) => !(count >= 0))).toEqual([]);
  expect(events).toBeLessThanOrEqual(plans.reduce((sum, plan) => sum + plan.events, 2 * world.amended));
  return books;
}

/** Settles one open unit after the other, an amendment under way included: the dump must be complete with the last one, and not before. */
async function finish(world: World, schedule: Schedule): Promise<unknown[]> {
  const { ledger, plans } = world;
  while ((await ledger.entry(world.run.dumpId))?.state === 'reading') {
    world.now += 10;
    await claim(world, schedule, 0);
    await end(world, 'reader 0');
  }
  await amend(world, 1);
  const isCompleteAtOnce = await completeAll(world);
  const open: UnitRef[] = [];
  for (const unit of world.messages) if (['open', 'dead'].includes(await ledger.unitState(unit))) open.push(unit);
  expect(isCompleteAtOnce).toBe(open.length === 0);
  for (const [index, unit] of open.entries()) {
    await ledger.settle(unit, { delivered: unit.events, refused: 0, parked: 0, requests: 1, reasons: {} });
    expect(await completeAll(world)).toBe(index === open.length - 1);
  }
  const books = await closedBooks(world);
  expect(books).toMatchObject({
    parked: 0,
    dead: 0,
    inFlight: 0,
    chunks: plans.reduce((sum, { chunks }) => sum + chunks, world.amended),
  });
  return [open, books, await ledger.close(world.run, world.now), await ledger.close(world.run, world.now)];
}

async function completeAll({ ledger, run, plans, amendedSegments }: World): Promise<boolean> {
  for (const segment of [...plans.keys(), ...amendedSegments]) await ledger.completeSegment(run, segment);
  return ledger.isComplete(run);
}

function planned(plans: readonly SegmentPlan[], segment: number): SegmentPlan {
  const plan = plans[segment];
  if (!plan) throw new Error(`no segment ${segment}`);
  return plan;
}

function pickOf(messages: readonly UnitRef[], pick: number): UnitRef | undefined {
  return messages[pick % messages.length];
}
