/** Runs one scenario on the embedded engine with a virtual clock, through its kills, until the dust settles; and looks at what is left. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replayMessages } from '../../cli/replay-messages.ts';
import { isOwnLane } from '../../lambdas/chunker/lanes.ts';
import { importMessage } from '../../lambdas/chunker/notification.ts';
import { type Between, type Engine, openEngine } from '../../local/engine.ts';
import { type VirtualClock, virtualClock } from '../../local/virtual-clock.ts';
import { type Books, sumBooks } from '../../shared/books.ts';
import { decodeChunkHeader } from '../../shared/chunk.ts';
import { defineImporter, type Importer } from '../../shared/config.ts';
import { type Dump, dumpId } from '../../shared/dump.ts';
import { describeFile } from '../../shared/embedded/files.ts';
import { embeddedLedger } from '../../shared/embedded/ledger.ts';
import { openState, type State } from '../../shared/embedded/state.ts';
import type { OutgoingMessage, Queue } from '../../shared/queue.ts';
import { type Receipt, receiptKey } from '../../shared/receipt.ts';
import { expectClosed } from './expect-closed.ts';
import { fickleAmplitude } from './fickle-amplitude.ts';
import { count, type Fired, startLife } from './life.ts';
import { PORTS } from '../lambdas/chunker/making.ts';
import { type MadeDumps, makeDumps, randomFrom, routeOf, type Scenario, SILENCED_DEVICE } from './scenario.ts';

/** Any time will do; SQLite keeps milliseconds exactly. */
const START = Date.UTC(2026, 10, 21);
/** After a kill the next life begins so much later, ms: sometimes beyond the 5 minutes in which a FIFO queue drops repeats. */
const PAUSES = [0, 1_000, 400_000];
/** So many lives have failing ports after the last kill; then it is calm, and what is dead is replayed until nothing is. */
const FAILING_LIVES = 10;
const MAX_LIVES = 60;

