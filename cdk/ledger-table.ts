/** The ledger's table: it outlives the stack, can be put back to any second of the last 35 days, and forgets old items. */
import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { dumpIndex, ledgerTable } from '../shared/aws/ledger-table.ts';

export class LedgerTable extends Table {
  /** Without a key it is encrypted with one of AWS's own. */
  constructor(scope: Construct, id: string, encryptionKey?: IKey) {
    const { partitionKey, sortKey, timeToLive } = ledgerTable;
    super(scope, id, {
      partitionKey: { name: partitionKey, type: AttributeType.STRING },
      sortKey: { name: sortKey, type: AttributeType.STRING },
      timeToLiveAttribute: timeToLive,
      billingMode: BillingMode.PAY_PER_REQUEST,
      ...(encryptionKey
        ? { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey }
        : { encryption: TableEncryption.DEFAULT }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: RemovalPolicy.RETAIN,
    });
    // For `status`, with the credentials of whoever runs it, and for the watcher: no other function may use it.
    this.addGlobalSecondaryIndex({
      indexName: dumpIndex.name,
      partitionKey: { name: dumpIndex.partitionKey, type: AttributeType.STRING },
      sortKey: { name: dumpIndex.sortKey, type: AttributeType.NUMBER },
      projectionType: ProjectionType.INCLUDE,
      nonKeyAttributes: [...dumpIndex.copied],
    });
  }
}
