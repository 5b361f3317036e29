/** The ledger's dump items in DynamoDB: who reads a dump, how far it is, and which of its segments are complete. */
import { randomUUID } from 'node:crypto';
import { type Amendment, withAmendment, withAttempt } from '../amendment.ts';
import { decideClaim } from '../claim.ts';
import { type Dump, dumpId, type Run } from '../dump.ts';
import type { Checkpoint, Claim, ClaimRequest, DumpEntry, DumpState } from '../ledger.ts';
import { checkVersion, type DumpItem, toClaim } from '../ledger-items.ts';
import type { DynamoTable } from './dynamo-table.ts';
import { type Field, type Fields, type Item, jsonOf, numberOf, numbersOf, textOf } from './dynamo-values.ts';
import { dumpKey } from './ledger-table.ts';

/** The table, and what every item written gets: its version and when it may be forgotten. */
export type LedgerStore = { readonly table: DynamoTable; stamp(): Stamp };

/** `changedAt` is in ms since epoch, `expiresAt` in seconds. */
export type Stamp = { readonly v: number; readonly expiresAt: number; readonly changedAt: number };

/** Each try that fails means that another reader's claim or checkpoint went through, after which most find it busy. */
const MAX_CLAIM_TRIES = 10;

/** Of the run meant, and of a version that this code may change. */
const CURRENT = '#run = :run AND #v <= :v';

/** The last reader's lease ends when it frees it, or ends the dump. */
const LEASED = '#owner = :owner AND #leaseUntil > :free';

/** A claim is decided on the item as read and takes effect only if nobody changed it since. */
export async function claim(store: LedgerStore, request: ClaimRequest): Promise<Claim> {
  const id = dumpId(request.dump);
  for (let tries = 0; tries < MAX_CLAIM_TRIES; tries++) {
    const found = await readDump(store, id);
    const decision = decideClaim(found?.item, request);
    if (decision.kind === 'busy' || decision.kind === 'done') return decision;
    const isTaken = await (decision.kind === 'start'
      ? startRun(store, decision.item, found?.rev)
      : takeLease(store, decision.item, found?.rev));
    if (isTaken) return toClaim(decision.item);
  }
  throw new Error(`dump ${id} is claimed by many readers at once: lost ${MAX_CLAIM_TRIES} times; try again later`);
}

/** Replaces the whole item: what was known of an earlier run is of no use any more. */
function startRun(store: LedgerStore, item: DumpItem, seen: string | undefined): Promise<boolean> {
  const rev = randomUUID();
  const condition = `${seen === undefined ? 'attribute_not_exists(#pk)' : '#rev = :seen'} OR #rev = :rev`;
  const fields = { ...toFields(item), rev, ...store.stamp() };
  return store.table.put(dumpKey(item.entry.dumpId), fields, { condition, fields: { rev, seen } });
}

/** Touches nothing else, so that a segment noted as complete meanwhile is not lost. */
function takeLease(store: LedgerStore, { entry, owner, leaseUntil }: DumpItem, seen: string | undefined) {
  return changeDump(store, entry, { set: { owner, leaseUntil }, condition: '#rev = :seen', fields: { seen } });
}

export function saveCheckpoint(
  store: LedgerStore,
  run: Run,
  owner: string,
  checkpoint: Checkpoint,
  leaseUntil: number,
) {
  const set = { checkpoint: JSON.stringify(checkpoint), leaseUntil };
  return changeDump(store, run, { set, condition: LEASED, fields: { owner, free: 0 } });
}

export function endDump(store: LedgerStore, run: Run, owner: string, end: { segments: number; failure?: string }) {
  const set = { state: 'read', ...end, leaseUntil: 0 };
  return changeDump(store, run, { set, condition: LEASED, fields: { owner, free: 0 } });
}

export function release(store: LedgerStore, run: Run, owner: string): Promise<boolean> {
  return changeDump(store, run, { set: { leaseUntil: 0 }, condition: LEASED, fields: { owner, free: 0 } });
}

export function close(store: LedgerStore, run: Run, finishedAt: number): Promise<boolean> {
  const set = { state: 'closed', finishedAt };
  return changeDump(store, run, { set, condition: '#state = :read', fields: { read: 'read' } });
}

export function beginAmendment(store: LedgerStore, run: Run, now: number): Promise<DumpEntry | undefined> {
  return changeEntry(store, run, (entry) => withAttempt(entry, run, now));
}

export async function amend(store: LedgerStore, run: Run, amendment: Amendment): Promise<boolean> {
  return (await changeEntry(store, run, (entry) => withAmendment(entry, run, amendment))) !== undefined;
}

