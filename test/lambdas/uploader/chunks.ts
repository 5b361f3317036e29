/** Events, and the chunks that a chunker would make of them. */
import { deflateText } from '../../../lambdas/uploader/amplitude.ts';
import { hottestOf, joinEvents, splitEvents } from '../../../lambdas/uploader/chunk-events.ts';
import type { Chunk } from '../../../shared/chunk.ts';
import { type Dump, dumpId, type Run } from '../../../shared/dump.ts';

export type Event = Readonly<Record<string, unknown>>;

export const DUMP: Dump = { bucket: 'landing', key: 'days/monday.ndjson', etag: 'e', size: 1 };
export const RUN: Run = { dumpId: dumpId(DUMP), run: 1 };

/** Its insert_id is its name. */
export function eventOf(name: string, fields: Event = {}): Event {
  return { insert_id: name, event_type: 'click', device_id: `device of ${name}`, time: 1_700_000_000_000, ...fields };
}

/** Of one device unless the fields say otherwise. */
export function eventsOf(count: number, name: string, fields: Event = { device_id: `device ${name}` }): Event[] {
  return Array.from({ length: count }, (_, i) => eventOf(`${name}-${i}`, fields));
}

/** One segment, its positions counted from 1, and all on one lane. */
export async function chunksOf(lists: readonly (readonly Event[])[]): Promise<readonly Chunk[]> {
  let position = 0;
  const chunks: Chunk[] = [];
  for (const list of lists) {
    const positions = list.map(() => (position += 1));
    chunks.push(
      await chunkOf(
        chunks.length,
        list.map((event) => JSON.stringify(event)),
        positions,
      ),
    );
  }
  return chunks;
}

export async function chunkOf(number: number, texts: readonly string[], positions: readonly number[]): Promise<Chunk> {
  const text = Buffer.from(texts.join(',\n'));
  const events = splitEvents(text, positions);
  return {
    ...RUN,
    ...(await deflateText(joinEvents(events))),
    source: 'web',
    bucket: DUMP.bucket,
    key: DUMP.key,
    segment: 0,
    number,
    lane: 0,
    events: events.length,
    hottest: hottestOf(events),
    spread: 1,
    positions,
  };
}
