/** The ledger's dump items in DynamoDB: who reads a dump, how far it is, and which of its segments are complete. */
import { randomUUID } from 'node:crypto';
import { decideClaim } from '../claim.ts';
import { type Dump, dumpId, type Run } from '../dump.ts';
import type { Checkpoint, Claim, ClaimRequest, DumpEntry, DumpState } from '../ledger.ts';
import { checkVersion, type DumpItem, toClaim } from '../ledger-items.ts';
import type { DynamoTable } from './dynamo-table.ts';
import { type Fields, type Item, jsonOf, numberOf, numbersOf, textOf } from './dynamo-values.ts';
import { dumpKey } from './ledger-table.ts';

/** The table, and what every item written gets: its version and when it may be forgotten. */
export type LedgerStore = { readonly table: DynamoTable; stamp(): { readonly v: number; readonly expiresAt: number } };

/** Each try that fails means that another reader's claim or checkpoint went through, after which most find it busy. */
const MAX_CLAIM_TRIES = 10;

/** Of the run meant, and of a version that this code may change. */
const CURRENT = '#run = :run AND #v <= :v';

/** The last reader's lease ends when it frees it, or ends the dump. */
const LEASED = '#owner = :owner AND #leaseUntil > :free';

/** A claim is decided on the item as read and takes effect only if nobody moved the lease since: `rev` counts the moves. */
export async function claim(store: LedgerStore, request: ClaimRequest): Promise<Claim> {
  const id = dumpId(request.dump);
  for (let tries = 0; tries < MAX_CLAIM_TRIES; tries++) {
    const found = await readDump(store, id);
    const decision = decideClaim(found?.item, request);
    if (decision.kind === 'busy' || decision.kind === 'done') return decision;
    const rev = found?.rev ?? 0;
    const isTaken = await (decision.kind === 'start'
      ? startRun(store, decision.item, rev)
      : takeLease(store, decision.item, rev));
    if (isTaken) return toClaim(decision.item);
  }
  throw new Error(`dump ${id} is claimed by many readers at once: lost ${MAX_CLAIM_TRIES} times; try again later`);
}

/** Replaces the whole item: what was known of an earlier run is of no use any more. */
function startRun(store: LedgerStore, item: DumpItem, rev: number): Promise<boolean> {
  return store.table.put(
    dumpKey(item.entry.dumpId),
    { ...toFields(item), rev: rev + 1, ...store.stamp() },
    { condition: rev === 0 ? 'attribute_not_exists(#pk)' : '#rev = :rev', fields: { rev } },
  );
}

/** Touches nothing else, so that a segment noted as complete meanwhile is not lost. */
function takeLease(store: LedgerStore, { entry, owner, leaseUntil }: DumpItem, rev: number): Promise<boolean> {
  return changeDump(store, entry, { set: { owner, leaseUntil }, condition: '#rev = :rev', fields: { rev } });
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

/** Holds for its reader twice, since an answer may get lost on the way and the client then asks again. */
export function endDump(store: LedgerStore, run: Run, owner: string, end: { segments: number; failure?: string }) {
  const condition = '#owner = :owner AND (#leaseUntil > :free OR #state = :state)';
  const set = { state: 'read', ...end, leaseUntil: 0 };
  return changeDump(store, run, { set, condition, fields: { owner, free: 0 } });
}

export function release(store: LedgerStore, run: Run, owner: string): Promise<boolean> {
  return changeDump(store, run, { set: { leaseUntil: 0 }, condition: LEASED, fields: { owner, free: 0 } });
}

/** `closedBy` lets the one call that closed it hold when its answer got lost and the client asked again. */
export function close(store: LedgerStore, run: Run, finishedAt: number): Promise<boolean> {
  const set = { state: 'closed', finishedAt, closedBy: randomUUID() };
  return changeDump(store, run, {
    set,
    condition: '#state = :read OR #closedBy = :closedBy',
    fields: { read: 'read' },
  });
}

/** The dump with the segment among those noted as complete; undefined when `run` is not its current one. */
export async function noteComplete(store: LedgerStore, run: Run, segment: number): Promise<DumpItem | undefined> {
  const fields = { done: new Set([segment]), run: run.run, ...store.stamp() };
  const change = 'SET #expiresAt = :expiresAt ADD #done :done';
  const item = await store.table.update(dumpKey(run.dumpId), change, { condition: CURRENT, fields });
  if (!item) await readDump(store, run.dumpId);
  return item && toDump(item);
}

/** With the `rev` its next move of the lease must find. */
export async function readDump(store: LedgerStore, id: string): Promise<{ item: DumpItem; rev: number } | undefined> {
  const item = await store.table.get(dumpKey(id));
  return item && { item: toDump(item), rev: numberOf(item, 'rev') };
}

type DumpChange = {
  readonly set: Fields;
  readonly condition: string;
  /** What the condition mentions besides. */
  readonly fields: Fields;
};

/** Changes the dump if it is at this run and the condition holds. */
async function changeDump(store: LedgerStore, { dumpId, run }: Run, change: DumpChange): Promise<boolean> {
  const { v, expiresAt } = store.stamp();
  const set = { ...change.set, expiresAt };
  const assignments = Object.keys(set).map((name) => `#${name} = :${name}`);
  const item = await store.table.update(dumpKey(dumpId), `SET ${assignments.join(', ')} ADD #rev :one`, {
    condition: `${CURRENT} AND (${change.condition})`,
    fields: { ...change.fields, ...set, v, run, one: 1 },
  });
  // An item of a newer version is refused too; reading it says so.
  if (!item) await readDump(store, dumpId);
  return item !== undefined;
}

function toFields({ entry, owner, leaseUntil, again, done }: DumpItem): Fields {
  const { dump, checkpoint, ...rest } = entry;
  const json = { dump: JSON.stringify(dump), checkpoint: JSON.stringify(checkpoint) };
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
  };
  return {
    entry,
    owner: textOf(item, 'owner'),
    leaseUntil: numberOf(item, 'leaseUntil'),
    ...(item.again && { again: textOf(item, 'again') }),
    done: numbersOf(item, 'done'),
  };
}
