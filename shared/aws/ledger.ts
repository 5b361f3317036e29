/**
 * The ledger of the AWS engine: one DynamoDB table with an item per dump, segment, line and budget (see ledger-table.ts).
 * It needs GetItem, PutItem, UpdateItem and Query on the table, and nothing else.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { unitStateOf } from '../book-unit.ts';
import type { Run } from '../dump.ts';
import type { Ledger, SegmentCounts, UnitRef, UnitState } from '../ledger.ts';
import { countsOf, ITEM_VERSION, isDumpComplete, isSegmentComplete } from '../ledger-items.ts';
import { dynamoTable } from './dynamo-table.ts';
import {
  amend,
  beginAmendment,
  claim,
  close,
  endDump,
  type LedgerStore,
  noteComplete,
  readDump,
  release,
  saveCheckpoint,
} from './ledger-dumps.ts';
import { readBudget, readLine, saveBudget, saveLine } from './ledger-lines.ts';
import { bookDead, bookReplayed, countTry, planSegment, readSegment, readSegments, settle } from './ledger-segments.ts';

export type DynamoLedgerOptions = {
  /** An item is forgotten when it has not been written for so long. Longer than any message may wait in a queue. */
  readonly retentionDays: number;
  readonly now?: () => number;
};

export function dynamoLedger(client: DynamoDBClient, table: string, options: DynamoLedgerOptions): Ledger {
  const { retentionDays, now = Date.now } = options;
  const store: LedgerStore = {
    table: dynamoTable(client, table),
    stamp() {
      const changedAt = now();
      return { v: ITEM_VERSION, expiresAt: Math.floor(changedAt / 1_000) + retentionDays * 86_400, changedAt };
    },
  };
  return {
    claim: (request) => claim(store, request),
    planSegment: (run, segment, plan) => planSegment(store, { ...run, segment }, plan),
    saveCheckpoint: (run, owner, checkpoint, leaseUntil) => saveCheckpoint(store, run, owner, checkpoint, leaseUntil),
    endDump: (run, owner, end) => endDump(store, run, owner, end),
    async release(run, owner) {
      await release(store, run, owner);
    },
    unitState: (unit) => unitState(store, unit),
    settle: (unit, settlement) => settle(store, unit, settlement),
    bookDead: (unit, reason) => bookDead(store, unit, reason, now()),
    countTry: (unit) => countTry(store, unit),
    bookReplayed: (unit) => bookReplayed(store, unit),
    completeSegment: (run, segment) => completeSegment(store, run, segment),
    isComplete: async (run) => isDumpComplete((await readDump(store, run.dumpId))?.item, run),
    close: (run, finishedAt) => close(store, run, finishedAt),
    beginAmendment: (run, at) => beginAmendment(store, run, at),
    amend: (run, amendment) => amend(store, run, amendment),
    entry: async (id) => (await readDump(store, id))?.item.entry,
    segments: (run) => segments(store, run),
    line: (source) => readLine(store, source),
    saveLine: (source, line, rev) => saveLine(store, source, line, rev),
    budget: (source) => readBudget(store, source),
    saveBudget: (source, budget, rev) => saveBudget(store, source, budget, rev),
  };
}

/** Two reads, and both strongly consistent: a stale one could make a settled unit look open. */
async function unitState(store: LedgerStore, unit: UnitRef): Promise<UnitState> {
  const [dump, segment] = await Promise.all([readDump(store, unit.dumpId), readSegment(store, unit)]);
  return unitStateOf(dump?.item.entry, segment, unit);
}

/** The dump first: an amendment that is through by then has all its plans. */
async function segments(store: LedgerStore, run: Run): Promise<readonly SegmentCounts[]> {
  const entry = (await readDump(store, run.dumpId))?.item.entry;
  return countsOf(entry, run, await readSegments(store, run));
}

async function completeSegment(store: LedgerStore, run: Run, segment: number): Promise<boolean> {
  if (!isSegmentComplete(await readSegment(store, { ...run, segment }))) return false;
  return isDumpComplete(await noteComplete(store, run, segment), run);
}
