/** Opens the embedded engine for a command: configuration, state directory, and where the events go. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { amplitude } from '../lambdas/uploader/amplitude.ts';
import { type Engine, openEngine } from '../local/engine.ts';
import { startSimulator } from '../local/simulator.ts';
import { ConfigError, defineImporter, type Importer } from '../shared/config.ts';
import { openState } from '../shared/embedded/state.ts';
import { secretsOf } from '../shared/enrich-step.ts';
import { checkHashKey, secretVariable } from '../shared/hash-key.ts';
import { describeError } from '../shared/log.ts';
import type { Receipt } from '../shared/receipt.ts';
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

const DEFAULT_CONFIG = 'importer.config.ts';
const DEFAULT_STATE = '.s3-to-amplitude';

export async function openRun(options: RunOptions): Promise<EmbeddedRun> {
  const configPath = resolve(options.config ?? DEFAULT_CONFIG);
  const importer = await loadConfigAt(configPath);
  if (options.live && options.endpoint !== undefined) throw new UsageError('--live and --endpoint exclude each other');
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
    fingerprint: fingerprint(configPath),
    amplitude: client,
    apiKey: async (project) => keyOf(project),
    transforms: { secret: async (name) => secrets.get(name) ?? '' },
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

/** For a command that needs no engine on this machine. Throws a UsageError or a ConfigError. */
export function loadConfig({ config = DEFAULT_CONFIG }: Pick<RunOptions, 'config'>): Promise<Importer> {
  return loadConfigAt(resolve(config));
}

/** `path` is absolute. */
async function loadConfigAt(path: string): Promise<Importer> {
  if (!existsSync(path)) throw new UsageError(`no configuration at ${path}; name one with --config`);
  try {
    const { default: exported } = (await import(pathToFileURL(path).href)) as { default?: Importer };
    if (exported === undefined)
      throw new ConfigError('it has no default export: expected export default defineImporter({ … })');
    return defineImporter(exported);
  } catch (error) {
    throw new ConfigError(`${path}: ${describeError(error)}`, { cause: undefined });
  }
}

/** Like the API key: needed when the events go to Amplitude, and made up for a simulator. */
function readHashKeys({ sources }: Importer, { live }: RunOptions): ReadonlyMap<string, string> {
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

/** Of the configuration and of what makes chunks of events (zlib decides where one is halved): a dump half read under another one is started anew. */
function fingerprint(configPath: string): string {
  const root = join(import.meta.dirname, '..');
  const hash = createHash('sha256').update(readFileSync(configPath)).update(process.versions.zlib);
  for (const file of globSync('{lambdas/chunker,shared}/**/*.ts', { cwd: root }).toSorted()) {
    hash.update(readFileSync(join(root, file)));
  }
  return hash.digest('hex').slice(0, 20);
}

/** On standard error, each kind of trouble once: what repeats is in the receipt. */
function reportTrouble() {
  const said = new Set<string>();
  return (level: string, message: string, fields: Readonly<Record<string, unknown>>): void => {
    const why = fields.reason ?? fields.error;
    const line = `${message}: ${String(why)}`;
    if (level === 'info' || why === undefined || said.has(line)) return;
    said.add(line);
    console.error(`s3-to-amplitude: ${line}`);
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
