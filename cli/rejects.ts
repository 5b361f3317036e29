/** `rejects`: what of a dump can never be delivered, why, and the records themselves, to be read or to be mended. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { listBySegment, readRejects } from '../lambdas/chunker/retry-rejects.ts';
import { currentAttempt } from '../shared/amendment.ts';
import type { DumpEntry } from '../shared/ledger.ts';
import { rejectsFolder } from '../shared/receipt.ts';
import { formatReject, type Reject } from '../shared/rejects.ts';
import { type DumpStatus, rejectedOf } from './dump-status.ts';
import { count, n } from './figure.ts';
import { statusFinder } from './find-statuses.ts';
import { startInterrupt } from './interrupt.ts';
import { LOOK_HELP, LOOK_OPTIONS, type LookEngine, openToLook } from './look-engine.ts';
import { jsonLines } from './print-json.ts';
import { shortest } from './print-receipt.ts';
import { showLine } from './progress.ts';
import { contentOf } from './record-content.ts';
import { harmless } from './text-width.ts';
import { type Command, EXIT, readArgs, readNumber, UsageError } from './usage.ts';

const HELP = `s3-to-amplitude rejects: says what of a dump can never be delivered and why, and shows or downloads it

Usage
  s3-to-amplitude rejects <dump> [options]

A dump is named by its id, its path or address, or a part of that. First come the reasons with their counts, then the
records (or, where only one of a record's events was refused, the events) as they stood, each with its position in the
dump, its reason, and what was found and expected.

Options
  --reason <text>   only those whose reason contains this text
  --limit <n>       at most so many (default: 20; with --json, --raw or --out all)
  --json            each on a line: kind, position, reason, detail, and the record as text (or base64, if it is no UTF-8;
                    cutFrom is its length if only its beginning was kept)
  --raw             each as it stood and nothing else, a line each: to be mended and dropped again
  --out <file>      write them to this new file (as with --json, or with --raw), for your eyes only
${LOOK_HELP}

Where others than records are asked for on standard output, the reasons go to standard error. When a mistake in the
configuration made them: mend it, then s3-to-amplitude replay --rejects <dump>.

Exit codes
  0  they were shown, or there are none
  2  the command is wrong, no dump or several are of this name, or the stack cannot be reached
  3  something unforeseen

Examples
  s3-to-amplitude rejects 2026-11-20.ndjson.gz
  s3-to-amplitude rejects 2026-11-20 --reason 'not JSON' --limit 3 --stack S3ToAmplitude
  s3-to-amplitude rejects f0f234482a836b9f9e47 --raw --out mended.ndjson
  s3-to-amplitude rejects 2026-11-20 --json | jq -r '[.position, .detail] | @tsv'`;

const OPTIONS = {
  ...LOOK_OPTIONS,
  reason: { type: 'string' },
  limit: { type: 'string' },
  json: { type: 'boolean' },
  raw: { type: 'boolean' },
  out: { type: 'string' },
} as const;

const DEFAULT_LIMIT = 20;

export const rejectsCommand: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = readArgs('rejects', args, OPTIONS);
    const [dump, ...others] = positionals;
    if (dump === undefined) throw new UsageError('no dump is named; see s3-to-amplitude rejects --help');
    if (others.length > 0) throw new UsageError(`rejects takes one dump; found ${positionals.length}`);
    const { reason, json = false, raw = false, out } = values;
    if (json && raw) throw new UsageError('--json and --raw exclude each other');
    if (reason === '') throw new UsageError('--reason: found nothing, expected a text');
    const form = raw ? 'raw' : json || out !== undefined ? 'json' : 'people';
    const limit =
      readNumber('limit', values.limit, 1, 1_000_000_000) ?? (form === 'people' ? DEFAULT_LIMIT : undefined);
    const engine = await openToLook(values);
    const request = { dump, reason, form, limit: limit ?? Number.POSITIVE_INFINITY } as const;
    try {
      if (out === undefined) return await showRejects(engine, request, process.stdout, process.stderr);
      return await writeOut(out, (file) => showRejects(engine, request, file, process.stdout));
    } finally {
      engine.close();
    }
  },
};

export type ShowRejectsRequest = {
  readonly dump: string;
  readonly reason?: string | undefined;
  readonly limit: number;
  readonly form: 'people' | 'json' | 'raw';
};

type Sink = NodeJS.WritableStream;

/** `sink` gets the rejects; for people it also gets what else there is to say, otherwise `notes` does. */
export async function showRejects(
  engine: LookEngine,
  { dump, reason, limit, form }: ShowRejectsRequest,
  sink: Sink,
  notes: Pick<NodeJS.WritableStream, 'write'>,
): Promise<number> {
  const status = await findOne(engine, dump);
  const entry = status.view?.entry;
  const say = (line: string) => void (form === 'people' ? sink : notes).write(`${line}\n`);
  for (const line of summaryLines(status, reason, engine)) say(line);
  if (!entry || rejectedOf(status.books) === 0) return EXIT.fine;
  const interrupt = startInterrupt();
  let isGone = false;
  // Whoever reads what is printed has seen enough (`| head`).
  const gone = () => {
    isGone = true;
  };
  sink.on('error', gone);
  const text = reason?.toLowerCase() ?? '';
  let shown = 0;
  let cut = 0;
  const progress = showLine(() => `${n(shown)} rejects`);
  try {
    for await (const reject of rejectsOf(entry, engine.results)) {
      if (shown >= limit || isGone || interrupt.signal.aborted) break;
      if (!reject.reason.toLowerCase().includes(text)) continue;
      if (form === 'raw' && isCut(reject)) {
        cut += 1;
        continue;
      }
      progress.clear();
      if (!sink.write(formatFor[form](reject)) && !isGone) await once(sink, 'drain').catch(gone);
      shown += 1;
    }
  } finally {
    progress.end();
    interrupt.end();
  }
  if (cut > 0) say(`${count(cut, 'record')} too long to be kept whole: left out; take them from the dump`);
  if (interrupt.signal.aborted) return EXIT.interrupted;
  const wanted = Object.entries(status.books.reasons).reduce(
    (sum, [name, of]) => sum + (isWanted(name, reason) ? of : 0),
    0,
  );
  if (shown + cut < wanted && !isGone && form === 'people')
    say(`… and ${n(wanted - shown)} more (--limit, or --out <file>)`);
  return EXIT.fine;
}

