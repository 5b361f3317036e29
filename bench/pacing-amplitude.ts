/** Amplitude as the pacing bench has it: real windows, drawn latencies, and a note of everything that got through. */
import { type Amplitude, inflateText } from '../lambdas/uploader/amplitude.ts';
import type { DeflatedText } from '../lambdas/uploader/gzip-member.ts';
import type { Answer } from '../lambdas/uploader/read-verdict.ts';
import { createRateWindow } from '../local/simulator-limits.ts';
import { maxEventsPerSecond, withDefaults } from '../local/simulator-switches.ts';
import type { Api } from '../shared/amplitude-limits.ts';
import type { Chunk } from '../shared/chunk.ts';
import type { Clock } from '../shared/embedded/queue.ts';
import { HOT_DEVICE, nameOf } from './pacing-dumps.ts';

/** A request takes from 0.3 to 1 s, as measured of the Batch API from a neighbouring region. */
const LATENCY_MS = { min: 300, max: 1_000 };
export const MEAN_LATENCY_MS = (LATENCY_MS.min + LATENCY_MS.max) / 2;

/** Events of a request by their number over all parts. */
export type Sent = { readonly part: number; readonly events: readonly number[] };

export type PacedOptions = {
  readonly api: Api;
  readonly clock: Clock;
  readonly random: () => number;
  readonly refusedEventsCount: boolean;
  readonly devices: Uint32Array;
  /** The number of the first event of a chunk's dump, and which part it is. */
  placeOf(chunk: Chunk): { readonly part: number; readonly first: number };
};

export type Tally = {
  requests: number;
  throttled: number;
  /** Events of requests that were answered 429. */
  sentInVain: number;
  delivered: number;
  /** Events that came after a later one of their device and dump. */
  late: number;
  lastAt: number;
  /** When each event of everybody but the hot device got through, by arrival. */
  readonly othersAt: number[];
};

export function pacedAmplitude({ api, clock, random, refusedEventsCount, devices, placeOf }: PacedOptions) {
  const endpoint = api === 'batch' ? 'batch' : 'httpapi';
  const switches = withDefaults({ refusedEventsCount });
  const window = createRateWindow(maxEventsPerSecond(endpoint, switches), switches);
  const began = clock.now();
  const last = new Map<number, number>();
  const tally: Tally = {
    requests: 0,
    throttled: 0,
    sentInVain: 0,
    delivered: 0,
    late: 0,
    lastAt: 0,
    othersAt: [],
  };

  /** What Amplitude decides about events in one request, and when. */
  async function post(sent: readonly Sent[]): Promise<{ readonly isTaken: boolean; readonly names: object }> {
    const latency = LATENCY_MS.min + (LATENCY_MS.max - LATENCY_MS.min) * random();
    const untilCounted = latency * random();
    await clock.sleep(untilCounted);
    const numbers = sent.flatMap(({ events }) => events);
    const usage = new Map<string, number>();
    for (const number of numbers) {
      const name = nameOf(devices[number] ?? 0);
      usage.set(name, (usage.get(name) ?? 0) + 1);
    }
    const check = window.check('key', { devices: usage, users: new Map() }, numbers.length, clock.now());
    const isTaken = check.devices.size === 0;
    if (isTaken || refusedEventsCount) check.count();
    tally.requests += 1;
    if (isTaken) note(sent);
    else {
      tally.throttled += 1;
      tally.sentInVain += numbers.length;
    }
    const events = numbers.flatMap((number, i) => (check.devices.has(nameOf(devices[number] ?? 0)) ? [i] : []));
    await clock.sleep(latency - untilCounted);
    return { isTaken, names: { throttled_devices: Object.fromEntries(check.devices), throttled_events: events } };
  }

  function note(sent: readonly Sent[]): void {
    tally.lastAt = clock.now() - began;
    for (const { part, events } of sent) {
      for (const number of events) {
        const device = devices[number] ?? 0;
        const key = part * 2 ** 20 + device;
        if (number < (last.get(key) ?? -1)) tally.late += 1;
        last.set(key, Math.max(number, last.get(key) ?? -1));
        tally.delivered += 1;
        if (device !== HOT_DEVICE) tally.othersAt.push(tally.lastAt);
      }
    }
  }

  const upload: Amplitude['upload'] = async ({ events }): Promise<Answer> => {
    const { isTaken, names } = await post(await Promise.all(events.map(numbersIn)));
    const body = isTaken ? { code: 200 } : { code: 429, error: 'Too many requests', ...names };
    return { kind: 'answer', status: body.code, body: JSON.stringify(body) };
  };

  /** A chunk tells by its positions which events it holds; what is left of one after a 429 has to be read. */
  async function numbersIn(text: DeflatedText): Promise<Sent> {
    if ('positions' in text) {
      const chunk = text as Chunk;
      const { part, first } = placeOf(chunk);
      return { part, events: chunk.positions.map((position) => first + position - 1) };
    }
    const events = JSON.parse(`[${(await inflateText(text)).toString()}]`) as { part: number; number: number }[];
    return { part: events[0]?.part ?? 0, events: events.map(({ number }) => number) };
  }

  return { upload, post, tally };
}
