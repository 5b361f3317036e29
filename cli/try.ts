/** `try`: shows what would become of a dump's records, and what Amplitude would make of the events; nothing is sent or written. */
import { styleText } from 'node:util';
import { recognizeDump } from '../lambdas/chunker/read-records.ts';
import { openTransforms } from '../lambdas/chunker/transform.ts';
import type { References } from '../shared/references.ts';
import { DumpUnreadable } from '../shared/objects.ts';
import { readHashKeys } from './embedded-run.ts';
import { configPathOf, loadConfig, referencesBeside } from './load-config.ts';
import { type NamedDump, openNamedDump } from './named-dump.ts';
import { formatTrial, type Look } from './print-trial.ts';
import { showLine } from './progress.ts';
import { type Trial, tryDump, type TryRequest } from './try-dump.ts';
import { formatReport, madeUpKeys, trialJson, type TryReport } from './try-report.ts';
import { losesData, startTryTally } from './try-tally.ts';
import { type Command, EXIT, readArgs, readNumber, UsageError } from './usage.ts';

const HELP = `s3-to-amplitude try: shows what would become of a dump's records; nothing is sent, nothing is written

Usage
  s3-to-amplitude try <file | s3://bucket/key> [options]

Each record is shown beside its events as they would be sent, or with the reason why it is rejected or that it is
filtered; below it what Amplitude would not tell anybody:
  cut               a value is longer than it keeps (1,024 characters of a string)
  dropped           it keeps no such thing (an unknown field, a sixth group type, revenue that is not price × quantity)
  check             it is kept, but perhaps not as it was meant (no time: then it is the time of upload)
A summary follows: counts, reasons, the format that was recognized, what the source does to a record. Functions and
batch steps of the configuration are called as in an import. No API key is needed; a hash step whose key is not in its
environment variable gets a stand-in, and the summary says so. An object in S3 is read with your AWS credentials.

Options
  --limit <n>       how many records are shown (default: 20)
  --from <position> begin with this record (the first is 1)
  --rejects         show only what is wrong: records that are rejected, events that are refused or have a warning, not
                    what is filtered; goes through the dump until there are so many
  --source <name>   the source whose settings apply (default: the only one, or by prefix)
  --config <file>   the configuration (default: importer.config.ts)
  --json            a line for each record on standard output: position, record (or text, or base64, where it is no
                    JSON), events, filtered, reject, refused, warnings, and with a route projects (of the events, in
                    order); the summary goes to standard error
  --no-color        no colours; nor are there any with NO_COLOR, or when standard output is no terminal

On a terminal of 100 columns or more the record is on the left and its events on the right; otherwise they are one below
the other. When standard output is piped, nothing is wrapped (unless COLUMNS says a width) and the summary goes to
standard error.

Exit codes
  0  all that was looked at would reach Amplitude as it stands, or is filtered (there may be warnings to check)
  1  there are rejects, something would be cut or dropped, or the dump cannot be read to its end
  2  the command or the configuration is wrong
  3  something unforeseen

Examples
  s3-to-amplitude try dumps/2026-11-20.csv.gz
  s3-to-amplitude try dumps/2026-11-20.ndjson.gz --rejects --limit 5
  s3-to-amplitude try s3://landing/incoming/2026-11-20.parquet --source clicks --from 1000000
  s3-to-amplitude try dumps/2026-11-20.ndjson --json --rejects --limit 1000 | jq -r .reject.reason | sort | uniq -c`;

const OPTIONS = {
  limit: { type: 'string' },
  from: { type: 'string' },
  rejects: { type: 'boolean' },
  source: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
  'no-color': { type: 'boolean' },
} as const;

const DEFAULT_LIMIT = 20;
const MAX_NUMBER = 1_000_000_000_000;

export const tryCommand: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = readArgs('try', args, OPTIONS);
    const [name, ...others] = positionals;
    if (name === undefined) throw new UsageError('no dump is named; see s3-to-amplitude try --help');
    if (others.length > 0) throw new UsageError(`try takes one dump; found ${positionals.length}`);
    const limit = readNumber('limit', values.limit, 1, MAX_NUMBER) ?? DEFAULT_LIMIT;
    const from = readNumber('from', values.from, 1, MAX_NUMBER) ?? 1;
    const named = await openNamedDump(name, await loadConfig(values), values.source);
    const request: TryRequest = { ...named, from, limit, onlyTrouble: values.rejects === true };
    const isForPeople = process.stdout.isTTY && !values.json;
    const show = values.json ? trialJson : formatter(values['no-color'] === true);
    const references = referencesBeside(configPathOf(values));
    const { report, interrupted } = await lookAt(request, references, (trial) => console.log(show(trial)));
    (isForPeople ? console.log : console.error)(formatReport(report));
    if (interrupted) return EXIT.interrupted;
    const isFine = report.end.failure === undefined && !losesData(report.tally);
    return isFine ? EXIT.fine : EXIT.leftovers;
  },
};

function formatter(withoutColor: boolean): (trial: Trial) => string {
  const width = process.stdout.columns ?? (Number(process.env['COLUMNS']) || undefined);
  // With a stream it knows of NO_COLOR and FORCE_COLOR, and whether the stream is a terminal.
  const style: Look['style'] = (format, text) =>
    withoutColor ? text : styleText(format, text, { stream: process.stdout });
  return (trial) => `${formatTrial(trial, { width, style }).join('\n')}\n`;
}

async function lookAt(
  request: TryRequest,
  references: References,
  print: (trial: Trial) => void,
): Promise<{ readonly report: TryReport; readonly interrupted: boolean }> {
  const { source } = request;
  const keys = readHashKeys({ sources: [source] }, {});
  const transformOf = openTransforms({
    secret: async (name) => keys.get(name) ?? '',
    references,
    log: () => undefined,
  });
  const transform = await transformOf(source);
  const recognized = await recognizeNamed(request);
  const tally = startTryTally(source);
  let read = 0;
  let shown = 0;
  const progress = showLine(
    () => `${read.toLocaleString('en-US')} records read, ${shown.toLocaleString('en-US')} shown`,
  );
  const stopping = new AbortController();
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    stopping.abort();
  };
  process.once('SIGINT', interrupt);
  // Whoever reads what is printed has seen enough (`| head`).
  process.stdout.on('error', () => stopping.abort());
  const end = await tryDump(request, {
    transform,
    add: tally.add,
    show(trial) {
      progress.clear();
      print(trial);
      shown += 1;
    },
    progress(count) {
      read = count;
    },
    signal: stopping.signal,
  }).finally(() => {
    progress.end();
    process.off('SIGINT', interrupt);
  });
  const madeUp = madeUpKeys(source, process.env);
  return { report: { request, recognized, madeUp, end, tally: tally.result() }, interrupted };
}

/** Undefined when there is nothing to recognize; why it cannot be read, if it cannot, is said when it is read. */
async function recognizeNamed({ dump, dumps, source }: NamedDump): Promise<TryReport['recognized']> {
  if (dump.size === 0) return undefined;
  try {
    const { format, compression } = await recognizeDump(dump, source, dumps);
    return { format: format.type, compression };
  } catch (error) {
    if (error instanceof DumpUnreadable) return undefined;
    throw error;
  }
}
