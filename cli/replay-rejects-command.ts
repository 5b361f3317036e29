/** `replay --rejects`: on this machine, where the events are then delivered, or in a deployed stack, which delivers them. */
import { describeFile, fileDumps } from '../shared/embedded/files.ts';
import { type Dump, FILE_BUCKET } from '../shared/dump.ts';
import type { Dumps } from '../shared/objects.ts';
import { toReceipt } from '../shared/receipt.ts';
import { type EmbeddedRun, exitCodeOf, openRun, type RunOptions } from './embedded-run.ts';
import { startInterrupt } from './interrupt.ts';
import { configPathOf, loadConfig } from './load-config.ts';
import { formatReceipt } from './print-receipt.ts';
import { type RejectsEngine, type RejectsRequest, replayRejects } from './replay-rejects.ts';
import type { Output } from './replay-queues.ts';
import { EXIT, UsageError } from './usage.ts';

export const REJECTS_HELP = `Rejects
  --rejects <dump>  run the rejects of this dump (its id, its path or address, or a part of it) again, through the
                    configuration as it is now: mend it first. What is an event now is sent, what fails again stands with
                    its new reason in a new rejects folder, and the dump's receipt is amended. --reason <text> and
                    --limit <n> choose among the rejects. The dump must have its receipt. Stopped in the middle, run it
                    again. With --stack, deploy the mended configuration too: this run uses the one on this machine`;

const NOT_WITH_REJECTS = ['queue', 'dump', 'device', 'user', 'older-than', 'younger-than', 'rate'] as const;

/** Throws a UsageError when an option was given that is about dead payloads. */
export function refuseOthers(
  values: Readonly<Partial<Record<(typeof NOT_WITH_REJECTS)[number] | 'rejects', string>>>,
): void {
  if (values.rejects === '') throw new UsageError('--rejects: found nothing, expected a dump');
  const given = NOT_WITH_REJECTS.find((name) => values[name] !== undefined);
  if (given === undefined) return;
  throw new UsageError(
    `--rejects and --${given} exclude each other: --${given} is about dead payloads; rejects are chosen by --reason and --limit`,
  );
}

export async function replayRejectsHere(
  options: RunOptions,
  request: RejectsRequest,
  { out, err }: Output,
): Promise<number> {
  const run = await openRun(options);
  try {
    const interrupt = startInterrupt();
    // Standard output is for the receipt, if there is one to come.
    const output = request.dryRun ? { out, err } : { out: err, err };
    const asked = { ...request, signal: interrupt.signal };
    const replayed = replayRejects(embeddedEngine(run), run.importer, asked, output).finally(interrupt.end);
    const { kind, dumpId } = await replayed;
    if (kind === 'stopped') return EXIT.interrupted;
    if (kind === 'looked') return EXIT.fine;
    const interrupted = await run.work([dumpId]);
    const { ledger, results } = run.engine;
    const entry = await ledger.entry(dumpId);
    if (!entry) return EXIT.leftovers;
    const receipt = toReceipt(entry, await ledger.segments(entry), results.url);
    out(request.json ? JSON.stringify(receipt) : formatReceipt(receipt));
    return exitCodeOf([receipt], interrupted);
  } finally {
    await run.close();
  }
}

function embeddedEngine(run: EmbeddedRun): RejectsEngine {
  return {
    ...run.engine,
    openDump: openFile,
    announce: async () => undefined,
    workOff: async ({ dumpId }) => void (await run.work([dumpId])),
  };
}

/** Only if its content still is what was imported. */
async function openFile(dump: Dump): Promise<Dumps | undefined> {
  const now = await describeFile(dump.key).catch(() => undefined);
  return now?.etag === dump.etag ? fileDumps() : undefined;
}

export async function replayRejectsStack(
  stack: string,
  options: RunOptions,
  request: RejectsRequest,
  output: Output,
): Promise<number> {
  const importer = await loadConfig(options);
  // Only here: loading AWS's SDK costs every other command a quarter of a second.
  const { openStack, openStackTransforms } = await import('./deployed-stack.ts');
  const { dumps, ...engine } = await openStack(stack);
  const transformOf = openStackTransforms(configPathOf(options));
  const openDump = async ({ bucket }: Dump) => (bucket === FILE_BUCKET ? undefined : dumps);
  const interrupt = startInterrupt();
  const asked = { ...request, signal: interrupt.signal };
  const { kind, rejects } = await replayRejects({ ...engine, transformOf, openDump }, importer, asked, output).finally(
    interrupt.end,
  );
  if (kind === 'stopped') return EXIT.interrupted;
  return request.dryRun || rejects.rejects === rejects.sent + rejects.filtered ? EXIT.fine : EXIT.leftovers;
}
