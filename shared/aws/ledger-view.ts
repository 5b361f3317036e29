/** Looking into the ledger in DynamoDB. It needs GetItem and Query on the table, and Query on its index of dumps. */
import { type DynamoDBClient, DynamoDBServiceException } from '@aws-sdk/client-dynamodb';
import type { Dump } from '../dump.ts';
import type { DumpState } from '../ledger.ts';
import { LedgerNotIndexed, type LedgerView, type ListedDump, viewOf } from '../ledger-view.ts';
import { dynamoTable } from './dynamo-table.ts';
import { type Item, jsonOf, numberOf, textOf } from './dynamo-values.ts';
import { readDump } from './ledger-dumps.ts';
import { readSegments } from './ledger-segments.ts';

export function dynamoLedgerView(client: DynamoDBClient, table: string): LedgerView {
  const store = { table: dynamoTable(client, table) };
  return {
    async *list(state, since) {
      try {
        for await (const item of store.table.queryDumps(state, since)) yield toListed(item, state);
      } catch (error) {
        throw isUnindexed(error) ? new LedgerNotIndexed('the ledger has no index of dumps', { cause: error }) : error;
      }
    },
    async view(dumpId) {
      const found = await readDump(store, dumpId);
      return found && viewOf(found.item, await readSegments(store, found.item.entry));
    },
  };
}

function toListed(item: Item, state: DumpState): ListedDump {
  return {
    dumpId: textOf(item, 'dumpId'),
    run: numberOf(item, 'run'),
    dump: jsonOf<Dump>(item, 'dump'),
    source: textOf(item, 'source'),
    state,
    startedAt: numberOf(item, 'startedAt'),
  };
}

/** There is none, or DynamoDB is still filling it; it says both with a ValidationException and a text. */
function isUnindexed(error: unknown): boolean {
  return (
    error instanceof DynamoDBServiceException && error.name === 'ValidationException' && /index/.test(error.message)
  );
}
