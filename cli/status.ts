/** `status`: which dumps are in, how far the others are, and what to do about those that are stuck. */
import { setTimeout as wait } from 'node:timers/promises';
import { styleText } from 'node:util';
import { describeError } from '../shared/log.ts';
import { type AllowedRejects, type DumpStatus, outcomeOf } from './dump-status.ts';
import { statusFinder, type Wanted } from './find-statuses.ts';
import { n } from './figure.ts';
import { readDay } from './read-day.ts';
import { loadConfigIfAny } from './load-config.ts';
import { LOOK_HELP, LOOK_OPTIONS, type LookEngine, openToLook } from './look-engine.ts';
import { showLine } from './progress.ts';
import { readDuration } from './replay-filter.ts';
import { QUEUES } from './replay-queues.ts';
import { formatDetail, statusJson } from './status-detail.ts';
import { changeLine, formatTable, type TableLook } from './status-table.ts';
import { changePrinter, redrawer, watch } from './status-watch.ts';
import { type Command, EXIT, readArgs, readNumber, UsageError } from './usage.ts';

const HELP = `s3-to-amplitude status: says which dumps are in, how far the others are, and what to do about those that are stuck

Usage
  s3-to-amplitude status [dump] [--date <day>] [options]

Without a dump: all that is not complete, however old, and what was begun in the last two days. A dump is named by its
id, its path or address, or a part of that, such as a prefix; if it is one, it is shown in full: its segments, its reasons,
where its rejects and its receipt lie. Nothing of any event is shown, and nothing is changed.

States
  announced         its message waits to be read, or it waits for its turn
  chunking, uploading, closing
                    under way; only the receipt is missing
  complete          every event is delivered, and there is a receipt
  complete with rejects
                    so it is, but for what cannot be an event: s3-to-amplitude rejects <dump>
  failed            the dump could not be read to its end
  stuck             some of it is dead, or nothing of it has moved for six hours
  stopped           no import is at work on this machine
  given up          its message could not be worked off, and is dead
  superseded        it failed, and a newer object of its name was dropped
  expected, missing no dump at all, but the file of that day (--date) that a source expects: not due yet, or due

Options
  --date <day>      dumps of this day: 2026-11-20, today or yesterday (UTC). Its day is in the dump's name (2026-11-20,
                    20261120, 2026/11/20, year=2026/month=11/day=20); without one it is the day on which it was begun
  --config <file>   with --date: whose sources expect files every day (default: importer.config.ts, if there is one)
  --since <duration>
                    without a dump or a day: what is complete and was begun in the last 90s, 45m, 36h or 3d
                    (default: 2d)
  --allow-rejects <n or share>
                    a dump with at most so many rejects (100, or 0.1% of its records) counts as complete
  --limit <n>       show at most so many dumps (default: 100); all are counted
  --watch           look again and again until Ctrl-C; piped, a line for each change
  --wait            until nothing is under way any more; waits also for a dump that is not known yet
  --timeout <duration>
                    wait for no longer than that
  --every <seconds> how often to look (default: 2, in a stack 10)
  --json            a line for each dump on standard output
${LOOK_HELP}

Exit codes
  0  all that was asked for is complete
  1  something needs a hand: rejects, dead payloads, a dump that failed or is stuck; or nothing of that name is known
  2  the command is wrong, or the stack cannot be reached
  3  something unforeseen
  4  it is still under way

Examples
  s3-to-amplitude status
  s3-to-amplitude status 2026-11-20.ndjson.gz --stack S3ToAmplitude
  s3-to-amplitude status incoming/clicks/ --watch
  s3-to-amplitude status --date yesterday --wait --timeout 6h --allow-rejects 0.1% --stack S3ToAmplitude && dbt run`;

