/** The ledger at its plainest: it remembers what became of every unit and adds up from nothing whenever it is asked. */
import { dumpId, type Run } from '../../shared/dump.ts';
import { attemptOf } from '../../shared/amendment.ts';
import { type Budget, EMPTY_BUDGET } from '../../shared/budget.ts';
import { addCounts } from '../../shared/books.ts';
import {
  type ClaimRequest,
  type DumpEntry,
  EMPTY_LINE,
  type Ledger,
  type Line,
  type SegmentCounts,
  type SegmentPlan,
  type Settlement,
  START,
  type UnitRef,
} from '../../shared/ledger.ts';

type ModelUnit = { readonly ref: UnitRef; isDead: boolean; tries?: number; settlement?: Settlement };
type ModelSegment = { plan?: SegmentPlan; isComplete: boolean; readonly units: Map<string, ModelUnit> };
type ModelDump = { entry: DumpEntry; owner: string; leaseUntil: number; again: string | undefined; attempts: number };
type Model = {
  readonly dumps: Map<string, ModelDump>;
  readonly segments: Map<string, ModelSegment>;
  readonly lines: Map<string, readonly Line[]>;
  readonly budgets: Map<string, readonly Budget[]>;
};

export function modelLedger(): Ledger {
  const model: Model = { dumps: new Map(), segments: new Map(), lines: new Map(), budgets: new Map() };
  const isHeld = ({ dumpId: id, run }: Run, owner: string) => {
    const dump = model.dumps.get(id);
    return dump?.entry.run === run && dump.owner === owner && dump.leaseUntil > 0 ? dump : undefined;
  };
  return {
    claim: async (request) => claim(model, request),
    async planSegment(run, segment, plan) {
      segmentOf(model, run, segment).plan = plan;
    },
    async saveCheckpoint(run, owner, checkpoint, leaseUntil) {
      const dump = isHeld(run, owner);
      if (dump) Object.assign(dump, { entry: { ...dump.entry, checkpoint }, leaseUntil });
      return dump !== undefined;
    },
    async endDump(run, owner, end) {
      const dump = isHeld(run, owner);
      if (dump) Object.assign(dump, { entry: { ...dump.entry, state: 'read', ...end }, leaseUntil: 0 });
      return dump !== undefined;
    },
    async release(run, owner) {
      Object.assign(isHeld(run, owner) ?? {}, { leaseUntil: 0 });
    },
    ...unitsOf(model),
    async completeSegment(run, segment) {
      if (!isSettled(segmentOf(model, run, segment))) return false;
      if (model.dumps.get(run.dumpId)?.entry.run === run.run) segmentOf(model, run, segment).isComplete = true;
      return isComplete(model, run);
    },
    isComplete: async (run) => isComplete(model, run),
    async close(run, finishedAt) {
      const dump = model.dumps.get(run.dumpId);
      if (dump?.entry.run !== run.run || dump.entry.state !== 'read') return false;
      dump.entry = { ...dump.entry, state: 'closed', finishedAt };
      return true;
    },
    async beginAmendment(run, now) {
      const dump = model.dumps.get(run.dumpId);
      if (dump?.entry.run !== run.run || dump.entry.state !== 'closed') return undefined;
      dump.attempts += 1;
      dump.entry = { ...dump.entry, amending: { attempt: dump.attempts, since: dump.entry.amending?.since ?? now } };
      return dump.entry;
    },
    async amend(run, amendment) {
      const dump = model.dumps.get(run.dumpId);
      if (dump?.entry.run !== run.run || dump.entry.amending?.attempt !== amendment.attempt) return false;
      const { amending: _amending, finishedAt: _finishedAt, ...entry } = dump.entry;
      dump.entry = { ...entry, state: 'read', amendments: [...(entry.amendments ?? []), amendment] };
      return true;
    },
    entry: async (id) => model.dumps.get(id)?.entry,
    segments: async (run) => segmentsOf(model, run).map(([, segment]) => countsOf(segment)),
    async line(source) {
      const changes = model.lines.get(source) ?? [];
      return { line: changes.at(-1) ?? EMPTY_LINE, rev: String(changes.length) };
    },
    async saveLine(source, line, rev) {
      const changes = model.lines.get(source) ?? [];
      if (String(changes.length) !== rev) return false;
      model.lines.set(source, [...changes, line]);
      return true;
    },
    async budget(source) {
      const changes = model.budgets.get(source) ?? [];
      return { budget: changes.at(-1) ?? EMPTY_BUDGET, rev: String(changes.length) };
    },
    async saveBudget(source, budget, rev) {
      const changes = model.budgets.get(source) ?? [];
      if (String(changes.length) !== rev) return false;
      model.budgets.set(source, [...changes, budget]);
      return true;
    },
  };
}

function claim(model: Model, request: ClaimRequest): Awaited<ReturnType<Ledger['claim']>> {
  const id = dumpId(request.dump);
  const { source, dump, fingerprint, owner, now, leaseUntil } = request;
  const old = model.dumps.get(id);
  if (old && old.leaseUntil > now && old.owner !== owner) return { kind: 'busy', until: old.leaseUntil };
  const again = request.again ?? old?.again;
  const kept = old?.again === again ? old?.entry : undefined;
  if (kept && kept.state !== 'reading') return { kind: 'done', run: { dumpId: id, run: kept.run }, state: kept.state };
  const run = (old?.entry.run ?? 0) + 1;
  const fresh = {
    dumpId: id,
    run,
    dump,
    source,
    fingerprint,
    checkpoint: START,
    state: 'reading',
    startedAt: now,
  } as const;
  const entry = kept?.fingerprint === fingerprint ? kept : fresh;
  model.dumps.set(id, { entry, owner, leaseUntil, again, attempts: entry === kept ? (old?.attempts ?? 0) : 0 });
  return { kind: 'claimed', run: { dumpId: id, run: entry.run }, checkpoint: entry.checkpoint };
}

