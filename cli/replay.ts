/** `replay`: puts dead payloads back on their queues, on this machine or in a deployed stack. */
import { toReceipt } from '../shared/receipt.ts';
import { exitCodeOf, openRun, RUN_HELP, RUN_OPTIONS } from './embedded-run.ts';
import { openStack } from './deployed-stack.ts';
import { formatReceipt } from './print-receipt.ts';
import { type Replayed, type ReplayOptions, type ReplayPorts, replayMessages } from './replay-messages.ts';
import { type Command, EXIT, readArgs, readNumber, UsageError } from './usage.ts';

const QUEUES = ['upload', 'parked', 'intake'] as const;
type QueueName = (typeof QUEUES)[number];

const HELP = `s3-to-amplitude replay: puts dead payloads back on their queues

Usage
  s3-to-amplitude replay [--queue <name>] [--dry-run] [--limit <n>] [--stack <name> | embedded options]

A payload leaves the dead letters only when it is back on its queue; stopped in the middle, run it again. On this
machine the payloads are then delivered, and the receipts of their dumps are printed.

Options
  --queue <name>    upload, parked or intake (default: all three)
  --dry-run         say what is there and why; move nothing
  --limit <n>       move at most so many messages of each queue
  --stack <name>    replay in a deployed stack, with your AWS credentials, instead of on this machine
${RUN_HELP}

Examples
  s3-to-amplitude replay --dry-run
  AMPLITUDE_API_KEY=… s3-to-amplitude replay --live
  s3-to-amplitude replay --stack S3ToAmplitude --queue upload --limit 100`;

const OPTIONS = {
  ...RUN_OPTIONS,
  queue: { type: 'string' },
  'dry-run': { type: 'boolean' },
  limit: { type: 'string' },
  stack: { type: 'string' },
} as const;

export const replayCommand: Command = {
  summary: 'put dead payloads back on their queues',
  help: HELP,
  async run(args) {
    const { values, positionals } = readArgs('replay', args, OPTIONS);
    if (positionals.length > 0)
      throw new UsageError(`replay takes no ${positionals[0]}; see s3-to-amplitude replay --help`);
    const queues = chooseQueues(values.queue);
    const limit = readNumber('limit', values.limit, 1, 1_000_000_000) ?? Number.POSITIVE_INFINITY;
    const options = { limit, dryRun: values['dry-run'] === true };
    if (values.stack !== undefined) return replayStack(values.stack, queues, options);
    return replayHere(values, queues, options);
  },
};

async function replayStack(stack: string, queues: readonly QueueName[], options: ReplayOptions): Promise<number> {
  const engine = await openStack(stack);
  for (const name of queues) report(name, await replayQueue(engine, name, options), options, console.log);
  return EXIT.fine;
}

async function replayHere(
  values: Parameters<typeof openRun>[0] & { readonly json?: boolean | undefined },
  queues: readonly QueueName[],
  options: ReplayOptions,
): Promise<number> {
  const run = await openRun(values);
  const say = values.json ? console.error : console.log;
  try {
    const dumpIds = new Set<string>();
    for (const name of queues) {
      const replayed = await replayQueue(run.engine, name, options);
      report(name, replayed, options, say);
      for (const id of replayed.dumpIds) dumpIds.add(id);
    }
    if (options.dryRun) return EXIT.fine;
    const interrupted = await run.work([...dumpIds]);
    const receipts = [];
    for (const id of new Set([...dumpIds, ...run.closed.map((receipt) => receipt.dumpId)])) {
      const entry = await run.engine.ledger.entry(id);
      if (entry) receipts.push(toReceipt(entry, await run.engine.ledger.segments(entry), run.engine.results.url));
    }
    for (const receipt of receipts) console.log(values.json ? JSON.stringify(receipt) : formatReceipt(receipt));
    return exitCodeOf(receipts, interrupted);
  } finally {
    await run.close();
  }
}

/** Either engine. */
type ReplayEngine = {
  readonly queues: Readonly<Record<QueueName, ReplayPorts['queue']>>;
  readonly deadLetters: Readonly<Record<QueueName, ReplayPorts['deadLetters']>>;
  readonly ledger: ReplayPorts['ledger'];
};

function replayQueue(
  { queues, deadLetters, ledger }: ReplayEngine,
  name: QueueName,
  options: ReplayOptions,
): Promise<Replayed> {
  return replayMessages(options, { queue: queues[name], deadLetters: deadLetters[name], ledger, now: Date.now });
}

function report(name: QueueName, replayed: Replayed, { dryRun }: ReplayOptions, say: (line: string) => void): void {
  const { messages, events, reasons } = replayed;
  say(
    `${name}: ${messages} messages with ${events} events ${dryRun ? 'are dead (the first of each lane)' : 'are back on their queue'}`,
  );
  for (const [reason, count] of Object.entries(reasons)) say(`  ${count}  ${reason}`);
}

function chooseQueues(name: string | undefined): readonly QueueName[] {
  if (name === undefined) return QUEUES;
  const chosen = QUEUES.find((queue) => queue === name);
  if (chosen) return [chosen];
  throw new UsageError(`--queue: found "${name}", expected one of ${QUEUES.join(', ')}`);
}
