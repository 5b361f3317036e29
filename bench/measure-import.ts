/** Imports a dump in a process of its own into a simulator in another one, and says what that took and what arrived. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openSimulatorStore } from '../local/simulator-store.ts';
import type { Receipt } from '../shared/receipt.ts';
import { FIRST_TIME, type MadeDump, TIME_STEP_MS } from './generate-dump.ts';
import type { Usage } from './report-usage.ts';
import { runMeasured } from './run-measured.ts';
import { startChild } from './start-child.ts';

export type MeasuredImport = Usage & {
  readonly seconds: number;
  /** What was lost, doubled or changed; nothing when all is well. */
  readonly problems: readonly string[];
  /** The same for the same stored events, in whatever order they came. */
  readonly stored: string;
};

/** A configuration of this directory, and which of its sources the dump is of. */
export type BenchConfig = { readonly file: string; readonly source: string };

const NO_MAP: BenchConfig = { file: 'bench.config.ts', source: 'bench' };

const ROOT = join(import.meta.dirname, '..');

/** `directory` is used for the state and the simulator's store, and emptied. */
export async function measureImport(
  dump: string,
  made: MadeDump,
  directory: string,
  config: BenchConfig = NO_MAP,
): Promise<MeasuredImport> {
  mkdirSync(directory);
  const store = join(directory, 'simulator.sqlite');
  const simulator = await startChild('simulator.ts', store);
  try {
    const { receipt, ...measured } = await runImport(dump, simulator.url, directory, config);
    await simulator.close();
    const { problems, stored } = checkStored(store, made);
    return { ...measured, problems: [...checkReceipt(receipt, made), ...problems], stored };
  } finally {
    await simulator.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runImport(dump: string, endpoint: string, directory: string, { file, source }: BenchConfig) {
  const config = join(ROOT, 'bench', file);
  const state = join(directory, 'state');
  const options = ['--config', config, '--source', source, '--state', state, '--endpoint', endpoint, '--json'];
  const script = join(ROOT, 'cli', 'main.ts');
  const { printed, ...measured } = await runMeasured({ script, args: ['import', dump, ...options], fine: [0, 1] });
  return { ...measured, receipt: JSON.parse(printed) as Receipt };
}

function checkReceipt(receipt: Receipt, { events }: MadeDump): string[] {
  const { state, read, delivered, inFlight, rejected, dead, parked } = receipt;
  const isWhole = state === 'complete' && read === events && delivered === events;
  const rest = inFlight + rejected + dead + parked;
  return isWhole && rest === 0 ? [] : [`the receipt of ${events} events is ${JSON.stringify(receipt)}`];
}

/** Every event has a time of its own: each must be there, and none twice. */
function checkStored(store: string, { events }: MadeDump) {
  const isThere = new Uint8Array(events);
  let doubled = 0;
  let strange = 0;
  const sum = Buffer.alloc(16);
  const opened = openSimulatorStore(store);
  for (const { time = Number.NaN, sha256 } of opened.events()) {
    const hash = Buffer.from(sha256, 'hex');
    for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] ?? 0) + (hash[i] ?? 0);
    const n = (time - FIRST_TIME) / TIME_STEP_MS;
    if (isThere[n] === undefined) strange += 1;
    else if (isThere[n] === 1) doubled += 1;
    else isThere[n] = 1;
  }
  opened.close();
  const lost = isThere.reduce((count, there) => count + 1 - there, 0);
  const isExact = lost + doubled + strange === 0;
  const problem = `of ${events} events ${lost} are lost, ${doubled} are doubled, ${strange} are strange`;
  return { problems: isExact ? [] : [problem], stored: sum.toString('hex') };
}
