/**
 * The embedded engine on an endless dump, in a process of its own: `run-engine.ts <MB> <endpoint> <state>`. It is the one that
 * `s3-to-amplitude import` opens; only the bytes come from memory and not from a file. Whoever starts it gives it the settings of
 * the process that `import` starts itself anew with.
 */
import { importMessage } from '../lambdas/chunker/notification.ts';
import { amplitude } from '../lambdas/uploader/amplitude.ts';
import { type Between, openEngine } from '../local/engine.ts';
import { openState } from '../shared/embedded/state.ts';
import type { Receipt } from '../shared/receipt.ts';
import importer from './bench.config.ts';
import { endlessDump } from './endless-dump.ts';

const [megabytes, endpoint = '', directory = ''] = process.argv.slice(2);
const { dump, dumps } = endlessDump(Number(megabytes) * 1e6);
const between: Between = (name, port) => (name === 'dumps' ? Object.assign(port, dumps) : port);

const { uploads, requestTimeoutMs: timeoutMs, uploaders: connections } = importer;
const client = amplitude({ uploads, timeoutMs, connections, endpoint });
const state = openState(directory);
const receipts: Receipt[] = [];
const engine = openEngine({
  state,
  importer,
  fingerprint: 'bench',
  amplitude: client,
  apiKey: async () => 'bench',
  transforms: { secret: async () => '', references: { find: noReference, bytes: dumps } },
  log: (level, message, fields) => level === 'info' || console.error(message, fields),
  announce: (receipt) => void receipts.push(receipt),
  between,
});
await engine.queues.intake.send([{ id: 'bench', body: importMessage({ dump, source: 'bench' }) }]);
await engine.run();
await client.close();
state.close();
console.log(JSON.stringify(receipts[0]));

function noReference(): never {
  throw new Error('the bench has no reference files');
}
