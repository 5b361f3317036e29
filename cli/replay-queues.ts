/** Replays the dead letters of some queues of one engine, unless that could store events twice. */
import { type ReplayOptions, type ReplayPorts, replayMessages, WINDOW_MS } from './replay-messages.ts';
import { formatReplayed, replayedJson, startReplayProgress } from './replay-report.ts';
import type { Replayed } from './replay-tally.ts';
import { UsageError } from './usage.ts';

export const QUEUES = ['upload', 'parked', 'intake'] as const;
export type QueueName = (typeof QUEUES)[number];

/** All when none is named. Throws a UsageError. */
export function chooseQueues(name: string | undefined): readonly QueueName[] {
  if (name === undefined) return QUEUES;
  const chosen = QUEUES.find((queue) => queue === name);
  if (chosen) return [chosen];
  throw new UsageError(`--queue: found "${name}", expected one of ${QUEUES.join(', ')}`);
}

/** Either engine. */
export type ReplayEngine = {
  readonly queues: Readonly<Record<QueueName, ReplayPorts['queue']>>;
  readonly deadLetters: Readonly<Record<QueueName, ReplayPorts['deadLetters']>>;
  readonly ledger: ReplayPorts['ledger'];
};

export type ReplayRequest = Pick<ReplayOptions, 'limit' | 'dryRun' | 'filter' | 'rate' | 'signal'> & {
  readonly queues: readonly QueueName[];
  /** Also what Amplitude may have had before its window began. */
  readonly force: boolean;
  readonly json: boolean;
};

/** Where its output goes. */
export type Output = { readonly out: (line: string) => void; readonly err: (line: string) => void };

export type ReplayOutcome = {
  readonly dumpIds: readonly string[];
  /** Messages that were found to be too old only when others were moved. */
  readonly late: number;
};

/** Throws a UsageError before anything is moved when something is late and nobody forces it. */
export async function replayQueues(
  engine: ReplayEngine,
  request: ReplayRequest,
  output: Output,
  now: () => number = Date.now,
): Promise<ReplayOutcome> {
  const { dryRun, force, signal } = request;
  const isChecked = !dryRun && !force;
  if (isChecked) await refuseLate(engine, request, now);
  const dumpIds = new Set<string>();
  let late = 0;
  for (const queue of request.queues) {
    if (signal?.aborted) break;
    const progress = startReplayProgress(queue);
    const options: ReplayOptions = { ...request, late: isChecked ? 'stay' : 'move', progress: progress.show };
    const replayed = await replayQueue(engine, queue, options, now).finally(progress.end);
    report(queue, replayed, request, output);
    for (const id of replayed.dumpIds) dumpIds.add(id);
    late += replayed.late;
  }
  return { dumpIds: [...dumpIds], late: isChecked ? late : 0 };
}

async function refuseLate(engine: ReplayEngine, request: ReplayRequest, now: () => number): Promise<void> {
  let late = 0;
  let events = 0;
  for (const queue of request.queues) {
    const found = await replayQueue(engine, queue, { ...request, dryRun: true, late: 'move' }, now);
    late += found.late;
    events += found.lateEvents;
  }
  if (late > 0) throw new UsageError(`${lateness(late, events)}; nothing was moved: --force replays them nevertheless`);
}

function replayQueue(
  { queues, deadLetters, ledger }: ReplayEngine,
  name: QueueName,
  options: ReplayOptions,
  now: () => number,
): Promise<Replayed> {
  return replayMessages(options, { queue: queues[name], deadLetters: deadLetters[name], ledger, now });
}

function report(queue: QueueName, replayed: Replayed, request: ReplayRequest, { out, err }: Output): void {
  const { dryRun, force, json } = request;
  const reported = { queue, dryRun, replayed };
  if (json) out(replayedJson(reported));
  (json ? err : out)(formatReplayed(reported));
  if (replayed.late === 0) return;
  const fate = force ? '' : dryRun ? '; without --force nothing is moved' : '; they stay: --force replays them';
  err(`s3-to-amplitude: ${queue}: ${lateness(replayed.late, replayed.lateEvents)}${fate}`);
}

function lateness(messages: number, events: number): string {
  const days = WINDOW_MS / 86_400_000;
  return (
    `${messages} messages with ${events} events are of dumps begun more than ${days} days ago, and Amplitude would ` +
    'store once more what it had of them'
  );
}
