/** The embedded engine: the queues, the ledger and the two stages of the AWS engine in one process, on one state directory. */
import { join } from 'node:path';
import { isForPart } from '../lambdas/chunker/notification.ts';
import { INTAKE_MAX_RECEIVES } from '../lambdas/chunker/intake-back-off.ts';
import { takeIntake } from '../lambdas/chunker/take-intake.ts';
import { openTransforms, type TransformPorts } from '../lambdas/chunker/transform.ts';
import { PARKED_MAX_TRIES, queueMaxReceives } from '../lambdas/uploader/back-off.ts';
import type { UploadChunkPorts } from '../lambdas/uploader/upload-chunk.ts';
import { takeLane } from '../lambdas/uploader/take-lane.ts';
import type { Importer, Project } from '../shared/config.ts';
import { fileDumps, fileResults } from '../shared/embedded/files.ts';
import { embeddedLedger } from '../shared/embedded/ledger.ts';
import { type Clock, type EmbeddedQueue, embeddedQueue, systemClock } from '../shared/embedded/queue.ts';
import type { State } from '../shared/embedded/state.ts';
import type { Log } from '../shared/log.ts';
import type { Measure } from '../shared/metrics.ts';
import type { ReceivedMessage } from '../shared/queue.ts';
import type { Receipt } from '../shared/receipt.ts';
import { stoppable } from './clock.ts';
import { type Take, workOff } from './worker.ts';

export type EngineOptions = {
  readonly state: State;
  readonly importer: Importer;
  /** Of code and config. */
  readonly fingerprint: string;
  readonly amplitude: UploadChunkPorts['amplitude'];
  apiKey(project: Project): Promise<string>;
  /** What the steps of enrichment need from outside. */
  readonly transforms: Omit<TransformPorts, 'log'>;
  readonly log: Log;
  /** Told what each unit of work adds to the metrics; by default nobody is. */
  readonly measure?: Measure;
  /** Called with each receipt as its dump's books close. */
  announce?(receipt: Receipt): void;
  /** Records and bytes read of the dump that is being chunked. */
  progress?(read: number, bytes: number): void;
  /**
   * Dumps, or parts of one, that are read at a time. On one thread more of them gain nothing.
   * @default 1
   */
  readonly chunkers?: number;
  readonly clock?: Clock;
  random?(): number;
  /** Told how many workers are at it, whenever that changes: a virtual clock passes when all of them sleep. */
  workers?(count: number): void;
  /** Stands between the stages and each port they use: for the chaos suite, which makes them fail. */
  between?: Between;
};

/** Gets a port and its name, gives back what the stages are to use in its place. */
export type Between = <Port extends object>(name: string, port: Port) => Port;

export type Engine = ReturnType<typeof openEngine>;

/** A dump that keeps failing (a file that cannot be read) is given up after so many tries. */
const INTAKE_MAX_TRIES = 5;
/** All that is on the queue is seen before the first of it has its turn, and a look costs next to nothing. */
const LINE = { graceMs: 1, pollMs: 20 };
/** One process holds the state's lock, so whoever claims is the only one there is: it may take over its own lease. */
const OWNER = 'embedded';
/** So long an uploader waits with its lane: then fewer of them can send to a device at once, and each lane may rest less. */
const MAX_HOLD_MS = 2_000;
/** Nothing stops this process but its user. */
const MS_LEFT = 24 * 3_600_000;

