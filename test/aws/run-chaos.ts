/** One chaos run of the stack as deployed: dumps are dropped while everything goes wrong; when the dust has settled it is looked at. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator } from '../../local/simulator.ts';
import { sumBooks } from '../../shared/books.ts';
import { type Dump, dumpId } from '../../shared/dump.ts';
import { expectClosed } from '../chaos/expect-closed.ts';
import { count, type Fired } from '../chaos/life.ts';
import { randomFrom } from '../chaos/scenario.ts';
import { amplitudeOdds, amplitudeTroubles } from './amplitude-troubles.ts';
import { awsOdds, awsTroubles } from './aws-troubles.ts';
import { type ChaosDump, makeChaosDump, SILENCED_DEVICE } from './chaos-dump.ts';
import { expectSettled } from './chaos-settled.ts';
import { type Deployed, type Haste, startDeployed } from './deployed.ts';
import { withoutMadeId } from './dump.ts';
import { createStrikes, type Strikes } from './strikes.ts';
import { synthesize } from './synthesize.ts';

export type ChaosSize = {
  readonly dumps: number;
  /** In each of them. */
  readonly records: number;
  /** How often each kind of trouble may strike. */
  readonly times: number;
};

export type ChaosOptions = ChaosSize & {
  /** Decides the dumps and what strikes at which occasion; who comes first is up to the machine. */
  readonly seed: number;
};

/** Small chunks in few lanes, so that there are hundreds; small segments, so that a dump takes several invocations. */
const IMPORTER = {
  segmentRecords: 120,
  partBytes: 20_000,
  lanes: 8,
  uploaders: 2,
  requestTimeoutMs: 1_000,
  sources: [
    { name: 'chaos', prefix: 'incoming/', project: { secret: 'amplitude/api-key' }, caps: { eventsPerChunk: 15 } },
  ],
};

/**
 * The template's own times are 5 to 16 minutes. A chunker stops after a segment when less than a minute is left, so that
 * here each segment is an invocation of its own.
 */
const TIMEOUTS_MS = { chunker: 6_000, uploader: 3_000 };
const LONGEST_WAIT_SECONDS = 1;

/** A machine that is busy with other things gets more time: as much more as the synthesis took longer than this, ms. */
const USUAL_SYNTHESIS_MS = 4_000;
const MAX_SLOWNESS = 4;

/** What Amplitude takes of a device in its window, which throttles the busy one and no other; and how long that is. */
const EVENTS_PER_WINDOW = 20;
const WINDOW_SECONDS = 2;

const API_KEY = '0123456789abcdef0123456789abcdef';
/** A killed chunker's dump rests for 13 s at most. */
const STALL_MS = 30_000;
const MOST_MS = 90_000;
const NOTIFIED_TWICE = 'notification comes twice';
const THROTTLED = 'Amplitude: 429 naming a device';
const SILENCED = 'Amplitude: 400 naming a silenced device';

/** How often each kind of trouble struck. Throws what is wrong, if anything is, or what is stuck where. */
export async function runChaos({ seed, dumps, records, times }: ChaosOptions): Promise<Fired> {
  const random = randomFrom(seed);
  const contents = Array.from({ length: dumps }, (_, n) => makeChaosDump(`dump-${n}`, records, random));
  const fired: Fired = { [THROTTLED]: 0, [SILENCED]: 0 };
  const notified = { [NOTIFIED_TWICE]: { among: 2, times } };
  const strikes = createStrikes({ ...awsOdds(times), ...amplitudeOdds(times), ...notified }, random, fired);
  const began = Date.now();
  const synthesized = await synthesize(IMPORTER);
  const slowness = Math.min(MAX_SLOWNESS, Math.max(1, (Date.now() - began) / USUAL_SYNTHESIS_MS));
  const { amplitude, throttled } = await startAmplitude(strikes, fired, WINDOW_SECONDS * slowness);
  const troubles = awsTroubles(strikes);
  const stack = await startDeployed({
    ...synthesized,
    amplitudeUrl: amplitude.url,
    apiKey: API_KEY,
    troubles,
    haste: hasteOf(slowness),
  });
  const watching = new AbortController();
  try {
    const dropped: Dump[] = [];
    const watched = watchBooks(stack, dropped, amplitude.counts, watching.signal);
    const settled = dropAll(stack, contents, dropped, () => strikes(NOTIFIED_TWICE)).then(() =>
      untilSettled({ stack, dropped, fired, slowness }),
    );
    // Whichever of the two fails second must not count as unhandled.
    for (const outcome of [settled, watched]) outcome.catch(() => undefined);
    await Promise.race([settled, watched]);
    watching.abort();
    await expectSettled({ stack, contents, dropped, stored: [...amplitude.stored()], throttled, looks: await watched });
    return fired;
  } catch (cause) {
    throw new Error(`the chaos run with seed ${seed} went wrong`, { cause });
  } finally {
    watching.abort();
    await stack.stop();
    await amplitude.close();
    synthesized.remove();
  }
}