const OPTIONS = {
  ...LOOK_OPTIONS,
  date: { type: 'string' },
  config: { type: 'string' },
  since: { type: 'string' },
  'allow-rejects': { type: 'string' },
  limit: { type: 'string' },
  watch: { type: 'boolean' },
  wait: { type: 'boolean' },
  timeout: { type: 'string' },
  every: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const DAY_MS = 86_400_000;

export const statusCommand: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = readArgs('status', args, OPTIONS);
    if (positionals.length > 1) throw new UsageError(`status takes one dump or prefix; found ${positionals.length}`);
    if (values.timeout !== undefined && !values.wait && !values.watch) {
      throw new UsageError('--timeout: expected together with --wait or --watch');
    }
    const every = readNumber('every', values.every, 1, 86_400);
    const request: StatusRequest = {
      name: positionals[0],
      day: values.date === undefined ? undefined : readDay(values.date, Date.now()),
      importer: values.date === undefined ? undefined : await loadConfigIfAny(values),
      sinceMs: readDuration('since', values.since) ?? 2 * DAY_MS,
      allowed: readAllowed(values['allow-rejects']),
      limit: readNumber('limit', values.limit, 1, 1_000_000) ?? 100,
      isWatching: values.watch === true,
      isWaiting: values.wait === true,
      timeoutMs: readDuration('timeout', values.timeout),
      everyMs: every === undefined ? (values.stack === undefined ? 2_000 : 10_000) : every * 1_000,
      json: values.json === true,
    };
    const engine = await openToLook(values);
    try {
      return await showStatus(engine, request, process.stdout);
    } finally {
      engine.close();
    }
  },
};

export type StatusRequest = Wanted & {
  readonly allowed: AllowedRejects;
  readonly limit: number;
  readonly isWatching: boolean;
  readonly isWaiting: boolean;
  readonly timeoutMs?: number | undefined;
  readonly everyMs: number;
  readonly json: boolean;
};

/** A terminal, or what stands in its place. */
type Screen = Pick<NodeJS.WriteStream, 'write'> & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** Resolves to the exit code. */
export async function showStatus(engine: LookEngine, request: StatusRequest, screen: Screen): Promise<number> {
  const { isWatching, isWaiting, timeoutMs, everyMs, name, day } = request;
  const find = statusFinder(engine, request);
  const interrupt = new AbortController();
  const stop = () => interrupt.abort();
  process.once('SIGINT', stop);
  const look = async () => {
    let said = 'looking';
    const progress = showLine(() => said);
    return find((done, of) => (said = `${n(done)} of ${n(of)} dumps looked at`)).finally(progress.end);
  };
  const isRepeated = isWatching || isWaiting;
  const isAsked = name !== undefined || day !== undefined;
  const isOver = (statuses: readonly DumpStatus[]) => {
    if (!isRepeated) return true;
    // Also what is overdue may come.
    const isRunning = statuses.some(
      (status) => status.state === 'missing' || outcomeOf(status, request.allowed) === 'running',
    );
    return isWaiting && !isRunning && (statuses.length > 0 || !isAsked);
  };
  try {
    const show = await shower(engine, request, screen);
    const statuses = await watch(
      { everyMs, timeoutMs, signal: interrupt.signal },
      {
        look,
        show,
        isOver,
        trouble: (error) => console.error(`s3-to-amplitude: ${describeError(error)}; trying again`),
        now: Date.now,
        sleep: (ms, signal) => wait(ms, undefined, { signal }).catch(() => undefined),
      },
    );
    if (isRepeated && !isWatching) {
      const showAtEnd = await shower(engine, { ...request, isWaiting: false }, screen);
      showAtEnd(statuses);
    }
    return interrupt.signal.aborted ? EXIT.interrupted : exitCodeOf(statuses, request);
  } finally {
    process.off('SIGINT', stop);
  }
}

