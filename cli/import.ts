/** `import`: reads dumps from this machine and delivers their events, with everything the AWS engine does in one process. */
import { join } from 'node:path';
import { importMessage } from '../lambdas/chunker/notification.ts';
import { type Dump, dumpId } from '../shared/dump.ts';
import { describeFile } from '../shared/embedded/files.ts';
import type { Receipt } from '../shared/receipt.ts';
import { toReceipt } from '../shared/receipt.ts';
import { type EmbeddedRun, exitCodeOf, openRun, RUN_HELP, RUN_OPTIONS } from './embedded-run.ts';
import { type FoundDump, findDumps } from './find-dumps.ts';
import { formatReceipt } from './print-receipt.ts';
import { type Command, EXIT, readArgs, UsageError } from './usage.ts';

const HELP = `s3-to-amplitude import: delivers the events of dumps on this machine

Usage
  s3-to-amplitude import <file|directory|pattern>… [options]

A dump that is known already is not sent again: its receipt is printed. An import that was stopped goes on where it was.

Options
${RUN_HELP}
  --source <name>   the source whose settings apply (default: the only one, or by prefix)
  --again           read a dump that is known once more; Amplitude drops what it has had in the last 7 days
  --example         import the example day when no dump is named

Examples
  s3-to-amplitude import dumps/2026-11-20.ndjson.gz
  s3-to-amplitude import 'dumps/2026-11-*.ndjson.gz' --json | jq .delivered
  AMPLITUDE_API_KEY=… s3-to-amplitude import --live dumps/`;

const OPTIONS = {
  ...RUN_OPTIONS,
  source: { type: 'string' },
  again: { type: 'boolean' },
  example: { type: 'boolean' },
} as const;

const EXAMPLES = join(import.meta.dirname, '..', 'examples');
const EXAMPLE = { dump: join(EXAMPLES, 'day.ndjson.gz'), config: join(EXAMPLES, 'day.config.ts') };

export const importCommand: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = readArgs('import', args, OPTIONS);
    const isExample = values.example === true && positionals.length === 0;
    const names = isExample ? [EXAMPLE.dump] : positionals;
    if (names.length === 0) throw new UsageError('no dump is named; see s3-to-amplitude import --help');
    const run = await openRun({ ...values, config: values.config ?? (isExample ? EXAMPLE.config : undefined) });
    try {
      const again = values.again ? { again: new Date().toISOString() } : {};
      const wanted = await request(findDumps(names, run.importer, values.source), again, run);
      const interrupted = await run.work(wanted.map(({ id }) => id));
      const receipts = await collectReceipts(wanted, run);
      for (const { receipt, note } of receipts)
        console.log(values.json ? JSON.stringify(receipt) : formatReceipt(receipt, note));
      if (!values.json)
        console.log(
          hint(
            receipts.map(({ receipt }) => receipt),
            run,
          ),
        );
      if (run.engine.isBraked() && !interrupted) return EXIT.underWay;
      return exitCodeOf(
        receipts.map(({ receipt }) => receipt),
        interrupted,
      );
    } finally {
      await run.close();
    }
  },
};

type Wanted = { readonly id: string; readonly dump: Dump; readonly wasKnown: boolean };

/** Puts every dump that is not known yet on the intake queue. */
async function request(
  found: readonly FoundDump[],
  again: { readonly again?: string },
  { engine }: EmbeddedRun,
): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  for (const { path, source } of found) {
    const dump = await describeFile(path);
    const id = dumpId(dump);
    const entry = await engine.ledger.entry(id);
    const wasKnown = entry?.state === 'closed' && again.again === undefined;
    if (!wasKnown) {
      const body = importMessage({ dump, source: source.name, ...again });
      await engine.queues.intake.send([{ id: `${id}-${again.again ?? ''}`, body }]);
    }
    wanted.push({ id, dump, wasKnown });
  }
  return wanted;
}

/** Of the dumps that were asked for, in that order, then of any other that a stopped import had left and that is complete now. */
async function collectReceipts(
  wanted: readonly Wanted[],
  run: EmbeddedRun,
): Promise<{ receipt: Receipt; note?: string }[]> {
  const receipts: { receipt: Receipt; note?: string }[] = [];
  const { engine, closed } = run;
  for (const { id, wasKnown } of wanted) {
    const entry = await engine.ledger.entry(id);
    if (!entry) continue;
    const receipt = toReceipt(entry, await engine.ledger.segments(entry), engine.results.url);
    receipts.push({
      receipt,
      ...(wasKnown && { note: 'known already, nothing was sent; --again reads it once more' }),
    });
  }
  const ids = new Set(wanted.map(({ id }) => id));
  const others = new Map(closed.filter(({ dumpId: id }) => !ids.has(id)).map((receipt) => [receipt.dumpId, receipt]));
  for (const receipt of others.values()) receipts.push({ receipt, note: 'left over from an earlier import' });
  return receipts;
}

/** What to do next. */
function hint(receipts: readonly Receipt[], run: EmbeddedRun): string {
  const lines = [`sent to ${run.describeTarget()}`];
  if (receipts.some(({ dead }) => dead > 0))
    lines.push('dead payloads rest in the dead-letter queue; when the cause is mended: s3-to-amplitude replay');
  if (receipts.some(({ parked, inFlight }) => parked + inFlight > 0))
    lines.push('not everything is delivered yet; the same command goes on');
  if (run.engine.isBraked())
    lines.push('the events of the day (eventsPerDay) are sent; the same command goes on from midnight UTC');
  return lines.join('\n');
}
