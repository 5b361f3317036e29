/** One scenario of the pacing bench on a virtual clock: our lanes, or "queue and react" as everybody does it. */
import { DatabaseSync } from 'node:sqlite';
import { PARKED_MAX_TRIES, queueMaxReceives } from '../lambdas/uploader/back-off.ts';
import { type TakeChunkPorts } from '../lambdas/uploader/take-chunk.ts';
import { takeLane } from '../lambdas/uploader/take-lane.ts';
import { stoppable } from '../local/clock.ts';
import { virtualClock } from '../local/virtual-clock.ts';
import { type Take, workOff } from '../local/worker.ts';
import { API_LIMITS, type Api, EVENTS_PER_REQUEST, RATE_WINDOW_MS } from '../shared/amplitude-limits.ts';
import { defineImporter } from '../shared/config.ts';
import { embeddedLedger } from '../shared/embedded/ledger.ts';
import { createQueueTables } from '../shared/embedded/message-rows.ts';
import { embeddedQueue } from '../shared/embedded/queue.ts';
import { MEAN_LATENCY_MS, pacedAmplitude, type Tally } from './pacing-amplitude.ts';
import { chunkDumps, drawDevices, type DumpsOf, HOT_DEVICE, type PacedDump, seeded } from './pacing-dumps.ts';

export type Scenario = DumpsOf & { readonly api: Api; readonly refusedEventsCount: boolean };

export type Paced = Omit<Tally, 'othersAt'> & {
  readonly events: number;
  /** Over the least possible time. */
  readonly span: number;
  readonly boundMs: number;
  /** When 99 % of everybody but the hot device was through, over the time that throughput alone would take for all. */
  readonly others: number;
  /** Over the fewest possible. */
  readonly requestRatio: number;
  /** How long messages were held, s. */
  readonly heldSeconds: number;
};

const UPLOADERS = 16;
const START = Date.UTC(2026, 0, 1);
/** As the uploader's function does. */
const MAX_HOLD_MS = 2_000;
/** Gives up on a policy that never ends: so many times the bound. */
const MAX_SPAN = 5;

export async function runOurs(scenario: Scenario): Promise<Paced> {
  const devices = drawDevices(scenario);
  const clock = virtualClock(START);
  const running = stoppable(clock);
  const db = new DatabaseSync(':memory:');
  createQueueTables(db);
  const open = (name: string, fifo: boolean, maxReceives: number) =>
    embeddedQueue(db, name, { fifo, clock: running.clock, deadLetters: { queue: `${name}-dlq`, maxReceives } });
  const importer = defineImporter({
    uploaders: UPLOADERS,
    sources: [{ name: 'bench', api: scenario.api, project: { secret: 'key' } }],
  });
  const [source] = importer.sources;
  if (!source) throw new Error('the bench has a source');
  const uploads = open('upload', true, queueMaxReceives(importer.maxTries));
  const parked = open('parked', false, queueMaxReceives(PARKED_MAX_TRIES));
  const ledger = embeddedLedger(db, clock.now);
  const dumps = await chunkDumps(scenario, devices, source, importer, { ledger, queue: uploads, now: clock.now });
  const random = seeded(7);
  const placeOf = ({ dumpId }: { readonly dumpId: string }): PacedDump => {
    const found = dumps.get(dumpId);
    if (!found) throw new Error(`no dump is ${dumpId}`);
    return found;
  };
  const amplitude = pacedAmplitude({ ...scenario, clock, random, devices, placeOf });
  let held = 0;
  const ports: Omit<TakeChunkPorts, 'deadLetters'> = {
    importer,
    amplitude,
    ledger,
    results: { put: async () => undefined, get: async () => undefined, list: async () => [], url: (key) => key },
    apiKey: async () => 'key',
    announce: async () => undefined,
    parked,
    now: clock.now,
    random,
    hold: {
      maxMs: MAX_HOLD_MS,
      async sleep(ms) {
        held += ms;
        await running.clock.sleep(ms);
      },
    },
    log: () => undefined,
  };
  const dead = { send: async () => Promise.reject(new Error('nothing may die in the bench')) };
  const take =
    (maxTries: number): Take =>
    async (messages) => {
      const received = messages.map(({ body, receives, group }) => {
        return { body, received: { receives, maxTries, ...(group !== undefined && { group }) } };
      });
      const taken = await takeLane(received, { ...ports, deadLetters: dead });
      return taken.map((its) => (its.kind === 'again' ? wholeSeconds(its.afterMs) : undefined));
    };
  const isIdle = () => amplitude.tally.delivered >= scenario.events;
  const workers = [
    ...times(UPLOADERS, () => workOff(uploads, take(importer.maxTries), { isIdle, running })),
    ...times(2, () => workOff(parked, take(PARKED_MAX_TRIES), { isIdle, running })),
  ];
  let left = workers.length;
  clock.setSleepers(left);
  await endOf(workers.map((worker) => worker.finally(() => clock.setSleepers((left -= 1)))));
  db.close();
  return measure(scenario, devices, amplitude.tally, held);
}

