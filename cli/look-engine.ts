/** Opens either engine for a command that only looks: a state directory, also beside an import, or a deployed stack. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileResults } from '../shared/embedded/files.ts';
import { embeddedLedger } from '../shared/embedded/ledger.ts';
import { embeddedLedgerView } from '../shared/embedded/ledger-view.ts';
import { embeddedQueue } from '../shared/embedded/queue.ts';
import { isInUse, openState } from '../shared/embedded/state.ts';
import type { Ledger } from '../shared/ledger.ts';
import type { LedgerView } from '../shared/ledger-view.ts';
import type { Results } from '../shared/objects.ts';
import type { Queue } from '../shared/queue.ts';
import { shellWord } from './dump-status.ts';
import { DEFAULT_STATE } from './embedded-run.ts';
import type { QueueName } from './replay-queues.ts';
import type { DeadLetters } from './replay-walk.ts';
import { UsageError } from './usage.ts';

export type LookEngine = {
  readonly view: LedgerView;
  readonly ledger: Pick<Ledger, 'line' | 'budget'>;
  readonly results: Pick<Results, 'get' | 'list' | 'url'>;
  readonly queues: Readonly<Record<QueueName, Pick<Queue, 'size'> & Pick<DeadLetters, 'peek'>>>;
  readonly deadLetters: Readonly<Record<QueueName, DeadLetters>>;
  /** Whether an import is at work; left out where functions do it. */
  isAtWork?(): boolean;
  /** How a command finds the same engine, with a space before it: ` --stack X`. */
  readonly options: string;
  close(): void;
};

export type LookOptions = { readonly stack?: string | undefined; readonly state?: string | undefined };

/** For `parseArgs`. */
export const LOOK_OPTIONS = { stack: { type: 'string' }, state: { type: 'string' } } as const;

export const LOOK_HELP = `  --stack <name>    look into a deployed stack, with your AWS credentials and region (AWS_PROFILE, AWS_REGION), instead
                    of on this machine
  --state <dir>     where the imports of this machine keep their state (default: .s3-to-amplitude); they may be at work`;

/** Throws a UsageError that says what is not there. */
export async function openToLook({ stack, state }: LookOptions): Promise<LookEngine> {
  if (stack === undefined) return openHere(state);
  if (state !== undefined) throw new UsageError('--stack and --state exclude each other');
  // Only here: loading AWS's SDK costs every other command a quarter of a second.
  const { openStack } = await import('./deployed-stack.ts');
  return { ...(await openStack(stack)), options: ` --stack ${shellWord(stack)}`, close: () => undefined };
}

function openHere(directory = DEFAULT_STATE): LookEngine {
  if (!existsSync(join(directory, 'state.sqlite'))) {
    throw new UsageError(
      `no state in ${resolve(directory)}: nothing has been imported with it; is --state right? A deployed stack is looked at with --stack`,
    );
  }
  const { directory: absolute, db, close } = openState(directory, { readOnly: true });
  const queue = (name: string, fifo: boolean) => embeddedQueue(db, name, { fifo });
  const open = (suffix: string) => ({
    upload: queue(`upload${suffix}`, true),
    parked: queue(`parked${suffix}`, false),
    intake: queue(`intake${suffix}`, false),
  });
  return {
    view: embeddedLedgerView(db),
    ledger: embeddedLedger(db),
    results: fileResults(join(absolute, 'results')),
    queues: open(''),
    deadLetters: open('-dlq'),
    isAtWork: () => isInUse(absolute),
    options: directory === DEFAULT_STATE ? '' : ` --state ${shellWord(directory)}`,
    close,
  };
}
