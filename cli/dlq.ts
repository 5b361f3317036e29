/** `dlq`: what is dead and why, and the replay that takes it; nothing is moved or deleted. */
import { lookAtDead } from './dead-letters.ts';
import { type DeadGroup, startDeadTally } from './dlq-tally.ts';
import { shellWord } from './dump-status.ts';
import { count, duration, n } from './figure.ts';
import { startInterrupt } from './interrupt.ts';
import { LOOK_HELP, LOOK_OPTIONS, type LookEngine, openToLook } from './look-engine.ts';
import { showLine } from './progress.ts';
import { FILTER_HELP, FILTER_OPTIONS, isWanted, readFilter, type ReplayFilter } from './replay-filter.ts';
import { chooseQueues, type QueueName } from './replay-queues.ts';
import { harmless } from './text-width.ts';
import { type Command, EXIT, readArgs, UsageError } from './usage.ts';

const HELP = `s3-to-amplitude dlq: says what is dead and why; nothing is moved or deleted

Usage
  s3-to-amplitude dlq [which] [options]

What is dead is grouped by queue, dump and reason (with Amplitude's HTTP status, where it was an answer), each group with
the command that puts it back when the cause is mended.

Which (all that is given must be so; default: everything)
  --queue <name>    upload, parked or intake (default: all three)
${FILTER_HELP}

In a deployed stack SQS shows the upload queue's dead letters only lane by lane, up to 10 messages of each; how many were
not looked at is said. What was looked at is hidden from others meanwhile, and visible again at the end (after a kill,
within 15 minutes).

Options
  --json            a line for each group on standard output, then one for each queue that was not seen whole
${LOOK_HELP}

Exit codes
  0  nothing is dead
  1  something is
  2  the command is wrong, or the stack cannot be reached
  3  something unforeseen

Examples
  s3-to-amplitude dlq
  s3-to-amplitude dlq --stack S3ToAmplitude --reason 'Invalid API key'
  s3-to-amplitude dlq --dump 2026-11-20 --json | jq -s 'map(.events) | add'`;

const OPTIONS = { ...LOOK_OPTIONS, ...FILTER_OPTIONS, queue: { type: 'string' }, json: { type: 'boolean' } } as const;

export const dlqCommand: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = readArgs('dlq', args, OPTIONS);
    if (positionals.length > 0) throw new UsageError(`dlq takes no ${positionals[0]}; see s3-to-amplitude dlq --help`);
    const request = { queues: chooseQueues(values.queue), filter: readFilter(values), json: values.json === true };
    const engine = await openToLook(values);
    try {
      return await showDead(engine, request, (line) => console.log(line));
    } finally {
      engine.close();
    }
  },
};

export type DlqRequest = {
  readonly queues: readonly QueueName[];
  readonly filter: ReplayFilter;
  readonly json: boolean;
};

type DlqEngine = Pick<LookEngine, 'deadLetters' | 'options' | 'isAtWork'>;

/** Resolves to the exit code. */
export async function showDead(
  engine: DlqEngine,
  { queues, filter, json }: DlqRequest,
  print: (line: string) => void,
  now: () => number = Date.now,
): Promise<number> {
  const interrupt = startInterrupt();
  let seen = 0;
  let dead = 0;
  try {
    for (const queue of queues) {
      const progress = showLine(() => `${queue}: ${n(seen)} dead messages looked at`);
      const tally = startDeadTally(queue);
      const visit = async (message: Parameters<typeof tally.add>[0]) => {
        seen += 1;
        if (await isWanted(message, filter, now())) tally.add(message);
      };
      const options = { now, signal: interrupt.signal };
      const { unseen } = await lookAtDead(engine.deadLetters[queue], visit, options).finally(progress.end);
      const groups = tally.result();
      dead += groups.length + unseen;
      const lines = json ? jsonLines(queue, groups, unseen, engine) : formatDead(queue, groups, unseen, engine, now());
      for (const line of lines) print(line);
      if (interrupt.signal.aborted) return EXIT.interrupted;
    }
  } finally {
    interrupt.end();
  }
  if (dead === 0 && !json)
    print(Object.values(filter).some((of) => of !== undefined) ? 'nothing like that is dead' : 'nothing is dead');
  return dead > 0 ? EXIT.leftovers : EXIT.fine;
}

/** Lines without line ends; none when there is nothing. */
export function formatDead(
  queue: QueueName,
  groups: readonly DeadGroup[],
  unseen: number,
  engine: DlqEngine,
  now: number,
): readonly string[] {
  if (groups.length === 0 && unseen === 0) return [];
  const lines: string[] = [];
  const total = groups.reduce((sum, { events }) => sum + events, 0);
  const messages = groups.reduce((sum, group) => sum + group.messages, 0);
  lines.push(`${queue}: ${count(messages, 'dead message')}${total > 0 ? ` with ${count(total, 'event')}` : ''}`);
  let last: string | undefined;
  for (const group of groups) {
    const { dump, reason, events, first, last: latest } = group;
    const title = dump ? `${harmless(dump.url)} (${dump.id})` : 'messages that name no dump';
    if (title !== last) lines.push(`  ${title}`);
    last = title;
    const age = [...new Set([latest, first].map((at) => duration(Math.max(0, Math.floor((now - at) / 1_000)))))].join(
      ' to ',
    );
    const what = `${count(group.messages, 'message')}${events > 0 ? `, ${count(events, 'event')}` : ''}`;
    lines.push(`    ${what}, dead for ${age}: ${harmless(reason)}`, `      ${replayOf(group, engine)}`);
  }
  if (unseen > 0)
    lines.push(
      `  about ${n(unseen)} more could not be looked at: behind others of their lane, or held by somebody else`,
    );
  return lines;
}

/** A group each, and what was not seen. */
function jsonLines(
  queue: QueueName,
  groups: readonly DeadGroup[],
  unseen: number,
  engine: DlqEngine,
): readonly string[] {
  const lines = groups.map((group) => {
    const { dump, first, last, status, ...counts } = group;
    const dates = { deadSince: new Date(first).toISOString(), lastDeadAt: new Date(last).toISOString() };
    const named = { dump: dump?.url ?? null, dumpId: dump?.id ?? null };
    return JSON.stringify({ ...named, ...counts, status: status ?? null, ...dates, replay: replayOf(group, engine) });
  });
  return unseen > 0 ? [...lines, JSON.stringify({ queue, unseen })] : lines;
}

/** On one machine the events go where this command says, and nobody but its user knows where that is. */
function replayOf({ queue, dump, reason }: DeadGroup, { options, isAtWork }: DlqEngine): string {
  const which = [`--queue ${queue}`, ...(dump ? [`--dump ${dump.id}`] : [])];
  // What a terminal cannot show cannot be copied from it.
  if (harmless(reason) === reason) which.push(`--reason ${shellWord(reason)}`);
  return `s3-to-amplitude replay ${which.join(' ')}${isAtWork ? ' [--live]' : ''}${options}`;
}
