/** The process of one sandbox: loads the bundle it is given and answers one invocation after the other. */
import { pathToFileURL } from 'node:url';
import type { Invocation, InvocationAnswer } from './sandbox.ts';

const [, , bundle = ''] = process.argv;
const { handler } = (await import(pathToFileURL(bundle).href)) as {
  handler(event: unknown, context: object): Promise<unknown>;
};

process.on('message', (invocation: Invocation) => void invoke(invocation).then((answer) => process.send?.(answer)));
// Whoever started it is gone.
process.on('disconnect', () => process.exit());
process.send?.('loaded');

async function invoke({ event, requestId, deadline }: Invocation): Promise<InvocationAnswer> {
  const context = { awsRequestId: requestId, getRemainingTimeInMillis: () => deadline - Date.now() };
  try {
    return { result: await handler(event, context) };
  } catch (error) {
    return { error: String(error) };
  }
}
