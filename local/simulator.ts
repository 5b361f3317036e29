/**
 * The Amplitude simulator: a server on loopback that takes POST /batch and POST /2/httpapi as Amplitude does, with its
 * limits, answers and deduplication, and that can be told to fail. GET / shows its counts, GET /events what it stored.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Amplitude, createAmplitude, type EventCounts } from './simulator-amplitude.ts';
import { plainAnswer } from './simulator-answers.ts';
import { receiveBody } from './simulator-body.ts';
import { createFaults, type FaultPlan, type NextFault } from './simulator-faults.ts';
import { listen, type Reply, send, sendEvents, toReply } from './simulator-http.ts';
import { type Keep, openSimulatorStore, type SimulatorStore, type StoredEvent } from './simulator-store.ts';
import { type Endpoint, type SimulatorSwitches, withDefaults } from './simulator-switches.ts';
import { createTraffic, type RequestEntry, type Traffic, type TrafficCounts } from './simulator-traffic.ts';

export type SimulatorOptions = {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** Time, and what faults wait by. */
  readonly clock?: { now(): number; sleep(ms: number): Promise<void> };
  /** A file, to find everything again after a restart; `:memory:` by default. */
  readonly store?: string;
  /** What is kept of each event; `ids` by default. `hashes` takes 24 bytes an event, for millions of them. */
  readonly keep?: Keep;
  readonly switches?: Partial<SimulatorSwitches>;
  readonly faults?: FaultPlan;
  /** Keys it accepts; by default all but those with "wrong" in them. */
  readonly apiKeys?: readonly string[];
  /** Devices and users taken for spam, which have a daily quota. */
  readonly spammy?: readonly string[];
  /** Devices that are blocked. */
  readonly silenced?: readonly string[];
  /** Called when a request has been answered, or left without an answer. */
  onRequest?(entry: RequestEntry): void;
};

export type SimulatorCounts = TrafficCounts & {
  /** Since the start. */
  readonly events: Readonly<EventCounts>;
  /** In the store, with what was there at the start. */
  readonly stored: number;
};

export type Simulator = {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** What was stored, in the order it came. */
  stored(): Generator<StoredEvent>;
  counts(): SimulatorCounts;
  /** Ids whose rate is remembered: those of the last 30 seconds. */
  rememberedIds(): number;
  /** Replaces the faults; `[]` ends them. */
  setFaults(plan: FaultPlan): void;
  /** Forgets everything, what is stored and the faults too. */
  reset(): void;
  close(): Promise<void>;
};

type Clock = NonNullable<SimulatorOptions['clock']>;
/** What a reset makes anew. */
type State = { readonly amplitude: Amplitude; readonly traffic: Traffic; nextFault: NextFault };

const REAL_CLOCK: Clock = { now: () => Date.now(), sleep: (ms) => sleep(ms, undefined, { ref: false }) };
const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map([
  ['/batch', 'batch'],
  ['/2/httpapi', 'httpapi'],
]);

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const clock = options.clock ?? REAL_CLOCK;
  const switches = withDefaults(options.switches);
  const store = openSimulatorStore(options.store ?? ':memory:');
  const stateWith = (faults: FaultPlan): State => createState(options, faults, switches, store, clock);
  let state = stateWith(options.faults ?? []);
  const counts = (): SimulatorCounts => countsOf(state, store);
  const listening = listen(options.port ?? 0, async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://simulator');
    const endpoint = request.method === 'POST' ? ENDPOINTS.get(url.pathname) : undefined;
    if (endpoint === undefined) return sendPage(request, url, response, counts, store);
    const { reply, entry } = await takeUpload(endpoint, request, state, clock);
    options.onRequest?.(entry);
    send(response, reply);
  });
  listening.catch(() => store.close());
  const server = await listening;
  return {
    url: server.url,
    stored: () => store.events(),
    counts,
    rememberedIds: () => state.amplitude.rememberedIds(),
    setFaults: (plan) => {
      state.nextFault = createFaults(plan);
    },
    reset() {
      store.clear();
      state = stateWith([]);
    },
    async close() {
      await server.close();
      store.close();
    },
  };
}

function createState(
  { keep = 'ids', apiKeys, spammy = [], silenced = [] }: SimulatorOptions,
  faults: FaultPlan,
  switches: SimulatorSwitches,
  store: SimulatorStore,
  clock: Clock,
): State {
  const isApiKey = (key: string): boolean => apiKeys?.includes(key) ?? !key.includes('wrong');
  return {
    amplitude: createAmplitude({ switches, store, keep, isApiKey, spammy, silenced, now: () => clock.now() }),
    traffic: createTraffic(),
    nextFault: createFaults(faults),
  };
}

function countsOf({ traffic, amplitude }: State, store: SimulatorStore): SimulatorCounts {
  return { ...traffic.counts(), events: { ...amplitude.counts }, stored: store.count() };
}

/** What is there for people and for tests in other processes. */
function sendPage(
  request: IncomingMessage,
  url: URL,
  response: ServerResponse,
  counts: () => SimulatorCounts,
  store: SimulatorStore,
): void {
  request.resume();
  const page = request.method === 'GET' ? url.pathname : undefined;
  if (page === '/') return send(response, toReply({ status: 200, body: counts() }));
  if (page === '/events') return sendEvents(response, store.events(), url.searchParams.get('api_key'));
  send(response, toReply(plainAnswer(400, 'Invalid request path')));
}

/** One upload from its first byte to the decision what is sent back. */
async function takeUpload(
  endpoint: Endpoint,
  request: IncomingMessage,
  state: State,
  clock: Clock,
): Promise<{ readonly reply: Reply; readonly entry: RequestEntry }> {
  const { amplitude, traffic } = state;
  const body = await receiveBody(request);
  const { gzip, sentBytes, text } = body;
  const number = traffic.nextNumber();
  const fault = state.nextFault({ number, endpoint, gzip, body: text });
  if (fault?.latencyMs !== undefined) await clock.sleep(fault.latencyMs);
  const taken = fault?.instead === undefined || fault.ingest === true ? amplitude.take(endpoint, body) : undefined;
  const reply = fault?.instead ?? (taken === undefined ? 'reset' : toReply(taken.answer));
  const outcome = typeof reply === 'string' ? reply : reply.status;
  const entry = { number, at: clock.now(), endpoint, outcome, gzip, sentBytes, events: taken?.events ?? 0 };
  traffic.add(entry, text.length);
  return { reply, entry };
}
