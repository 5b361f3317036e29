/** Some hours of imports on a virtual clock in which everything happens that a dashboard is there for: what they measured, minute by minute. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importMessage } from '../lambdas/chunker/notification.ts';
import { amplitude } from '../lambdas/uploader/amplitude.ts';
import { defineImporter } from '../shared/config.ts';
import type { Dump } from '../shared/dump.ts';
import { fileReferences } from '../shared/embedded/references.ts';
import { openState, type State } from '../shared/embedded/state.ts';
import type { Figures } from '../shared/metrics.ts';
import type { Dumps } from '../shared/objects.ts';
import { type Engine, openEngine } from './engine.ts';
import { FAULTS, type NextFault } from './simulator-faults.ts';
import { startSimulator } from './simulator.ts';
import { virtualClock } from './virtual-clock.ts';

/** What was on a queue, and how old the oldest of it was, s. */
export type QueueLook = { readonly visible: number; readonly hidden: number; readonly ageS: number };

export type EventfulDay = {
  /** Ms since epoch. */
  readonly start: number;
  readonly minutes: number;
  readonly measured: readonly { readonly at: number; readonly figures: Figures }[];
  /** Every minute. */
  readonly looked: readonly {
    readonly at: number;
    readonly queues: Readonly<Record<'intake' | 'upload' | 'parked', QueueLook>>;
    readonly dead: Readonly<Record<'intake' | 'upload' | 'parked', QueueLook>>;
  }[];
};

const START = Date.UTC(2026, 10, 20);
const MINUTE_MS = 60_000;
const MINUTES = 240;
const EVENTS_A_DUMP = 3_000;
const DEVICES = 500;
const REQUEST_MS = 400;

/** What happens when, in minutes after the start. */
const DROPS = Array.from({ length: 8 }, (_, i) => 10 + 30 * i);
const IS_AWAY = { from: 98, until: 130 };
const THROTTLES_SOME = { from: 40, until: 200 };
const REJECT_STORM = 190;
const OLD_KEY = 220;

/** A tenth of the devices. */
const THROTTLED = /^device-\d?\d?0$/;

const IMPORTER = defineImporter({
  lanes: 8,
  uploaders: 4,
  sources: [
    { name: 'web', prefix: 'web/', project: { secret: 'web' }, caps: { eventsPerChunk: 100 } },
    { name: 'shop', prefix: 'shop/', project: { secret: 'shop' }, caps: { eventsPerChunk: 100 } },
  ],
});