/** As `claim`: decided on the item as read, and true only if nobody changed it since. Undefined when there is no change. */
async function changeEntry(
  store: LedgerStore,
  run: Run,
  decide: (entry: DumpEntry) => DumpEntry | undefined,
): Promise<DumpEntry | undefined> {
  for (let tries = 0; tries < MAX_CLAIM_TRIES; tries++) {
    const found = await readDump(store, run.dumpId);
    const entry = found && decide(found.item.entry);
    if (!entry) return undefined;
    const { state, finishedAt, amending, amendments } = entry;
    const set = { state, finishedAt, amending: toJson(amending), amendments: toJson(amendments) };
    if (await changeDump(store, run, { set, condition: '#rev = :seen', fields: { seen: found.rev } })) return entry;
  }
  throw new Error(`dump ${run.dumpId} is changed by many at once: lost ${MAX_CLAIM_TRIES} times; try again later`);
}

function toJson(value: object | undefined): string | undefined {
  return value && JSON.stringify(value);
}

/** The dump with the segment among those noted as complete; undefined when `run` is not its current one. */
export async function noteComplete(store: LedgerStore, run: Run, segment: number): Promise<DumpItem | undefined> {
  const fields = { done: new Set([segment]), run: run.run, ...store.stamp() };
  const change = 'SET #expiresAt = :expiresAt, #changedAt = :changedAt ADD #done :done';
  const item = await store.table.update(dumpKey(run.dumpId), change, { condition: CURRENT, fields });
  if (!item) await readDump(store, run.dumpId);
  return item && toDump(item);
}

/** With the name of its last change. */
export async function readDump(
  store: Pick<LedgerStore, 'table'>,
  id: string,
): Promise<{ item: DumpItem; rev: string } | undefined> {
  const item = await store.table.get(dumpKey(id));
  return item && { item: toDump(item), rev: textOf(item, 'rev') };
}

type DumpChange = {
  /** What is undefined is taken out. */
  readonly set: Fields;
  readonly condition: string;
  /** What the condition mentions besides. */
  readonly fields: Fields;
};

/**
 * Changes the dump if it is at this run and the condition holds. Each change has a name of its own, in `rev`: when an
 * answer gets lost and the client sends the change again, it finds itself done, and holds as it did.
 */
async function changeDump(store: LedgerStore, { dumpId, run }: Run, change: DumpChange): Promise<boolean> {
  const { v, ...stamp } = store.stamp();
  const set = { ...change.set, rev: randomUUID(), ...stamp };
  const given = Object.entries<Field | undefined>(set);
  const assignments = given.flatMap(([name, value]) => (value === undefined ? [] : `#${name} = :${name}`));
  const removals = given.flatMap(([name, value]) => (value === undefined ? `#${name}` : []));
  const removing = removals.length > 0 ? ` REMOVE ${removals.join(', ')}` : '';
  const item = await store.table.update(dumpKey(dumpId), `SET ${assignments.join(', ')}${removing}`, {
    condition: `${CURRENT} AND (${change.condition} OR #rev = :rev)`,
    fields: { ...change.fields, ...set, v, run },
  });
  // An item of a newer version is refused too; reading it says so.
  if (!item) await readDump(store, dumpId);
  return item !== undefined;
}

function toFields({ entry, owner, leaseUntil, again, done }: DumpItem): Fields {
  const { dump, checkpoint, amending, amendments, ...rest } = entry;
  const json = {
    dump: JSON.stringify(dump),
    checkpoint: JSON.stringify(checkpoint),
    amending: toJson(amending),
    amendments: toJson(amendments),
  };
  return { ...rest, ...json, owner, leaseUntil, again, done };
}

function toDump(item: Item): DumpItem {
  const id = textOf(item, 'dumpId');
  checkVersion(numberOf(item, 'v'), `dump ${id}`);
  const entry: DumpEntry = {
    dumpId: id,
    run: numberOf(item, 'run'),
    dump: jsonOf<Dump>(item, 'dump'),
    source: textOf(item, 'source'),
    state: textOf(item, 'state') as DumpState,
    fingerprint: textOf(item, 'fingerprint'),
    checkpoint: jsonOf<Checkpoint>(item, 'checkpoint'),
    ...(item.segments && { segments: numberOf(item, 'segments') }),
    ...(item.failure && { failure: textOf(item, 'failure') }),
    startedAt: numberOf(item, 'startedAt'),
    ...(item.finishedAt && { finishedAt: numberOf(item, 'finishedAt') }),
    ...(item.amending && { amending: jsonOf<DumpEntry['amending'] & object>(item, 'amending') }),
    ...(item.amendments && { amendments: jsonOf<readonly Amendment[]>(item, 'amendments') }),
  };
  return {
    entry,
    owner: textOf(item, 'owner'),
    leaseUntil: numberOf(item, 'leaseUntil'),
    ...(item.again && { again: textOf(item, 'again') }),
    done: numbersOf(item, 'done'),
    ...(item.changedAt && { changedAt: numberOf(item, 'changedAt') }),
  };
}
