/** The ledger port: where every record and event of a dump is counted, so that the books close at every moment. */
import type { Amendment } from './amendment.ts';
import type { Budget } from './budget.ts';
import type { Dump, Run } from './dump.ts';

/** How far a dump has been read: everything before is chunked, sent and planned. */
export type Checkpoint = {
  /** The next segment to read. */
  readonly segment: number;
  /** Where it begins, in bytes of the decompressed dump. */
  readonly offset: number;
  /** Position of the last record before it (1-based; in line formats the line number; 0 at the start). */
  readonly position: number;
  /** How its events were shared out over lanes so far; left out at the start. */
  readonly lanes?: LaneState;
  /** Events of the segment before it; left out at the start, and by a source without a budget. */
  readonly events?: number;
  /** How often its intake message had been received when it came so far: further receives than these came no further. */
  readonly receives?: number;
};

/** What decides the lane of an event further on in a dump. */
export type LaneState = {
  /** How many ordinary lanes the dump uses of each project. */
  readonly count: number;
  /** Hashes of the devices (or users) that have a lane of their own, each with its project (see lambdas/chunker/lanes.ts). */
  readonly hot: readonly number[];
  /** The last chunk of each ordinary lane: lane, segment, number. */
  readonly ends: readonly (readonly [lane: number, segment: number, number: number])[];
};

export const START: Checkpoint = { segment: 0, offset: 0, position: 0 };

/**
 * What the chunker found in one segment; written when all its chunks are on the queue. In an amendment it says what changes:
 * what leaves a count is negative.
 */
export type SegmentPlan = {
  readonly read: number;
  readonly filtered: number;
  readonly unusable: number;
  readonly mapped: number;
  /** Events made from the mapped records, those refused by our own check included. */
  readonly events: number;
  /** Events that our own check refused although their record made another that is fine. */
  readonly refused: number;
  readonly chunks: number;
  /** Why records and events were rejected: reason → how many. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Event times, ms since epoch; left out when no event has one. */
  readonly firstTime?: number;
  readonly lastTime?: number;
};

/** What became of the events of one unit (a chunk, or a parked remainder): the three counts add up to its events. */
export type Settlement = {
  readonly delivered: number;
  readonly refused: number;
  readonly parked: number;
  /** The unit under which the parked ones wait; set when `parked` is not 0. */
  readonly parkedUnit?: string;
  readonly requests: number;
  readonly reasons: Readonly<Record<string, number>>;
};

/** Names the events of one chunk message: its segment, its unit and how many. */
export type UnitRef = Run & {
  readonly segment: number;
  /** The chunk's number; for a parked remainder the parked unit. */
  readonly unit: string;
  /** For a parked remainder: the unit it was split off from. */
  readonly parent?: string;
  readonly events: number;
};

/**
 * What a message found in a queue is worth.
 * - `open`: to be delivered
 * - `dead`: booked as dead, and delivered all the same when somebody puts it back by hand
 * - `settled`: done before, or a left-over of an attempt that another one replaced: nothing to do
 * - `not-yet`: a parked remainder whose parent is not settled yet; look again later
 * - `superseded`: of a run that a newer one replaced, or of an amendment that was given up: nothing to do
 */
export type UnitState = 'open' | 'dead' | 'settled' | 'not-yet' | 'superseded';

/** `reading`: the chunker is, or was, at it. `read`: its end was reached (or it broke off for good). `closed`: receipt written. */
export type DumpState = 'reading' | 'read' | 'closed';

/** What the ledger knows of a dump as a whole. */
export type DumpEntry = Run & {
  readonly dump: Dump;
  readonly source: string;
  readonly state: DumpState;
  readonly fingerprint: string;
  readonly checkpoint: Checkpoint;
  /** How many segments it has; known once it is read. */
  readonly segments?: number;
  /** Why it could not be read to its end, for good. */
  readonly failure?: string;
  readonly startedAt: number;
  readonly finishedAt?: number;
  /** The attempt to amend it that is under way, or was stopped; `since` when the first of those not through was begun. */
  readonly amending?: { readonly attempt: number; readonly since: number };
  /** In their order; left out when there is none. */
  readonly amendments?: readonly Amendment[];
};

/** The counts of one segment. Without a plan the chunker has not finished it, though some of its chunks may be settled. */
export type SegmentCounts = {
  readonly plan?: SegmentPlan;
  readonly delivered: number;
  readonly refused: number;
  readonly parked: number;
  readonly dead: number;
  readonly requests: number;
  readonly reasons: Readonly<Record<string, number>>;
};

export type ClaimRequest = {
  readonly dump: Dump;
  readonly source: string;
  /** Of code and config; a dump half read under another one is started anew. */
  readonly fingerprint: string;
  readonly owner: string;
  readonly now: number;
  readonly leaseUntil: number;
  /** How often its intake message has been received, this time included. */
  readonly receives?: number;
  /** Set to read a dump that is already read once more; the same value names the same request. */
  readonly again?: string;
};