/** The same each time, whatever machine it is made on. */
export async function runEventfulDay(): Promise<EventfulDay> {
  const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-day-'));
  const clock = virtualClock(START);
  const minute = () => (clock.now() - START) / MINUTE_MS;
  const simulator = await startSimulator({ clock, faults: troubles(minute) });
  const client = amplitude({ uploads: 'gzip', timeoutMs: 60_000, connections: 4, endpoint: simulator.url });
  const state = openState(join(directory, 'state'));
  const measured: EventfulDay['measured'][number][] = [];
  const looked: EventfulDay['looked'][number][] = [];
  const open = () =>
    openEngine({
      state,
      importer: IMPORTER,
      fingerprint: 'f',
      amplitude: client,
      apiKey: async ({ secret }) => (secret === 'shop' ? 'wrong key' : 'key'),
      transforms: { secret: async () => '', references: fileReferences((file) => file) },
      log: () => undefined,
      measure: (figures) => void measured.push({ at: clock.now(), figures }),
      clock,
      random: () => 0.5,
      workers: (count) => clock.setSleepers(count + 1),
      between: (name, port) => (name === 'dumps' ? { ...port, ...memoryDumps } : port),
    });
  try {
    // An engine ends when nothing is left to do, and then somebody must let time pass until the next dump.
    for (let last = -1; minute() < MINUTES; ) {
      const engine = open();
      const end = new AbortController();
      const tick = async () => {
        for (; Math.floor(minute()) > last; last += 1) {
          if (DROPS.includes(last + 1)) await drop(last + 1, engine);
          looked.push({ at: START + (last + 1) * MINUTE_MS, ...(await look(engine, state, clock.now())) });
        }
      };
      await tick();
      const running = engine.run().finally(() => end.abort());
      while (!end.signal.aborted && minute() < MINUTES) {
        await clock.sleep(untilNextMinute(clock.now()), end.signal).catch(() => undefined);
        if (!end.signal.aborted) await tick();
      }
      engine.stop();
      await running;
      clock.setSleepers(1);
      await clock.sleep(untilNextMinute(clock.now()));
    }
    return { start: START, minutes: MINUTES, measured, looked };
  } finally {
    await client.close();
    await simulator.close();
    state.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function untilNextMinute(now: number): number {
  return MINUTE_MS - (now % MINUTE_MS);
}

/** Amplitude is away, or throttles some devices; otherwise it takes its time. */
function troubles(minute: () => number): NextFault {
  const isIn = ({ from, until }: { readonly from: number; readonly until: number }) =>
    minute() >= from && minute() < until;
  return ({ body }) => {
    if (isIn(IS_AWAY)) return { ...FAULTS.unavailable(), latencyMs: REQUEST_MS };
    if (!isIn(THROTTLES_SOME)) return FAULTS.latency(REQUEST_MS);
    const { events } = JSON.parse(body.toString()) as { readonly events: readonly { readonly device_id: string }[] };
    const its = events.flatMap(({ device_id: device }, i) => (THROTTLED.test(device) ? [i] : []));
    if (its.length === 0) return FAULTS.latency(REQUEST_MS);
    const answer = { code: 429, throttled_devices: {}, throttled_events: its };
    return { ...FAULTS.answer(429, answer), latencyMs: REQUEST_MS };
  };
}

async function drop(minute: number, { queues }: Engine): Promise<void> {
  const name = minute === OLD_KEY ? 'shop' : 'web';
  const key = `${name}/${String(minute).padStart(3, '0')}.ndjson`;
  const dump: Dump = { bucket: 'landing', key, etag: key, size: textOf(key).length };
  await queues.intake.send([{ id: key, body: importMessage({ dump, source: name }) }]);
}

/** What was dropped is known by its key. */
const memoryDumps: Pick<Dumps, 'read' | 'size'> = {
  read: async ({ key }, start, end) => textOf(key).subarray(start, end),
  size: async ({ key }) => textOf(key).length,
};

function textOf(key: string): Buffer {
  const minute = Number(key.slice(-10, -7));
  const lines = Array.from({ length: EVENTS_A_DUMP }, (_, i) => {
    if (minute === REJECT_STORM && i % 3 === 0) return '{"user":"the format was changed"}';
    const at = START + (minute - 30) * MINUTE_MS + i * 500;
    return `{"event_type":"Seen","device_id":"device-${(i * 37) % DEVICES}","time":${at},"insert_id":"${minute}-${i}"}`;
  });
  return Buffer.from(`${lines.join('\n')}\n`);
}

async function look({ queues, deadLetters }: Engine, { db }: State, now: number) {
  const oldest = db.prepare('SELECT min(sent_at) AS at FROM message WHERE queue = ?');
  const of = async (name: 'intake' | 'upload' | 'parked', suffix: '' | '-dlq'): Promise<QueueLook> => {
    const { visible, hidden } = await (suffix ? deadLetters : queues)[name].size();
    const at = oldest.get(`${name}${suffix}`)?.at;
    return { visible, hidden, ageS: typeof at === 'number' ? Math.round((now - at) / 1_000) : 0 };
  };
  const all = async (suffix: '' | '-dlq') => ({
    intake: await of('intake', suffix),
    upload: await of('upload', suffix),
    parked: await of('parked', suffix),
  });
  return { queues: await all(''), dead: await all('-dlq') };
}