export function exitCodeOf(
  statuses: readonly DumpStatus[],
  request: Pick<StatusRequest, 'allowed' | 'name' | 'day'>,
): number {
  const { allowed, name, day } = request;
  const outcomes = new Set(statuses.map((status) => outcomeOf(status, allowed)));
  if (outcomes.has('needs a hand')) return EXIT.leftovers;
  if (outcomes.has('running')) return EXIT.underWay;
  const isUnknown = !outcomes.has('complete') && (name !== undefined || day !== undefined);
  return isUnknown ? EXIT.leftovers : EXIT.fine;
}

/** Draws, or prints, what was seen. */
async function shower(engine: LookEngine, request: StatusRequest, screen: Screen) {
  const { isWatching, isWaiting, json, allowed, limit, name } = request;
  const print = (line: string) => void screen.write(`${line}\n`);
  const isTerminal = screen.isTTY === true;
  const style: TableLook['style'] = (format, text) =>
    isTerminal ? styleText(format, text, { stream: process.stdout }) : text;
  const looks = (): TableLook => ({ width: screen.columns, style, now: Date.now(), allowed, limit });
  const isDetailed = (statuses: readonly DumpStatus[]) => name !== undefined && statuses.length === 1;
  const jsonOf = (statuses: readonly DumpStatus[]) => (status: DumpStatus) =>
    statusJson(status, engine.results.url, { allowed, isDetailed: isDetailed(statuses) });
  const pageOf = (statuses: readonly DumpStatus[]): readonly string[] => {
    const [only] = statuses;
    if (only && isDetailed(statuses)) return formatDetail(only, engine.results.url, looks());
    return statuses.length === 0 ? [nothing(request)] : formatTable(statuses, looks());
  };
  if (isWatching && !json && isTerminal) {
    const draw = redrawer(screen);
    return (statuses: readonly DumpStatus[]) => draw(pageOf(statuses));
  }
  if (isWatching) {
    return changePrinter(
      (status) => (json ? jsonOf([])(status) : changeLine(status)),
      (line) => {
        print(json ? line : `${new Date().toISOString()}  ${line}`);
      },
    );
  }
  if (isWaiting) return () => undefined;
  const waiting = json ? [] : await waitingMessages(engine);
  return (statuses: readonly DumpStatus[]): void => {
    const lines = json ? statuses.map(jsonOf(statuses)) : [...pageOf(statuses), ...waiting];
    for (const line of lines) print(line);
  };
}

function nothing({ name, day, sinceMs }: StatusRequest): string {
  const which = [...(name === undefined ? [] : [`"${name}"`]), ...(day === undefined ? [] : [day])].join(' of ');
  if (which !== '') return `no dump is known as ${which}: it has not been dropped, or nobody was told of it`;
  return `nothing is under way, and nothing was begun in the last ${n(sinceMs / 3_600_000)} hours`;
}

/** What lies on the queues, if anything does; SQS counts roughly. */
async function waitingMessages({ queues, deadLetters }: LookEngine): Promise<readonly string[]> {
  const count = async (sized: Pick<LookEngine['queues']['intake'], 'size'>) => {
    const { visible, hidden } = await sized.size();
    return visible + hidden;
  };
  const counts = await Promise.all(
    QUEUES.map(async (name) => ({ name, alive: await count(queues[name]), dead: await count(deadLetters[name]) })),
  );
  const list = (of: 'alive' | 'dead') =>
    counts.flatMap((each) => (each[of] > 0 ? [`${n(each[of])} ${each.name}`] : [])).join(', ');
  const [alive, dead] = [list('alive'), list('dead')];
  return [
    ...(alive ? [`on the queues: ${alive}`] : []),
    ...(dead ? [`dead: ${dead}; s3-to-amplitude dlq says why`] : []),
  ];
}

function readAllowed(text = '0'): AllowedRejects {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const value = Number(digits);
  if (percent === '%' && value <= 100) return { share: value / 100 };
  if (percent === '' && Number.isInteger(value)) return { count: value };
  throw new UsageError(
    `--allow-rejects: found "${text}", expected a number of rejects (100) or a share of the records (0.1%)`,
  );
}