/** The chunks of the files in their order, on a standard queue; what is answered 429 comes back whole after the window. */
export async function runReacting(scenario: Scenario): Promise<Paced> {
  const devices = drawDevices(scenario);
  const clock = virtualClock(START);
  const random = seeded(7);
  const amplitude = pacedAmplitude({
    ...scenario,
    clock,
    random,
    devices,
    placeOf: () => {
      throw new Error('there are no chunks');
    },
  });
  const waiting = chunksInOrder(scenario).map((chunk) => ({ ...chunk, at: START }));
  const until = START + MAX_SPAN * boundMs(scenario, devices);
  async function work(): Promise<void> {
    while (amplitude.tally.delivered < scenario.events && clock.now() < until) {
      const next = waiting.findIndex(({ at }) => at <= clock.now());
      const [chunk] = next === -1 ? [] : waiting.splice(next, 1);
      if (!chunk) await clock.sleep(1_000);
      else if (!(await amplitude.post([chunk])).isTaken) waiting.push({ ...chunk, at: clock.now() + RATE_WINDOW_MS });
    }
    clock.setSleepers((left -= 1));
  }
  let left = UPLOADERS;
  const workers = times(UPLOADERS, work);
  clock.setSleepers(UPLOADERS);
  await Promise.all(workers);
  return measure(scenario, devices, amplitude.tally, 0);
}

function chunksInOrder({ events, parts }: DumpsOf): { part: number; events: number[] }[] {
  const size = Math.ceil(events / parts);
  const chunks: { part: number; events: number[] }[] = [];
  for (let part = 0; part < parts; part += 1) {
    const end = Math.min((part + 1) * size, events);
    for (let start = part * size; start < end; start += EVENTS_PER_REQUEST) {
      const length = Math.min(EVENTS_PER_REQUEST, end - start);
      chunks.push({ part, events: Array.from({ length }, (_, i) => start + i) });
    }
  }
  return chunks;
}

/** `max(max_d n_d / limit, total / (uploaders × chunk / latency))`. */
function boundMs({ api, events }: Scenario, devices: Uint32Array): number {
  const counts = new Map<number, number>();
  for (const device of devices) counts.set(device, (counts.get(device) ?? 0) + 1);
  const hottest = counts.values().reduce((most, count) => Math.max(most, count), 0);
  const forDevice = (1_000 * hottest) / API_LIMITS[api].eventsPerSecond;
  return Math.max(forDevice, throughputMs(events));
}

function throughputMs(events: number): number {
  return (events / (UPLOADERS * EVENTS_PER_REQUEST)) * MEAN_LATENCY_MS;
}

function measure(scenario: Scenario, devices: Uint32Array, tally: Tally, heldMs: number): Paced {
  const { events } = scenario;
  const { othersAt, ...counts } = tally;
  const others = devices.reduce((sum, device) => sum + (device === HOT_DEVICE ? 0 : 1), 0);
  const at = othersAt[Math.floor(0.99 * others)] ?? Number.POSITIVE_INFINITY;
  const bound = boundMs(scenario, devices);
  return {
    ...counts,
    events,
    boundMs: bound,
    span: tally.delivered < events ? Number.POSITIVE_INFINITY : tally.lastAt / bound,
    others: at / throughputMs(events),
    requestRatio: tally.requests / Math.ceil(events / EVENTS_PER_REQUEST),
    heldSeconds: heldMs / 1_000,
  };
}

/** As SQS hides messages. */
function wholeSeconds(ms: number): number {
  return 1_000 * Math.ceil(ms / 1_000);
}

async function endOf(workers: readonly Promise<void>[]): Promise<void> {
  for (const end of await Promise.allSettled(workers)) if (end.status === 'rejected') throw end.reason;
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
