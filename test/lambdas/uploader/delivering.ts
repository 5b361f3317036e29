/** A chunk delivered without a queue or a ledger, past a firewall that does not like some events. */
import { type Amplitude, inflateText } from '../../../lambdas/uploader/amplitude.ts';
import { deliverChunk } from '../../../lambdas/uploader/deliver-chunk.ts';
import type { Delivery } from '../../../lambdas/uploader/deliver-events.ts';
import { FAULTS, type NextFault } from '../../../local/simulator-faults.ts';
import { type Target, targetOf } from '../../../shared/target.ts';
import { chunksOf, type Event, eventOf } from './chunks.ts';
import { openUploader, type Uploader } from './uploader.ts';
import { idsOf } from './written.ts';

/** What a firewall does not like. */
const POISON = 'DROP TABLE events';
export const poison = (name: string) => eventOf(name, { event_properties: { text: POISON } });
export const firewall: NextFault = ({ body }) => (body.includes(POISON) ? FAULTS.forbidden() : undefined);

export type Deliverer = { readonly ports: Parameters<typeof deliverChunk>[2] & Pick<Uploader['ports'], 'importer'> };

export async function deliver(uploader: Deliverer, events: readonly Event[]) {
  const [chunk] = await chunksOf([events]);
  if (!chunk) throw new Error('no events, no chunk');
  return deliverChunk(chunk, targetIn(uploader), uploader.ports);
}

/** Hundreds of requests, without a network: an Amplitude that takes everything, with a firewall before it. */
export function behindFirewall() {
  const uploader = openUploader({ endpoint: 'http://127.0.0.1:1' });
  const taken = new Set<string>();
  const upload: Amplitude['upload'] = async ({ events }) => {
    const text = (await Promise.all(events.map(inflateText))).join(',');
    if (text.includes(POISON)) return { kind: 'answer', status: 403, body: '' };
    for (const event of JSON.parse(`[${text}]`) as Event[]) taken.add(String(event['insert_id']));
    return { kind: 'answer', status: 200, body: '{"code":200}' };
  };
  const ports = { ...uploader.ports, amplitude: { upload } };
  return { uploader, ports, takenIds: () => idsOf([...taken].map((insert_id) => ({ insert_id }))) };
}

/** With an Amplitude that answers with these statuses, one after the other. */
export function answering({ ports }: Deliverer, ...statuses: readonly number[]): Deliverer {
  const left = [...statuses];
  const upload: Amplitude['upload'] = async () => {
    const status = left.shift() ?? 500;
    return { kind: 'answer', status, body: status === 200 ? '{"code":200}' : '' };
  };
  return { ports: { ...ports, amplitude: { upload } } };
}

export function targetIn({ ports }: Deliverer): Target {
  const [source] = ports.importer.sources;
  const target = source && targetOf(source, undefined);
  if (!target) throw new Error('expected a source with a project');
  return target;
}

export function through(delivery: Delivery): Delivery & { kind: 'through' } {
  if (delivery.kind !== 'through') throw new Error(`expected it to get through: ${delivery.reason}`);
  return delivery;
}

/** Position and reason, by position. */
export function refusedOf(delivery: Delivery): [number, string][] {
  const refused = through(delivery).refused.map(({ event, reason }): [number, string] => [event.position, reason]);
  return refused.toSorted(([a], [b]) => a - b);
}