async function findOne(engine: LookEngine, dump: string): Promise<DumpStatus> {
  const [only, ...others] = await statusFinder(engine, { name: dump, sinceMs: 0 })();
  if (!only)
    throw new UsageError(`no dump is known as "${dump}"; expected its id, its path or address, or a part of it`);
  if (others.length === 0) return only;
  const list = [only, ...others].slice(0, 20).map(({ dumpId, dump: url }) => `  ${dumpId}  ${harmless(url)}`);
  throw new UsageError(`"${dump}" is part of ${others.length + 1} dumps; name one by its id:\n${list.join('\n')}`);
}

async function* rejectsOf(entry: DumpEntry, results: LookEngine['results']): AsyncGenerator<Reject> {
  for (const keys of await listBySegment(entry, results)) {
    for (const key of keys) yield* await readRejects(key, results);
  }
}

function summaryLines(status: DumpStatus, reason: string | undefined, { results }: LookEngine): readonly string[] {
  const { books, dump, dumpId, state, view } = status;
  const rejected = rejectedOf(books);
  const named = `${harmless(dump)} (${dumpId})`;
  const soFar = view?.entry.state === 'closed' ? '' : ` so far; the dump is ${state}`;
  if (!view || rejected === 0) return [`no rejects of ${named}${soFar}`];
  const folder = shortest(results.url(rejectsFolder(view.entry, currentAttempt(view.entry))));
  const reasons = Object.entries(books.reasons)
    .filter(([name]) => isWanted(name, reason))
    .toSorted(([, a], [, b]) => b - a);
  return [
    `${count(rejected, 'reject')} of ${named}${soFar}, in ${folder}`,
    ...reasons.map(([name, of]) => `${n(of).padStart(10)}  ${harmless(name)}`),
    ...(reasons.length === 0 ? [`  none with "${reason}" in its reason`] : []),
  ];
}

function isWanted(name: string, reason = ''): boolean {
  return name.toLowerCase().includes(reason.toLowerCase());
}

const formatFor: Readonly<Record<ShowRejectsRequest['form'], (reject: Reject) => string | Buffer>> = {
  people: (reject) => `${rejectLines(reject).join('\n')}\n`,
  json: formatReject,
  raw: ({ bytes }) => Buffer.concat([bytes, Buffer.from('\n')]),
};

function isCut({ bytes, length = bytes.length }: Reject): boolean {
  return length > bytes.length;
}

/** Of a text that is no JSON. */
const MAX_TEXT = 1_000;

/** An empty line before each. */
function rejectLines(reject: Reject): readonly string[] {
  const { kind, position, reason, detail, bytes, length } = reject;
  const what = kind === 'refused' ? 'an event of record' : 'record';
  const content = contentOf({ bytes });
  const text = 'text' in content ? content.text : 'base64' in content ? `base64 ${content.base64}` : undefined;
  const shown =
    text === undefined ? undefined : `${harmless(text.slice(0, MAX_TEXT))}${text.length > MAX_TEXT ? ' …' : ''}`;
  const lines = 'record' in content ? jsonLines(content.record) : [shown ?? ''];
  return [
    '',
    `${what} ${n(position)}: ${harmless(reason)}`,
    `  ${harmless(detail)}`,
    ...lines.map((line) => `  ${line}`),
    ...(isCut(reject) ? [`  (only its beginning was kept, of ${n(length ?? 0)} bytes)`] : []),
  ];
}

/** Never over a file that is there. */
async function writeOut(path: string, write: (file: Sink) => Promise<number>): Promise<number> {
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  await once(file, 'open').catch((cause: unknown) => {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    throw new UsageError(`--out: ${isThere ? `${path} is there already; name a new file` : `cannot write ${path}`}`, {
      cause: isThere ? undefined : cause,
    });
  });
  const failed = new Promise<never>((_, reject) => file.on('error', reject));
  const written = (async () => {
    const code = await write(file);
    file.end();
    await once(file, 'close');
    return code;
  })();
  return Promise.race([written, failed]);
}
