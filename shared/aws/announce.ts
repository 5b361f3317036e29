/** Announces a receipt as an EventBridge event, so that others can wait for a dump without asking. */
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { Receipt } from '../receipt.ts';

/** What rules match on. */
export const RECEIPT_EVENT = { source: 's3-to-amplitude', detailType: 'Dump Imported' } as const;

/** Puts the receipt on the account's default bus. EventBridge answers 200 with failed entries, which throws here. */
export function announceReceipts(client: EventBridgeClient): (receipt: Receipt) => Promise<void> {
  return async (receipt) => {
    const entry = {
      Source: RECEIPT_EVENT.source,
      DetailType: RECEIPT_EVENT.detailType,
      Detail: JSON.stringify(receipt),
    };
    const { FailedEntryCount, Entries } = await client.send(new PutEventsCommand({ Entries: [entry] }));
    if (FailedEntryCount)
      throw new Error(`cannot announce the receipt of ${receipt.dump}: ${Entries?.[0]?.ErrorCode ?? 'refused'}`);
  };
}
