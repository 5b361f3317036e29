/** Opens the embedded engine for a command: configuration, state directory, and where the events go. */
import { join } from 'node:path';
import { amplitude, checkEndpoint } from '../lambdas/uploader/amplitude.ts';
import { type Engine, openEngine } from '../local/engine.ts';
import { startSimulator } from '../local/simulator.ts';
import type { Importer } from '../shared/config.ts';
import { openState } from '../shared/embedded/state.ts';
import { secretsOf } from '../shared/enrich-step.ts';
import { describeError } from '../shared/log.ts';
import { checkHashKey, secretVariable } from '../shared/secrets.ts';
import type { Receipt } from '../shared/receipt.ts';
import { configPathOf, fingerprintOf, loadConfig, referencesBeside } from './load-config.ts';
import { showProgress } from './progress.ts';
import { readProjectKeys } from './project-keys.ts';
import { EXIT, UsageError } from './usage.ts';

/** For `parseArgs`. */
export const RUN_OPTIONS = {
  config: { type: 'string' },
  state: { type: 'string' },
  live: { type: 'boolean' },
  endpoint: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const RUN_HELP = `  --config <file>   the configuration (default: importer.config.ts)
  --state <dir>     where queues, ledger, rejects and receipts are kept (default: .s3-to-amplitude)
  --live            send to Amplitude, with the key in AMPLITUDE_API_KEY (for several projects in variables named after
                    their secrets: acme/api-key in ACME_API_KEY); otherwise to a simulator in this process
  --endpoint <url>  send to a simulator or proxy at this address
  --json            one JSON receipt per dump on standard output, a line each, and nothing else`;

export type RunOptions = {
  readonly config?: string | undefined;
  readonly state?: string | undefined;
  readonly live?: boolean | undefined;
  readonly endpoint?: string | undefined;
};

export type EmbeddedRun = {
  readonly engine: Engine;
  readonly importer: Importer;
  /** Receipts of the dumps whose books closed in this run. */
  readonly closed: readonly Receipt[];
  /** Where the events went, for people. */
  describeTarget(): string;
  /** Works until nothing is left to do; true when the user stopped it first. `dumpIds` are shown as progress. */
  work(dumpIds: readonly string[]): Promise<boolean>;
  close(): Promise<void>;
};

export const DEFAULT_STATE = '.s3-to-amplitude';

export async function openRun(options: RunOptions): Promise<EmbeddedRun> {
  const configPath = configPathOf(options);
  const importer = await loadConfig(options);
  if (options.live && options.endpoint !== undefined) throw new UsageError('--live and --endpoint exclude each other');
  if (options.endpoint !== undefined) refuseBadEndpoint(options.endpoint);
  const keyOf = readProjectKeys(importer, options.live === true, process.env);
  const secrets = readHashKeys(importer, options);
  const state = openState(options.state ?? DEFAULT_STATE);
  const simulator =
    options.live || options.endpoint
      ? undefined
      : await startSimulator({ store: join(state.directory, 'simulator.sqlite') });
  const endpoint = options.endpoint ?? simulator?.url;
  const { uploads, requestTimeoutMs: timeoutMs, uploaders: connections } = importer;
  const client = amplitude({ uploads, timeoutMs, connections, endpoint });
  const closed: Receipt[] = [];
  let read = 0;
  const engine = openEngine({
    state,
    importer,
    fingerprint: fingerprintOf(configPath, importer),
    amplitude: client,
    apiKey: async (project) => keyOf(project),
    transforms: { secret: async (name) => secrets.get(name) ?? '', references: referencesBeside(configPath) },
    log: reportTrouble(),
    announce: (receipt) => void closed.push(receipt),
    progress: (records) => {
      read = records;
    },
  });
  return {
    engine,
    importer,
    closed,
    describeTarget() {
      if (!simulator) return endpoint ?? 'Amplitude';
      const { stored, events } = simulator.counts();
      const count = (n: number) => n.toLocaleString('en-US');
      return `a simulator of Amplitude, which stored ${count(events.stored)} new events and has ${count(stored)} in all`;
    },
    async work(dumpIds) {
      const progress = showProgress(engine.ledger, dumpIds, () => read);
      const interrupted = stopOnInterrupt(engine);
      await engine.run().finally(progress.end);
      return interrupted();
    },
    async close() {
      await client.close();
      await simulator?.close();
      state.close();
    },
  };
}

function refuseBadEndpoint(endpoint: string): void {
  try {
    checkEndpoint(endpoint);
  } catch (error) {
    throw new UsageError(`--endpoint: ${describeError(error)}`, { cause: undefined });
  }
}

/** Like the API key: needed when the events go to Amplitude, and made up for a simulator. */
export function readHashKeys(
  { sources }: Pick<Importer, 'sources'>,
  { live }: Pick<RunOptions, 'live'>,
): ReadonlyMap<string, string> {
  const names = sources.flatMap(({ enrich }) => secretsOf(enrich ?? []));
  const keys = new Map<string, string>();
  for (const name of names) {
    const variable = secretVariable(name);
    const key = process.env[variable];
    if (!key && live) {
      throw new UsageError(
        `the secret ${name} of a hash step: --live needs its key in the environment variable ${variable}`,
      );
    }
    keys.set(name, key ? checkHashKey(key.trim(), variable) : 'simulated');
  }
  return keys;
}

/** On standard error, each kind of trouble once: what repeats is in the receipt. */
function reportTrouble() {
  const said = new Set<string>();
  return (level: string, message: string, fields: Readonly<Record<string, unknown>>): void => {
    const why = fields.reason ?? fields.error;
    const line = `${message}: ${String(why)}`;
    if (level === 'info' || why === undefined || said.has(line)) return;
    said.add(line);
    const next = level === 'warn' && !message.includes('again') ? '; it is tried again' : '';
    console.error(`s3-to-amplitude: ${line}${next}`);
  };
}

/** The first Ctrl-C lets what is under way finish; a second one does not wait. */
function stopOnInterrupt(engine: Engine): () => boolean {
  let interrupted = false;
  const stop = () => {
    interrupted = true;
    console.error('s3-to-amplitude: stopping; the same command goes on later');
    engine.stop();
  };
  process.once('SIGINT', stop);
  return () => {
    process.off('SIGINT', stop);
    return interrupted;
  };
}

/** 0 when every event of these dumps is delivered or filtered. */
export function exitCodeOf(receipts: readonly Receipt[], interrupted: boolean): number {
  if (interrupted) return EXIT.interrupted;
  const isFine = receipts.every((receipt) => receipt.state === 'complete' && receipt.rejected === 0);
  return isFine ? EXIT.fine : EXIT.leftovers;
}