export type Claim =
  | { readonly kind: 'claimed'; readonly run: Run; readonly checkpoint: Checkpoint }
  | { readonly kind: 'busy'; readonly until: number }
  | { readonly kind: 'done'; readonly run: Run; readonly state: 'read' | 'closed' };

/** A dump that waits for its turn. */
export type WaitingDump = {
  /** The dump's id, with that of the request to read it once more if it is one. */
  readonly id: string;
  readonly key: string;
  /** When it was first seen, ms since epoch. */
  readonly since: number;
  /** Its message comes back later than this; what is seen of it before is a repeat. */
  readonly nextAt: number;
  /** When it has not come back by then, it is lost. */
  readonly lapsesAt: number;
};

/** The dump whose turn it is. */
export type OpenDump = {
  readonly id: string;
  readonly dumpId: string;
  readonly key: string;
  readonly openedAt: number;
  /** Set once the chunker is through with it: only its chunks are still on their way. */
  readonly isRead: boolean;
  /** How far it was when it was last seen to have made a step, and when that was. */
  readonly progress: string;
  readonly progressAt: number;
};

/** The line of a source whose dumps are taken one after the other. */
export type Line = {
  /** While dumps wait it is changed every few minutes. */
  readonly changedAt: number;
  readonly open?: OpenDump;
  /** The next one first. */
  readonly waiting: readonly WaitingDump[];
};

export const EMPTY_LINE: Line = { changedAt: 0, waiting: [] };

export type Ledger = {
  /** Takes the dump for one reader at a time; a lease that has run out may be taken over. */
  claim(request: ClaimRequest): Promise<Claim>;
  /** Books a segment's plan. The same plan again changes nothing. */
  planSegment(run: Run, segment: number, plan: SegmentPlan): Promise<void>;
  /** Moves the checkpoint and the lease; false when the lease is no longer `owner`'s, who must then stop. */
  saveCheckpoint(run: Run, owner: string, checkpoint: Checkpoint, leaseUntil: number): Promise<boolean>;
  /** The dump's end: how many segments there are, and why it broke off if it did. False as above. */
  endDump(run: Run, owner: string, end: { readonly segments: number; readonly failure?: string }): Promise<boolean>;
  /** Frees the lease, so that the next reader need not wait for it to run out. */
  release(run: Run, owner: string): Promise<void>;

  unitState(unit: UnitRef): Promise<UnitState>;
  /** Books a unit exactly once, also one that was dead; `repeat` when it was booked before (then nothing changes). */
  settle(unit: UnitRef, settlement: Settlement): Promise<'settled' | 'repeat'>;
  /** Books a unit as dead, before its message goes to the dead-letter queue. A settled or dead one stays as it is. */
  bookDead(unit: UnitRef, reason: string): Promise<void>;
  /** Counts a try to deliver the unit that failed, and tells how many there were since it was sent or replayed. */
  countTry(unit: UnitRef): Promise<number>;
  /** Books a dead unit back, before its message returns to its queue. Any other stays as it is. */
  bookReplayed(unit: UnitRef): Promise<void>;

  /** Notes a segment as complete if it is; true when with it the whole dump is: every unit of every segment is settled. */
  completeSegment(run: Run, segment: number): Promise<boolean>;
  /** True when the dump is read and every segment is noted as complete. */
  isComplete(run: Run): Promise<boolean>;
  /** Closes the dump once its receipt is written; true for the one call that did it. */
  close(run: Run, finishedAt: number): Promise<boolean>;

  /**
   * Begins to amend a closed dump, and resolves to it as it is then, `amending` set; undefined when it is not closed. Any
   * earlier attempt that is not through is given up: it can no longer be, and what it sent is superseded.
   */
  beginAmendment(run: Run, now: number): Promise<DumpEntry | undefined>;
  /**
   * From now on the attempt's segments count, and the dump is `read` until all of them are complete; false when the attempt
   * was given up.
   */
  amend(run: Run, amendment: Amendment): Promise<boolean>;

  entry(dumpId: string): Promise<DumpEntry | undefined>;
  /** The counts of the dump's current run, a segment each, in order; without those of amendments that are not through. */
  segments(run: Run): Promise<readonly SegmentCounts[]>;

  /** The line of a source, empty at first, and the name of its last change. */
  line(source: string): Promise<{ readonly line: Line; readonly rev: string | undefined }>;
  /** Replaces the line; false, and nothing changes, when `rev` is not the name of its last change any more. */
  saveLine(source: string, line: Line, rev: string | undefined): Promise<boolean>;

  /** The budget of a source, empty at first, and the name of its last change. */
  budget(source: string): Promise<{ readonly budget: Budget; readonly rev: string | undefined }>;
  /** As `saveLine`. */
  saveBudget(source: string, budget: Budget, rev: string | undefined): Promise<boolean>;
};
