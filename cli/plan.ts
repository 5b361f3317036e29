/** `plan`: which API, how long, how much, and what would go wrong, from the dumps themselves and before anything is sent. */
import { chunkLimits } from '../shared/chunk-limits.ts';
import { openTransforms } from '../lambdas/chunker/transform.ts';
import type { Importer, Source } from '../shared/config.ts';
import { targetsOf } from '../shared/target.ts';
import { readHashKeys } from './embedded-run.ts';
import { configPathOf, loadConfig, referencesBeside } from './load-config.ts';
import { openPlanDumps, type PlanDump } from './plan-dumps.ts';
import { makePlan, type Plan } from './plan-figures.ts';
import { showScan } from './plan-progress.ts';
import { formatPlan, planJson } from './plan-report.ts';
import { type ScannedDump, scanDump } from './plan-scan.ts';
import { startTally } from './plan-tally.ts';
import { type Command, EXIT, readArgs, readNumber, UsageError } from './usage.ts';

/** Dumps that are larger together are sampled unless told otherwise, bytes as stored: read whole, they take a minute or more. */
const WHOLE_BYTES = 128 * 1024 * 1024;
/** Of each dump then. */
const SAMPLE_RECORDS = 200_000;

const HELP = `s3-to-amplitude plan: says which of Amplitude's APIs to use for dumps, how long the import takes, what it costs, and
what would go wrong, with nothing sent and nothing written

Usage
  s3-to-amplitude plan <file|directory|pattern|s3://bucket/key>… [options]

Each record goes through the source's own format, filter, map and enrichment, functions included. What is marked ~ is an
estimate; --explain says how it was made. Memory does not grow with the dumps.

Options
  --config <file>   the configuration (default: importer.config.ts)
  --source <name>   the source whose settings apply (default: the only one, or by prefix)
  --sample <n|all>  look at the first n records of each dump, and take the rest to be like them (default: all records of
                    dumps of up to 128 MB together, as they are stored, otherwise the first 200,000 of each)
  --explain         under each figure the arithmetic that gave it
  --json            one plan per source as JSON, a line each, and nothing else; with --explain the arithmetic too

Exit codes
  0  everything would arrive as it is
  1  something is in danger: rejects, a quota, a field that Amplitude cuts, events without a time, a dump that breaks off
  2  the command or the configuration is wrong

Examples
  s3-to-amplitude plan dumps/2026-11-20.ndjson.gz
  s3-to-amplitude plan --explain --sample 50000 'dumps/2026-11-*.ndjson.gz'
  s3-to-amplitude plan --json s3://my-bucket/incoming/2026-11-20.ndjson.gz | jq .advice`;

const OPTIONS = {
  config: { type: 'string' },
  source: { type: 'string' },
  sample: { type: 'string' },
  explain: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

export const planCommand: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = readArgs('plan', args, OPTIONS);
    if (positionals.length === 0) throw new UsageError('no dump is named; see s3-to-amplitude plan --help');
    const sample = values.sample === 'all' ? 'all' : readNumber('sample', values.sample, 1, Number.MAX_SAFE_INTEGER);
    const importer = await loadConfig(values);
    const secrets = readHashKeys(importer, {});
    const transformOf = openTransforms({
      secret: async (name) => secrets.get(name) ?? '',
      references: referencesBeside(configPathOf(values)),
      log: () => undefined,
    });
    const found = await openPlanDumps(positionals, importer, values.source);
    const bytes = found.reduce((sum, { dump }) => sum + dump.size, 0);
    const records = sample ?? (bytes > WHOLE_BYTES ? SAMPLE_RECORDS : 'all');
    const progress = showScan(bytes);
    const plans: Plan[] = [];
    for (const [source, dumps] of Map.groupBy(found, (one) => one.source)) {
      const transform = await transformOf(source);
      const scan = { source, importer, transform, progress, sample: records === 'all' ? undefined : records };
      plans.push(await planSource(dumps, scan));
    }
    progress.end();
    const explain = values.explain === true;
    for (const plan of plans) console.log(values.json ? planJson(plan, explain) : formatPlan(plan, explain));
    return plans.every(({ dangers }) => dangers.length === 0) ? EXIT.fine : EXIT.leftovers;
  },
};

type Scan = {
  readonly source: Source;
  readonly importer: Importer;
  readonly transform: Awaited<ReturnType<ReturnType<typeof openTransforms>>>;
  readonly progress: ReturnType<typeof showScan>;
  readonly sample: number | undefined;
};

/** The events of one device in all dumps of a source add up. */
async function planSource(found: readonly PlanDump[], scan: Scan): Promise<Plan> {
  const { source, importer, transform, progress, sample } = scan;
  const tally = startTally(chunkLimits(source).chunkBytes, targetsOf(source).length);
  const scanned: ScannedDump[] = [];
  for (const { dump, dumps } of found) {
    scanned.push(
      await scanDump({ dump, source, importer, sample }, { dumps, transform, tally, progress: progress.at }),
    );
    progress.next(dump.size);
  }
  return makePlan({ source, importer, dumps: scanned, counts: tally.result(), now: Date.now() });
}
