/** `replay`: puts dead payloads back on their queues, or runs rejects again, on this machine or in a deployed stack. */
import { toReceipt } from '../shared/receipt.ts';
import { exitCodeOf, openRun, RUN_HELP, RUN_OPTIONS, type RunOptions } from './embedded-run.ts';
import { startInterrupt } from './interrupt.ts';
import { formatReceipt } from './print-receipt.ts';
import { REJECTS_HELP, refuseOthers, replayRejectsHere, replayRejectsStack } from './replay-rejects-command.ts';
import { FILTER_HELP, FILTER_OPTIONS, readFilter } from './replay-filter.ts';
import { chooseQueues, type Output, type ReplayRequest, replayQueues } from './replay-queues.ts';
import { type Command, EXIT, readArgs, readNumber, UsageError } from './usage.ts';

const HELP = `s3-to-amplitude replay: puts dead payloads back on their queues, or runs the rejects of a dump again

Usage
  s3-to-amplitude replay [which] [--dry-run] [--rate <n>] [--limit <n>] [--force] [--stack <name> | embedded options]
  s3-to-amplitude replay --rejects <dump> [--reason <text>] [--limit <n>] [--dry-run] [--stack <name> | embedded options]

A payload leaves the dead letters only when it is back on its queue; stopped in the middle, run it again. What was
delivered meanwhile is not sent again: the ledger knows it. What dies again meanwhile waits for the next replay. On this
machine the payloads are delivered when all are back, and the receipts of their dumps are printed.

Which (all that is given must be so; default: everything)
  --queue <name>    upload, parked or intake (default: all three)
${FILTER_HELP}

What does not match stays where it is. On this machine every dead message is looked at. In a deployed stack SQS shows the
upload queue's dead letters only lane by lane: behind one that does not match (or, with --dry-run, behind any), the rest
of its lane is reached only as far as SQS hands it out together, up to 10 messages; how many were not looked at is said.
While it goes on, SQS hides what it has looked at; after a kill, for up to 15 minutes.

${REJECTS_HELP}

Options
  --dry-run         say what is there and why, with a sample; move nothing
  --rate <n>        move at most so many messages a second
  --limit <n>       move at most so many messages of each queue
  --force           also what is of a dump begun more than 7 days ago: Amplitude recognises what it has had for 7 days,
                    and what it has had of such a payload would be stored twice; without it nothing is moved then
  --stack <name>    replay in a deployed stack, with your AWS credentials, instead of on this machine
${RUN_HELP};
                    the line for each queue (messages, events, late, unmatched, unseen, reasons, dumps) goes to
                    standard error, or to standard output where no receipts follow (--dry-run, --stack)

Examples
  s3-to-amplitude replay --dry-run
  AMPLITUDE_API_KEY=… s3-to-amplitude replay --live
  s3-to-amplitude replay --stack S3ToAmplitude --queue upload --reason 'Invalid API key' --rate 20
  s3-to-amplitude replay --dump 2026-11-20 --younger-than 36h
  s3-to-amplitude replay --rejects dumps/2026-11-20.ndjson.gz --dry-run`;

const OPTIONS = {
  ...RUN_OPTIONS,
  ...FILTER_OPTIONS,
  rejects: { type: 'string' },
  queue: { type: 'string' },
  'dry-run': { type: 'boolean' },
  rate: { type: 'string' },
  limit: { type: 'string' },
  force: { type: 'boolean' },
  stack: { type: 'string' },
} as const;

export const replayCommand: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = readArgs('replay', args, OPTIONS);
    if (positionals.length > 0)
      throw new UsageError(`replay takes no ${positionals[0]}; see s3-to-amplitude replay --help`);
    const limit = readNumber('limit', values.limit, 1, 1_000_000_000) ?? Number.POSITIVE_INFINITY;
    const { 'dry-run': dryRun = false, force = false, json = false, rejects, stack } = values;
    if (rejects !== undefined) {
      refuseOthers(values);
      const { reason } = readFilter(values);
      const request = { dump: rejects, reason, limit, dryRun, force, json };
      return stack === undefined
        ? replayRejectsHere(values, request, OUTPUT)
        : replayRejectsStack(stack, values, request, OUTPUT);
    }
    const request = {
      queues: chooseQueues(values.queue),
      filter: readFilter(values),
      rate: readNumber('rate', values.rate, 1, 1_000_000),
      dryRun,
      limit,
      force,
      json,
    };
    return stack === undefined ? replayHere(values, request) : replayStack(stack, request);
  },
};

const OUTPUT: Output = { out: (line) => console.log(line), err: (line) => console.error(line) };

async function replayStack(stack: string, request: ReplayRequest): Promise<number> {
  // Only here: loading AWS's SDK costs every other command a quarter of a second.
  const { openStack } = await import('./deployed-stack.ts');
  const engine = await openStack(stack);
  const interrupt = startInterrupt();
  const { late } = await replayQueues(engine, { ...request, signal: interrupt.signal }, OUTPUT).finally(interrupt.end);
  if (interrupt.signal.aborted) return EXIT.interrupted;
  return late > 0 ? EXIT.leftovers : EXIT.fine;
}

async function replayHere(options: RunOptions, request: ReplayRequest): Promise<number> {
  const run = await openRun(options);
  try {
    const interrupt = startInterrupt();
    // Standard output is for the receipts, if there are any to come.
    const output = request.dryRun ? OUTPUT : { ...OUTPUT, out: OUTPUT.err };
    const { dumpIds } = await replayQueues(run.engine, { ...request, signal: interrupt.signal }, output).finally(
      interrupt.end,
    );
    if (interrupt.signal.aborted) return EXIT.interrupted;
    if (request.dryRun) return EXIT.fine;
    const interrupted = await run.work([...dumpIds]);
    const receipts = [];
    for (const id of new Set([...dumpIds, ...run.closed.map((receipt) => receipt.dumpId)])) {
      const entry = await run.engine.ledger.entry(id);
      if (entry) receipts.push(toReceipt(entry, await run.engine.ledger.segments(entry), run.engine.results.url));
    }
    for (const receipt of receipts) console.log(request.json ? JSON.stringify(receipt) : formatReceipt(receipt));
    return exitCodeOf(receipts, interrupted);
  } finally {
    await run.close();
  }
}
