/** What the simulator's tests send, and the clock they turn by hand. */
import { gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../local/simulator.ts';

export const NOON = Date.UTC(2026, 0, 5, 12);
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export type TestClock = { now(): number; sleep(ms: number): Promise<void>; advance(ms: number): void };

/** Sleeping is turning the clock. */
export function clockAt(start: number): TestClock {
  let now = start;
  const advance = (ms: number): void => {
    now += ms;
  };
  return { now: () => now, advance, sleep: async (ms) => advance(ms) };
}

/** A simulator that ends with the test; its clock stands at noon unless one is given. */
export async function simulate(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ clock: clockAt(NOON), ...options });
  onTestFinished(() => simulator.close());
  return simulator;
}

export type Fields = Readonly<Record<string, unknown>>;

/** `count` good events of one device, told apart by their insert_id. */
export function events(count: number, fields: Fields = {}): Fields[] {
  return Array.from({ length: count }, (_, index) => ({
    event_type: 'view',
    device_id: 'device-1',
    time: NOON - DAY_MS + index,
    insert_id: `insert-${index}`,
    ...fields,
  }));
}

/** Events that only count: without insert_id, so that none is a duplicate. */
export function anonymous(count: number, fields: Fields = {}): Fields[] {
  return events(count, { insert_id: undefined, ...fields });
}

export type Answered = { readonly status: number; readonly body: Fields };
export type SendOptions = {
  readonly path?: '/batch' | '/2/httpapi';
  readonly gzip?: boolean;
  readonly apiKey?: string;
  readonly rest?: Fields;
};

export function send(simulator: Simulator, list: readonly unknown[], options: SendOptions = {}): Promise<Answered> {
  const { apiKey = 'key-1', rest } = options;
  return sendText(simulator, JSON.stringify({ api_key: apiKey, events: list, ...rest }), options);
}

export async function sendText(
  simulator: Simulator,
  text: string | Buffer,
  { path = '/batch', gzip = false, headers }: SendOptions & { readonly headers?: Record<string, string> } = {},
): Promise<Answered> {
  const response = await fetch(`${simulator.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(gzip && { 'content-encoding': 'gzip' }), ...headers },
    body: new Uint8Array(gzip ? gzipSync(text) : Buffer.from(text)),
  });
  return { status: response.status, body: (await response.json()) as Fields };
}
