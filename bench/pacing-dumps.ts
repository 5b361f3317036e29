/** The dumps of the pacing bench, as the chunker makes chunks of them: who each event is of is drawn, everything else is real. */
import type { PreparedEvent } from '../lambdas/chunker/make-events.ts';
import { hashOf, laneRules, NOBODY, openLanes, startLanes } from '../lambdas/chunker/lanes.ts';
import { openSegment } from '../lambdas/chunker/segment.ts';
import { chunkSender } from '../lambdas/chunker/send-chunks.ts';
import { NO_EDITS } from '../lambdas/chunker/spliced-text.ts';
import type { Importer, Source } from '../shared/config.ts';
import { type Dump, dumpId, type Run } from '../shared/dump.ts';
import type { Ledger } from '../shared/ledger.ts';
import type { Queue } from '../shared/queue.ts';

/** On average, of everybody but the hot device. */
const EVENTS_PER_DEVICE = 20;
export const HOT_DEVICE = 0;

export type DumpsOf = {
  readonly events: number;
  /** Files, all dropped at once. */
  readonly parts: number;
  /** Share of the hot device, 0 to 1. */
  readonly hot: number;
  readonly order: 'time' | 'device';
};

/** The device of each event, over all parts in order. */
export function drawDevices({ events, hot, order }: DumpsOf): Uint32Array {
  const random = seeded(42);
  const devices = new Uint32Array(events);
  const cold = Math.ceil((events * (1 - hot)) / EVENTS_PER_DEVICE);
  for (let i = 0; i < events; i += 1) {
    devices[i] = random() < hot ? HOT_DEVICE : 1 + Math.floor(random() * cold);
  }
  return order === 'device' ? devices.sort() : devices;
}

/** Small and fast; the same numbers everywhere (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type PacedDump = { readonly run: Run; readonly part: number; readonly first: number };

/** Puts the chunks of all parts on the queue, and plans them in the ledger. */
export async function chunkDumps(
  wanted: DumpsOf,
  devices: Uint32Array,
  source: Source,
  importer: Importer,
  { ledger, queue, now }: { readonly ledger: Ledger; readonly queue: Pick<Queue, 'send'>; now(): number },
): Promise<ReadonlyMap<string, PacedDump>> {
  const dumps = new Map<string, PacedDump>();
  const size = Math.ceil(wanted.events / wanted.parts);
  for (let part = 0; part < wanted.parts; part += 1) {
    const first = part * size;
    const some = devices.subarray(first, Math.min(first + size, devices.length));
    const dump: Dump = { bucket: 'bench', key: `part-${part}`, etag: 'e', size: some.length * EVENT_BYTES };
    const request = { dump, source: source.name, fingerprint: '', owner: 'bench', now: now(), leaseUntil: now() + 1 };
    const claim = await ledger.claim(request);
    if (claim.kind !== 'claimed') throw new Error(`part ${part} was claimed before`);
    const paced = { run: claim.run, part, first };
    dumps.set(dumpId(dump), paced);
    await chunkDump(dump, paced, some, source, importer, { ledger, queue });
  }
  return dumps;
}

async function chunkDump(
  dump: Dump,
  place: PacedDump,
  devices: Uint32Array,
  source: Source,
  importer: Importer,
  { ledger, queue }: { readonly ledger: Ledger; readonly queue: Pick<Queue, 'send'> },
): Promise<void> {
  const { run } = place;
  const records = Array.from({ length: Math.min(1_000, devices.length) }, (_, i) => recordOf(i + 1));
  const rules = laneRules(run.dumpId, source, importer);
  const lanes = openLanes(rules, startLanes(rules, dump.size, false, records));
  const sender = chunkSender(
    { ...run, source: source.name, bucket: dump.bucket, key: dump.key, projects: [{ group: 'p' }] },
    queue,
  );
  let segment = openSegment(0, source, importer, lanes);
  const finish = async () => ledger.planSegment(run, segment.number, segment.plan(await sender.finish(segment)));
  for (const [i, device] of devices.entries()) {
    segment.add(recordOf(i + 1), {
      kind: 'events',
      events: [eventOf(place.part, place.first + i, device)],
      refused: [],
    });
    if (segment.isFull()) {
      await finish();
      segment = openSegment(segment.number + 1, source, importer, lanes);
    } else if (i % 1_000 === 0) await sender.next(segment);
  }
  await finish();
  await ledger.endDump(run, 'bench', { segments: segment.number + 1 });
}

/** About so long; records stand for nothing but how many there are. */
const EVENT_BYTES = 60;
const RECORD = Buffer.alloc(EVENT_BYTES - 1);

/** Just what has to be known when one is sent again after a 429. */
function eventOf(part: number, number: number, device: number): PreparedEvent {
  const deviceId = nameOf(device);
  const text = Buffer.from(`{"part":${part},"number":${number},"device_id":"${deviceId}"}`);
  return { text, edits: NO_EDITS, bytes: text.length, device: hashOf(deviceId), user: NOBODY, time: undefined };
}

function recordOf(position: number) {
  return { bytes: RECORD, length: RECORD.length, position, end: position * EVENT_BYTES, terminated: true };
}

export function nameOf(device: number): string {
  return `device-${device}`;
}
