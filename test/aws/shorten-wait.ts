/** Hides and delays messages for less long than a function asks, so that a test need not wait for the back-off of hours. */
import type { Call } from './aws-call.ts';

type Waits = { readonly VisibilityTimeout?: number; readonly DelaySeconds?: number };

/** The call with no wait in it longer than that; undefined when there was none. */
export function shortenWait(call: Call, longestSeconds: number): Call | undefined {
  const { service, operation, input } = call;
  if (service !== 'sqs') return undefined;
  const shorten = (waits: Waits): Waits => ({
    ...waits,
    ...(waits.VisibilityTimeout !== undefined && {
      VisibilityTimeout: Math.min(waits.VisibilityTimeout, longestSeconds),
    }),
    ...(waits.DelaySeconds !== undefined && { DelaySeconds: Math.min(waits.DelaySeconds, longestSeconds) }),
  });
  if (operation === 'ChangeMessageVisibility') return { ...call, input: shorten(input) };
  // A dump that waits for its turn and comes back before its time is taken for a repeat.
  if (operation !== 'SendMessageBatch' || String(input['QueueUrl']).endsWith('-intake')) return undefined;
  return { ...call, input: { ...input, Entries: (input['Entries'] as readonly Waits[]).map(shorten) } };
}