function hasteOf(slowness: number): Haste {
  const { chunker, uploader } = TIMEOUTS_MS;
  return {
    timeoutMs: { chunker: chunker * slowness, uploader: uploader * slowness },
    longestWaitSeconds: LONGEST_WAIT_SECONDS,
  };
}

/** `throttled` are the events of requests of which Amplitude named some: their order may change. */
async function startAmplitude(strikes: Strikes, fired: Fired, windowSeconds: number) {
  const troubles = amplitudeTroubles(strikes);
  const bodies = new Map<number, string>();
  const throttled = new Set<string>();
  const amplitude = await startSimulator({
    keep: 'events',
    switches: { windowSeconds, batchEventsPerSecond: EVENTS_PER_WINDOW / windowSeconds },
    silenced: [SILENCED_DEVICE],
    faults(request) {
      const fault = troubles(request);
      if (!fault) bodies.set(request.number, request.body.toString());
      return fault;
    },
    onRequest({ number, outcome }) {
      const body = bodies.get(number);
      bodies.delete(number);
      if (body === undefined || (outcome !== 429 && outcome !== 400)) return;
      count(fired, outcome === 429 ? THROTTLED : SILENCED);
      const events = body.slice(body.indexOf('[') + 1, body.lastIndexOf(']')).split(',\n');
      for (const event of events) throttled.add(withoutMadeId(event));
    },
  });
  return { amplitude, throttled };
}

async function dropAll(
  stack: Deployed,
  contents: readonly ChaosDump[],
  dropped: Dump[],
  isNotifiedTwice: () => boolean,
): Promise<void> {
  for (const { key, body } of contents) {
    const { dump, notification } = await stack.drop(key, body);
    dropped.push(dump);
    if (isNotifiedTwice()) await stack.notify(notification);
  }
}

type Unsettled = {
  readonly stack: Deployed;
  readonly dropped: readonly Dump[];
  readonly fired: Fired;
  readonly slowness: number;
};

/** Fails when nothing moves any more, or when it takes too long all the same; and says what is stuck where. */
async function untilSettled({ stack, dropped, fired, slowness }: Unsettled): Promise<void> {
  const began = Date.now();
  const [stallMs, mostMs] = [STALL_MS * slowness, MOST_MS * slowness];
  let last = { text: '', at: began };
  for (;;) {
    const queued = Object.entries(await stack.queued()).filter(([, messages]) => messages > 0);
    const dumps = await Promise.all(dropped.map((dump) => stack.ledger.entry(dumpId(dump))));
    if (queued.length === 0 && dumps.every((entry) => entry?.state === 'closed')) return;
    const books = await Promise.all(dumps.map(async (entry) => entry && sumBooks(await stack.ledger.segments(entry))));
    const text = JSON.stringify({ queued, dumps, books, fired }, undefined, 1);
    const now = Date.now();
    if (text !== last.text) last = { text, at: now };
    if (now - last.at > stallMs || now - began > mostMs) {
      const log = stack.log().filter((line) => !line.includes('"level":"INFO"'));
      const since = `nothing has moved for ${now - last.at} ms, ${now - began} ms after the last dump was dropped`;
      throw new Error([`the dust does not settle: ${since}`, text, ...log.slice(-20)].join('\n'));
    }
    await sleep(100);
  }
}

/** Looks at the books again and again: they close, and nothing is booked as delivered that Amplitude has not stored. */
async function watchBooks(
  { ledger }: Deployed,
  dropped: readonly Dump[],
  counts: () => { readonly stored: number },
  stopping: AbortSignal,
): Promise<number> {
  let looks = 0;
  while (!stopping.aborted) {
    let delivered = 0;
    for (const dump of dropped) {
      const entry = await ledger.entry(dumpId(dump));
      if (!entry) continue;
      const books = sumBooks(await ledger.segments(entry));
      expectClosed(books);
      delivered += books.delivered;
      if (books.inFlight + books.parked > 0) looks += 1;
    }
    const { stored } = counts();
    if (delivered > stored) throw new Error(`${delivered} events are booked as delivered, and Amplitude has ${stored}`);
    await sleep(100);
  }
  return looks;
}