function unitsOf(model: Model): Pick<Ledger, 'unitState' | 'settle' | 'bookDead' | 'countTry' | 'bookReplayed'> {
  const find = (ref: UnitRef): ModelUnit =>
    segmentOf(model, ref, ref.segment).units.get(ref.unit) ?? { ref, isDead: false };
  const put = (unit: ModelUnit) => void segmentOf(model, unit.ref, unit.ref.segment).units.set(unit.ref.unit, unit);
  const isOpen = ({ ref, settlement }: ModelUnit) =>
    !settlement && (!ref.parent || leftBehind(segmentOf(model, ref, ref.segment), ref.unit) > 0);
  return {
    async unitState(ref) {
      const entry = model.dumps.get(ref.dumpId)?.entry;
      if (entry && entry.run > ref.run) return 'superseded';
      const attempt = attemptOf(ref.segment);
      const isUnderWay = entry?.amending?.attempt === attempt;
      if (entry && attempt > 0 && !isUnderWay && !isThrough(entry, attempt)) return 'superseded';
      if (isOpen(find(ref))) return find(ref).isDead ? 'dead' : 'open';
      const isParentSettled = segmentOf(model, ref, ref.segment).units.get(ref.parent ?? '')?.settlement;
      return find(ref).settlement || isParentSettled ? 'settled' : 'not-yet';
    },
    async settle(ref, settlement) {
      if (!isOpen(find(ref))) return 'repeat';
      const { isDead, tries = 0 } = find(ref);
      put({ ref, isDead: false, settlement, ...(!isDead && { tries }) });
      return 'settled';
    },
    async bookDead(ref) {
      if (isOpen(find(ref))) put({ ...find(ref), ref, isDead: true });
    },
    async countTry(ref) {
      const tries = (find(ref).tries ?? 0) + 1;
      put({ ...find(ref), tries });
      return tries;
    },
    async bookReplayed(ref) {
      if (find(ref).isDead) put({ ref, isDead: false });
    },
  };
}

function segmentOf({ segments }: Model, { dumpId: id, run }: Run, segment: number): ModelSegment {
  const key = `${id} ${run} ${segment}`;
  const found = segments.get(key) ?? { isComplete: false, units: new Map() };
  segments.set(key, found);
  return found;
}

function isThrough({ amendments = [] }: DumpEntry, attempt: number): boolean {
  return attempt === 0 || amendments.some((amendment) => amendment.attempt === attempt);
}

/** Segments of which something is booked, in order; those of amendments that are not through do not count. */
function segmentsOf(model: Model, { dumpId: id, run }: Run): [number, ModelSegment][] {
  const entry = model.dumps.get(id)?.entry;
  const counts = (segment: number) =>
    entry?.run === run ? isThrough(entry, attemptOf(segment)) : attemptOf(segment) === 0;
  return [...model.segments]
    .filter(([key, segment]) => key.startsWith(`${id} ${run} `) && (segment.plan || segment.units.size > 0))
    .map(([key, segment]): [number, ModelSegment] => [Number(key.split(' ')[2]), segment])
    .filter(([number]) => counts(number))
    .sort(([a], [b]) => a - b);
}

/** How many events the settled units left behind under this name. */
function leftBehind({ units }: ModelSegment, name: string): number {
  const found = [...units.values()].find(({ settlement }) => settlement?.parkedUnit === name);
  return found?.settlement?.parked ?? 0;
}

function countsOf(segment: ModelSegment): SegmentCounts {
  const counts = { delivered: 0, refused: 0, parked: 0, dead: 0, requests: 0 };
  const reasons: Record<string, number> = {};
  for (const { ref, isDead, settlement } of segment.units.values()) {
    counts.dead += isDead ? ref.events : 0;
    if (!settlement) continue;
    counts.delivered += settlement.delivered;
    counts.refused += settlement.refused;
    counts.requests += settlement.requests;
    addCounts(reasons, settlement.reasons);
    const remainder = segment.units.get(settlement.parkedUnit ?? '');
    counts.parked += remainder?.isDead || remainder?.settlement ? 0 : settlement.parked;
  }
  return { ...(segment.plan && { plan: segment.plan }), ...counts, reasons };
}

function isSettled({ plan, units }: ModelSegment): boolean {
  const settlements = [...units.values()].flatMap(({ settlement }) => settlement ?? []);
  const chunks = [...units.values()].filter(({ ref, settlement }) => settlement && !ref.parent).length;
  const remainders = settlements.flatMap(({ parkedUnit }) => parkedUnit ?? []);
  return chunks === plan?.chunks && remainders.every((name) => units.get(name)?.settlement);
}

function isComplete(model: Model, run: Run): boolean {
  const entry = model.dumps.get(run.dumpId)?.entry;
  const done = segmentsOf(model, run).filter(([, segment]) => segment.isComplete).length;
  return (
    entry?.run === run.run &&
    entry.state !== 'reading' &&
    done === (entry.segments ?? 0) + sumOf(entry.amendments ?? [])
  );
}

function sumOf(amendments: NonNullable<DumpEntry['amendments']>): number {
  return amendments.reduce((sum, { segments }) => sum + segments, 0);
}