export function openEngine(options: EngineOptions) {
  const {
    state,
    importer,
    log,
    clock = systemClock,
    random = Math.random,
    chunkers = 1,
    between = (_, port) => port,
  } = options;
  const running = stoppable(clock);
  const open = (name: string, kind: Parameters<typeof embeddedQueue>[2]) =>
    between(name, embeddedQueue(state.db, name, { ...kind, clock: running.clock }));
  const source = (name: string, fifo: boolean, maxReceives: number) =>
    open(name, { fifo, deadLetters: { queue: `${name}-dlq`, maxReceives } });
  const queues = {
    intake: source('intake', false, INTAKE_MAX_RECEIVES + 1),
    // The uploader gives up by itself, and books it, before the queue would; the queue's own limit is for crashes.
    upload: source('upload', true, queueMaxReceives(importer.maxTries)),
    parked: source('parked', false, queueMaxReceives(PARKED_MAX_TRIES)),
  };
  // Lane → receipt of a message whose chunk is settled, and which is only there for its lane to rest.
  const resting = new Map<string | undefined, string>();
  const isIdle = () => {
    const isWaiting = [queues.intake, queues.parked].some((queue) => queue.nextVisibleAt() !== undefined);
    if (isWaiting) return false;
    return queues.upload.count() === [...resting.values()].filter((receipt) => queues.upload.holds(receipt)).length;
  };
  // What the queue itself gave up was perhaps the last message, and no worker sees it.
  let isAtWork = false;
  const onChange = () => isAtWork && isIdle() && running.stop();
  const deadLetters = {
    intake: open('intake-dlq', { fifo: false, onChange }),
    upload: open('upload-dlq', { fifo: true, onChange }),
    parked: open('parked-dlq', { fifo: false, onChange }),
  };
  // Messages of dumps that wait for the next day: they keep no process waiting, and the next one looks at them again.
  const held = open('held', { fifo: false });
  const heldSources = new Set<string>();
  const ledger = between('ledger', embeddedLedger(state.db, clock.now));
  const results = between('results', fileResults(join(state.directory, 'results')));
  const { apiKey, fingerprint } = options;
  const amplitude = between('amplitude', options.amplitude);
  const common = {
    importer,
    ledger,
    results,
    log,
    measure: options.measure ?? (() => undefined),
    now: clock.now,
    announce: async (receipt: Receipt) => options.announce?.(receipt),
  };
  const chunker = {
    ...common,
    fingerprint,
    owner: OWNER,
    dumps: between('dumps', fileDumps()),
    uploads: queues.upload,
    intake: queues.intake,
    line: LINE,
    deadLetters: deadLetters.intake,
    maxTries: INTAKE_MAX_TRIES,
    held: {
      async hold(name: string, body: string) {
        heldSources.add(name);
        await held.send([{ id: name, body }]);
      },
      holds: (name: string) => heldSources.has(name),
    },
    readers: chunkers,
    transformOf: openTransforms({ ...options.transforms, log }),
    references: options.transforms.references,
    msLeft: () => MS_LEFT,
    progress: (read: number, bytes: number) => options.progress?.(read, bytes),
  };
  const hold = { maxMs: MAX_HOLD_MS, sleep: (ms: number) => running.clock.sleep(ms).catch(ignoreStop) };
  const uploader = { ...common, amplitude, apiKey, random, parked: queues.parked, hold };

  function ignoreStop(error: unknown): void {
    if (!running.isStopped()) throw error;
  }

  /** A dump that was asked for once more is on the intake queue already. */
  async function lookAtHeld(): Promise<void> {
    heldSources.clear();
    const bodies = new Set((await queues.intake.peek(queues.intake.count())).map(({ body }) => body));
    for (const { body, receipt } of await held.peek(held.count())) {
      if (!bodies.has(body)) await queues.intake.send([{ id: receipt, body }]);
      bodies.add(body);
      await held.remove(receipt);
    }
  }

  async function run(): Promise<void> {
    const work = (queue: EmbeddedQueue, take: Take) => workOff(queue, take, { isIdle, running });
    const upload = (from: 'upload' | 'parked', maxTries: number) => async (messages: readonly ReceivedMessage[]) => {
      const lane = messages[0]?.group;
      const received = messages.map(({ body, receives, sentAt, group }) => {
        return { body, received: { receives, maxTries, sentAt, ...(group !== undefined && { group }) } };
      });
      resting.delete(lane);
      const taken = await takeLane(received, { ...uploader, deadLetters: deadLetters[from] });
      return messages.map(({ receipt }, i) => {
        const its = taken[i];
        if (its?.kind !== 'again') return undefined;
        if (its.isSettled) resting.set(lane, receipt);
        return its.afterMs;
      });
    };
    // As one owner reads them, dumps are read one after the other; parts are made ready by whoever is free.
    let last: Promise<unknown> = Promise.resolve();
    const intake = ([message]: readonly ReceivedMessage[]): Promise<number | undefined> => {
      if (!message) return Promise.resolve(undefined);
      const take = () => takeIntake(message.body, message.receives, chunker);
      if (isForPart(message.body)) return take();
      const taken = last.then(take);
      last = taken.catch(() => undefined);
      return taken;
    };
    await lookAtHeld();
    if (isIdle()) return;
    isAtWork = true;
    const workers = [
      ...times(chunkers, () => work(queues.intake, async (messages) => [await intake(messages)])),
      ...times(importer.uploaders, () => work(queues.upload, upload('upload', importer.maxTries))),
      ...times(2, () => work(queues.parked, upload('parked', PARKED_MAX_TRIES))),
    ];
    let count = workers.length;
    options.workers?.(count);
    const left = () => options.workers?.((count -= 1));
    const ended = await Promise.allSettled(workers.map((worker) => worker.finally(left)));
    for (const receipt of resting.values()) await queues.upload.remove(receipt);
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
  }

  return {
    queues,
    deadLetters,
    /** Whether dumps wait for the next day's budget. */
    isBraked: () => heldSources.size > 0,
    ledger,
    results,
    transformOf: chunker.transformOf,
    /** Works until nothing is left on any queue but dead letters, or until `stop`. A step that has begun is finished. */
    run,
    stop: running.stop,
  };
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
