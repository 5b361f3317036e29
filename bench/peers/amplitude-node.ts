/** Amplitude's own SDK: lines, `track`, and a flush for every 2,000 events. `amplitude-node.ts <dump> <endpoint> <modules>` */
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';

type Sdk = {
  init(key: string, options: object): { readonly promise: Promise<void> };
  track(event: unknown): { readonly promise: Promise<unknown> };
  flush(): { readonly promise: Promise<void> };
};

const [path = '', endpoint = '', modules = ''] = process.argv.slice(2);
const EVENTS = 2_000;
const sdk = createRequire(modules)('@amplitude/analytics-node') as Sdk;
// Neither its size nor its clock is to flush before we do; what it would do with a 429 plays no part here.
const options = {
  serverUrl: `${endpoint}/batch`,
  useBatch: true,
  flushQueueSize: EVENTS + 1,
  flushIntervalMillis: 60_000,
};
await sdk.init('bench', { ...options, logLevel: 0 }).promise;

let tracked: Promise<unknown>[] = [];
for await (const line of createInterface({ input: createReadStream(path).pipe(createGunzip()) })) {
  tracked.push(sdk.track(JSON.parse(line)).promise);
  if (tracked.length === EVENTS) await flush();
}
await flush();
process.exit(); // its timers would keep the process for a minute

async function flush(): Promise<void> {
  await sdk.flush().promise;
  await Promise.all(tracked);
  tracked = [];
}
