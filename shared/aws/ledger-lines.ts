/** The ledger's line items in DynamoDB: in which order the dumps of a source are taken. */
import { randomUUID } from 'node:crypto';
import { EMPTY_LINE, type Line } from '../ledger.ts';
import { checkVersion } from '../ledger-items.ts';
import { jsonOf, numberOf, textOf } from './dynamo-values.ts';
import type { LedgerStore } from './ledger-dumps.ts';
import { lineKey } from './ledger-table.ts';

export async function readLine(store: LedgerStore, source: string): Promise<{ line: Line; rev: string | undefined }> {
  const item = await store.table.get(lineKey(source));
  if (!item) return { line: EMPTY_LINE, rev: undefined };
  checkVersion(numberOf(item, 'v'), `the line of source ${source}`);
  return { line: jsonOf<Line>(item, 'line'), rev: textOf(item, 'rev') };
}

/** Sent again because its answer got lost, it finds its own name there, and holds as it did. */
export function saveLine(store: LedgerStore, source: string, line: Line, seen: string | undefined): Promise<boolean> {
  const rev = randomUUID();
  const condition = `${seen === undefined ? 'attribute_not_exists(#pk)' : '#rev = :seen'} OR #rev = :rev`;
  const fields = { line: JSON.stringify(line), rev, ...store.stamp() };
  return store.table.put(lineKey(source), fields, { condition, fields: { rev, seen } });
}
