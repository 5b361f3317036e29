/** What people write by hand: lines, JSON.parse, and a request for every 2,000 events. `usual-script.ts <dump> <endpoint>` */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';

type Event = { insert_id?: string; readonly event_properties: { readonly request_id: string } };

const [path = '', endpoint = ''] = process.argv.slice(2);
let batch: Event[] = [];

for await (const line of createInterface({ input: createReadStream(path).pipe(createGunzip()) })) {
  const event = JSON.parse(line) as Event;
  event.insert_id = event.event_properties.request_id;
  batch.push(event);
  if (batch.length === 2_000) await send();
}
await send();

async function send(): Promise<void> {
  if (batch.length === 0) return;
  const response = await fetch(`${endpoint}/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ api_key: 'bench', events: batch }),
  });
  if (!response.ok) console.error(`${response.status}: ${await response.text()}`);
  else await response.text();
  batch = [];
}
