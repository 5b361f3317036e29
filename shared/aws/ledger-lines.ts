/** The ledger's items of a source in DynamoDB: in which order its dumps are taken, and what of its budget is used. */
import { randomUUID } from 'node:crypto';
import { type Budget, EMPTY_BUDGET } from '../budget.ts';
import { EMPTY_LINE, type Line } from '../ledger.ts';
import { checkVersion } from '../ledger-items.ts';
import { jsonOf, numberOf, textOf } from './dynamo-values.ts';
import type { LedgerStore } from './ledger-dumps.ts';
import { type SourceItem, sourceKey } from './ledger-table.ts';

/** Undefined as long as nothing was saved. */
type Found<T> = { readonly value: T | undefined; readonly rev: string | undefined };

export async function readLine(store: LedgerStore, source: string): Promise<{ line: Line; rev: string | undefined }> {
  const { value = EMPTY_LINE, rev } = await read<Line>(store, source, 'line');
  return { line: value, rev };
}

export function saveLine(store: LedgerStore, source: string, line: Line, seen: string | undefined): Promise<boolean> {
  return save(store, source, 'line', line, seen);
}

export async function readBudget(
  store: LedgerStore,
  source: string,
): Promise<{ budget: Budget; rev: string | undefined }> {
  const { value = EMPTY_BUDGET, rev } = await read<Budget>(store, source, 'budget');
  return { budget: value, rev };
}

export function saveBudget(
  store: LedgerStore,
  source: string,
  budget: Budget,
  seen: string | undefined,
): Promise<boolean> {
  return save(store, source, 'budget', budget, seen);
}

async function read<T>(store: LedgerStore, source: string, kind: SourceItem): Promise<Found<T>> {
  const item = await store.table.get(sourceKey(source, kind));
  if (!item) return { value: undefined, rev: undefined };
  checkVersion(numberOf(item, 'v'), `the ${kind} of source ${source}`);
  return { value: jsonOf<T>(item, kind), rev: textOf(item, 'rev') };
}

/** Sent again because its answer got lost, it finds its own name there, and holds as it did. */
function save(
  store: LedgerStore,
  source: string,
  kind: SourceItem,
  value: Line | Budget,
  seen: string | undefined,
): Promise<boolean> {
  const rev = randomUUID();
  const condition = `${seen === undefined ? 'attribute_not_exists(#pk)' : '#rev = :seen'} OR #rev = :rev`;
  const fields = { [kind]: JSON.stringify(value), rev, ...store.stamp() };
  return store.table.put(sourceKey(source, kind), fields, { condition, fields: { rev, seen } });
}
