/** A DynamoDB on loopback for the tests, with the ledger's table in it. */
import { createRequire } from 'node:module';
import type { Server } from 'node:http';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dumpIndex, ledgerTable } from '../shared/aws/ledger-table.ts';

export type LedgerDatabase = {
  readonly endpoint: string;
  readonly table: string;
  readonly client: DynamoDBClient;
  /** Another client of the same database; whoever makes it destroys it. */
  connect(): DynamoDBClient;
  stop(): Promise<void>;
};

/** Empty and in memory, on a free port. `indexed: false`: as releases made the table that could not list dumps. */
export async function startDynalite(table = 'ledger', { indexed = true } = {}): Promise<LedgerDatabase> {
  const server = dynalite({ createTableMs: 0 });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('dynalite has no port');
  const endpoint = `http://127.0.0.1:${address.port}`;
  const connect = () => clientOf(endpoint);
  const client = connect();
  await createLedgerTable(client, table, indexed);
  const stop = async () => {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { endpoint, table, client, connect, stop };
}

async function createLedgerTable(client: DynamoDBClient, table: string, indexed: boolean): Promise<void> {
  const { partitionKey, sortKey } = ledgerTable;
  const text = [partitionKey, sortKey, ...(indexed ? [dumpIndex.partitionKey] : [])];
  const index = {
    IndexName: dumpIndex.name,
    KeySchema: [
      { AttributeName: dumpIndex.partitionKey, KeyType: 'HASH' as const },
      { AttributeName: dumpIndex.sortKey, KeyType: 'RANGE' as const },
    ],
    Projection: { ProjectionType: 'INCLUDE' as const, NonKeyAttributes: [...dumpIndex.copied] },
  };
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        ...text.map((name) => ({ AttributeName: name, AttributeType: 'S' as const })),
        ...(indexed ? [{ AttributeName: dumpIndex.sortKey, AttributeType: 'N' as const }] : []),
      ],
      ...(indexed && { GlobalSecondaryIndexes: [index] }),
      KeySchema: [
        { AttributeName: partitionKey, KeyType: 'HASH' },
        { AttributeName: sortKey, KeyType: 'RANGE' },
      ],
    }),
  );
}

function clientOf(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return new DynamoDBClient({ endpoint, region: 'us-east-1', credentials });
}

/** The package has no types. */
const dynalite = createRequire(import.meta.url)('dynalite') as (options: { createTableMs: number }) => Server;