/** Throws what is wrong, if anything is. */
export async function runScenario(scenario: Scenario, fired: Fired): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-chaos-'));
  try {
    await runIn(directory, scenario, fired);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runIn(directory: string, scenario: Scenario, fired: Fired): Promise<void> {
  const made = makeDumps(scenario);
  const dumps: Dump[] = [];
  for (const [i, text] of made.texts.entries()) {
    const path = join(directory, `dump-${i}.ndjson`);
    writeFileSync(path, text);
    dumps.push(await describeFile(path));
  }
  const random = randomFrom(scenario.seed + 1);
  const { eventsPerSecond, refusedEventsCount, silencesOne, answerFaults, kills } = scenario;
  let clock = virtualClock(START);
  const amplitude = fickleAmplitude({
    switches: { batchEventsPerSecond: eventsPerSecond, httpEventsPerSecond: eventsPerSecond, refusedEventsCount },
    silenced: silencesOne ? [SILENCED_DEVICE] : [],
    clock: () => clock,
    random,
    fired,
  });
  try {
    const outOfOrder = new Set<string>();
    for (let number = 0; number < MAX_LIVES; number += 1) {
      const kill = kills[number];
      const isCalm = number > kills.length + FAILING_LIVES;
      clock = virtualClock(clock.now() + (PAUSES[number % PAUSES.length] ?? 0));
      amplitude.setFaults(isCalm ? 0 : answerFaults);
      const plan = { failures: isCalm ? 0 : scenario.portFailures, killAfterEffect: kill?.afterEffect ?? false };
      const life = startLife(kill ? { ...plan, killAt: kill.at } : plan, random, fired);
      const state = openState(join(directory, 'state'));
      const { watch, wrong } = watchBooks(dumps, state);
      const between: Between = (name, port) =>
        life.between(name, watch(name, duplicating(name, noticing(name, port, fired), scenario, random, fired)));
      const open = (through: Between) =>
        openOn({ state, scenario, number, between: through, amplitude, clock, random, fired });
      const killed = life.over.then(() => 'killed' as const);
      const end = await Promise.race([live(open(between), dumps), killed, wrong]);
      count(fired, `life ${end}`);
      const isSettled =
        end === 'finished' &&
        (await replayDead(
          open((_, port) => port),
          clock,
          outOfOrder,
        )) === 0;
      if (isSettled) await check({ engine: open((_, port) => port), dumps, made, amplitude, outOfOrder });
      state.close();
      if (isSettled) return;
    }
    throw new Error(`not settled after ${MAX_LIVES} lives`);
  } finally {
    amplitude.close();
  }
}

type Opening = {
  readonly state: State;
  readonly scenario: Scenario;
  readonly number: number;
  readonly between: Between;
  readonly amplitude: ReturnType<typeof fickleAmplitude>;
  readonly clock: VirtualClock;
  readonly random: () => number;
  readonly fired: Fired;
};

function openOn({ state, scenario, number, between, amplitude, clock, random, fired }: Opening): Engine {
  return openEngine({
    state,
    importer: configure(scenario),
    fingerprint: scenario.changesConfig && number > 0 ? 'second' : 'first',
    amplitude: { upload: amplitude.upload },
    apiKey: async ({ secret }) => secret,
    transforms: PORTS,
    chunkers: scenario.chunkers,
    log: (_level, message) => count(fired, message),
    clock,
    random,
    workers: clock.setSleepers,
    between,
  });
}

function configure(scenario: Scenario): Importer {
  const { segmentRecords, partBytes, eventsPerChunk, lanes, uploaders, api, lane } = scenario;
  return defineImporter({
    segmentRecords,
    partBytes,
    lanes,
    uploaders,
    maxTries: 30,
    sources: [{ name: 'chaos', ...routeOf(scenario), format: 'ndjson', api, lane, caps: { eventsPerChunk } }],
  });
}

/** Asks for the import as a person does who types the same command again, and works until nothing is left or something fails. */
async function live(engine: Engine, dumps: readonly Dump[]): Promise<'finished' | 'failed'> {
  try {
    for (const dump of dumps) {
      await engine.queues.intake.send([{ id: 'again', body: importMessage({ dump, source: 'chaos' }) }]);
    }
    await engine.run();
    return 'finished';
  } catch (error) {
    if (String(error).includes('injected')) return 'failed';
    throw error;
  }
}

/** How many messages were dead. What is replayed comes later than what stood behind it. */
async function replayDead(engine: Engine, clock: VirtualClock, outOfOrder: Set<string>): Promise<number> {
  let messages = 0;
  for (const name of ['intake', 'upload', 'parked'] as const) {
    const queue = noting(engine.queues[name], outOfOrder);
    const ports = { queue, deadLetters: engine.deadLetters[name], ledger: engine.ledger, now: clock.now };
    messages += (await replayMessages({ limit: Number.POSITIVE_INFINITY, dryRun: false }, ports)).messages;
  }
  return messages;
}

function noting(queue: Queue, outOfOrder: Set<string>): Pick<Queue, 'send'> {
  return {
    async send(messages) {
      for (const { body } of messages) outOfOrder.add(body);
      return queue.send(messages);
    },
  };
}

/** Counts the chunks of lanes of their own, and those that wait for another lane. */
function noticing<Port extends object>(name: string, port: Port, fired: Fired): Port {
  if (name !== 'upload' || !('send' in port)) return port;
  const queue = port as unknown as Queue;
  return {
    ...port,
    async send(messages: readonly OutgoingMessage[]) {
      for (const { body } of messages) {
        const { lane, after, afterOwn } = decodeChunkHeader(body);
        if (isOwnLane(lane)) count(fired, 'chunk in a lane of its own');
        if (after) count(fired, 'chunk after one of another lane');
        if (afterOwn) count(fired, 'chunk after lanes of their own in an earlier part');
      }
      await queue.send(messages);
    },
  };
}

/** Every now and then a message is sent twice, under another id, or handed out again while its receiver is still at it. */
function duplicating<Port extends object>(
  name: string,
  port: Port,
  { duplicates }: Scenario,
  random: () => number,
  fired: Fired,
): Port {
  if (!('send' in port)) return port;
  const queue = port as unknown as Queue;
  return {
    ...port,
    async receive(options: Parameters<Queue['receive']>[0]) {
      const messages = await queue.receive(options);
      for (const { receipt } of messages) {
        if (random() >= duplicates) continue;
        count(fired, `visibility ran out on ${name}`);
        await queue.hide(receipt, 0);
      }
      return messages;
    },
    async send(messages: readonly OutgoingMessage[]) {
      await queue.send(messages);
      if (random() >= duplicates) return;
      count(fired, `sent to ${name} twice`);
      await queue.send(messages.map((message) => ({ ...message, id: `${message.id}-${random()}`.slice(0, 128) })));
    },
  };
}

/** Looks at the books after every call of the ledger; the engine would take what is wrong for a failure and try again. */
function watchBooks(dumps: readonly Dump[], { db }: State) {
  const ledger = embeddedLedger(db);
  let accuse: (error: unknown) => void = () => undefined;
  const wrong = new Promise<never>((_, reject) => {
    accuse = reject;
  });
  wrong.catch(() => undefined); // raced against below; it must not count as unhandled when nobody waits any more
  const watch = <Port extends object>(name: string, port: Port): Port => {
    if (name !== 'ledger') return port;
    return new Proxy(port, {
      get(target, method) {
        const original = Reflect.get(target, method) as (...args: unknown[]) => Promise<unknown>;
        return async (...args: unknown[]) => {
          const result = await original(...args);
          for (const dump of dumps) {
            const entry = await ledger.entry(dumpId(dump));
            try {
              if (entry) expectClosed(sumBooks(await ledger.segments(entry)));
            } catch (error) {
              accuse(error);
            }
          }
          return result;
        };
      },
    });
  };
  return { watch, wrong };
}

type Settled = {
  readonly engine: Engine;
  readonly dumps: readonly Dump[];
  readonly made: MadeDumps;
  readonly amplitude: ReturnType<typeof fickleAmplitude>;
  readonly outOfOrder: ReadonlySet<string>;
};

async function check({ engine, dumps, made, amplitude, outOfOrder }: Settled): Promise<void> {
  const stored = amplitude.stored().map(({ insertId, apiKey }) => ({ id: insertId ?? '', project: apiKey }));
  assert.deepEqual(
    stored.map(({ id, project }) => `${id} in ${project}`).toSorted(),
    [...made.valid].map(([id, { project }]) => `${id} in ${project}`).toSorted(),
    'what is stored is what is valid, once, and in its project',
  );
  let delivered = 0;
  for (const dump of dumps) {
    const entry = await engine.ledger.entry(dumpId(dump));
    assert.equal(entry?.state, 'closed');
    const books = sumBooks(await engine.ledger.segments(entry));
    expectClosed(books);
    assert.deepEqual({ ...pick(books), delivered: 0 }, { delivered: 0, parked: 0, dead: 0, inFlight: 0 });
    const receipt = await engine.results.get(receiptKey(entry));
    assert.deepEqual(
      pick(JSON.parse(String(receipt)) as Receipt),
      pick(books),
      'the receipt says what the ledger says',
    );
    delivered += books.delivered;
  }
  assert.equal(delivered, made.valid.size);
  if (outOfOrder.size > 0) return;
  const keyed = stored.map(({ id, project }) => ({ id, device: `${made.valid.get(id)?.keyed} in ${project}` }));
  expectOrder(keyed, amplitude.disturbed);
}

function pick({ delivered, parked, dead, inFlight }: Pick<Books, 'delivered' | 'parked' | 'dead' | 'inFlight'>) {
  return { delivered, parked, dead, inFlight };
}

/** Events that were never throttled keep their device's order. */
export function expectOrder(
  stored: readonly { readonly id: string; readonly device: string }[],
  disturbed: ReadonlySet<string>,
): void {
  const last = new Map<string, number>();
  for (const { id, device } of stored) {
    if (disturbed.has(id)) continue;
    const number = Number(id.slice('event-'.length));
    assert.ok(number > (last.get(device) ?? -1), `${device}: ${id} came after event-${last.get(device)}`);
    last.set(device, number);
  }
}
