/** A DynamoDB table: strongly consistent reads, and writes that say whether their condition held. */
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateQuery,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { type Fields, type Item, placeholders, toItem } from './dynamo-values.ts';
import { dumpIndex, type Key, ledgerTable } from './ledger-table.ts';

/** What a write demands, in DynamoDB's words, and the fields that its expressions mention. */
export type Terms = {
  readonly condition: string;
  readonly fields: Fields;
  /** Attributes whose names cannot stand in an expression: placeholder → name. */
  readonly names?: Readonly<Record<string, string>>;
};

export type DynamoTable = ReturnType<typeof dynamoTable>;

/** Throttling and lost connections are left to the client's own retries. */
export function dynamoTable(client: DynamoDBClient, name: string) {
  const at = (key: Key) => ({ TableName: name, Key: toItem(key) });
  return {
    async get(key: Key): Promise<Item | undefined> {
      const answer = await client.send(new GetItemCommand({ ...at(key), ConsistentRead: true }));
      return answer.Item;
    },
    /** Replaces the item; false when the condition does not hold. */
    put(key: Key, item: Fields, { condition, fields, names }: Terms): Promise<boolean> {
      const command = new PutItemCommand({
        TableName: name,
        Item: toItem({ ...item, ...key }),
        ConditionExpression: condition,
        ...placeholders([condition], fields, names),
      });
      return unlessRefused(
        client.send(command).then(() => true),
        false,
      );
    },
    /** The item as it is now; undefined when the condition does not hold. */
    update(key: Key, change: string, { condition, fields, names }: Terms): Promise<Item | undefined> {
      const command = new UpdateItemCommand({
        ...at(key),
        UpdateExpression: change,
        ConditionExpression: condition,
        ...placeholders([change, condition], fields, names),
        ReturnValues: 'ALL_NEW',
      });
      return unlessRefused(
        client.send(command).then((answer) => answer.Attributes ?? {}),
        undefined,
      );
    },
    /** The items whose sort key begins with `prefix`, in its order. */
    async *query(pk: string, prefix: string): AsyncGenerator<Item> {
      const { partitionKey, sortKey } = ledgerTable;
      const condition = `#${partitionKey} = :pk AND begins_with(#${sortKey}, :prefix)`;
      const query = {
        TableName: name,
        KeyConditionExpression: condition,
        ...placeholders([condition], { pk, prefix }),
        ConsistentRead: true,
      };
      for await (const page of paginateQuery({ client }, query)) yield* page.Items ?? [];
    },
    /** What the index of dumps holds of those in this state, begun at `since` or later, the newest first. */
    async *queryDumps(state: string, since: number): AsyncGenerator<Item> {
      const { partitionKey, sortKey } = dumpIndex;
      const condition = `#${partitionKey} = :state AND #${sortKey} >= :since`;
      const query = {
        TableName: name,
        IndexName: dumpIndex.name,
        KeyConditionExpression: condition,
        ...placeholders([condition], { state, since }),
        ScanIndexForward: false,
      };
      for await (const page of paginateQuery({ client }, query)) yield* page.Items ?? [];
    },
  };
}

async function unlessRefused<T, U>(answer: Promise<T>, refused: U): Promise<T | U> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return refused;
    throw error;
  }
}
