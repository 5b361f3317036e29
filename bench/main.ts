/** `npm run bench [-- <name>]`: runs one measurement or all of them, prints what it found, and exits with 1 when it is not as promised. */
import { parseArgs } from 'node:util';
import { UsageError } from '../cli/usage.ts';
import { chunkerBench } from './chunker.ts';
import { costBench } from './cost.ts';
import { inputsBench } from './inputs.ts';
import { lookupBench } from './lookup.ts';
import { memoryBench } from './memory.ts';
import { pacingBench } from './pacing.ts';
import { profileBench } from './profile.ts';
import { suiteBench } from './suite.ts';
import { uploaderBench } from './uploader.ts';

export type Bench = {
  /** One line for the list. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  readonly options: Readonly<
    Record<string, { readonly type: 'string'; readonly default: string } | { readonly type: 'boolean' }>
  >;
  /** Resolves to what was not as promised; nothing when all was. A value without a text is `true`. */
  run(values: Readonly<Record<string, string | undefined>>): Promise<readonly string[]>;
};

const BENCHES: Readonly<Record<string, Bench>> = {
  suite: suiteBench,
  memory: memoryBench,
  inputs: inputsBench,
  lookup: lookupBench,
  pacing: pacingBench,
  chunker: chunkerBench,
  profile: profileBench,
  uploader: uploaderBench,
  cost: costBench,
};

const HELP = `npm run bench [-- <name>] [options]

Without a name it is suite.

${Object.entries(BENCHES)
  .map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`)
  .join('\n')}

npm run bench -- <name> --help says more.`;

async function main(given: readonly string[]): Promise<number> {
  const [first = ''] = given;
  if (first === '--help' || first === '-h') {
    console.log(HELP);
    return 0;
  }
  const isNamed = first !== '' && !first.startsWith('-');
  const name = isNamed ? first : 'suite';
  const args = isNamed ? given.slice(1) : given;
  const bench = BENCHES[name];
  if (!bench) {
    console.log(`no bench is named ${name}\n\n${HELP}`);
    return 2;
  }
  if (args.includes('--help') || args.includes('-h')) {
    console.log(bench.help);
    return 0;
  }
  const problems = await bench.run(readOptions(args, bench));
  for (const problem of problems) console.error(`bench: ${problem}`);
  return problems.length > 0 ? 1 : 0;
}

function readOptions(args: readonly string[], { options }: Bench): Readonly<Record<string, string | undefined>> {
  try {
    const { values } = parseArgs({ args: [...args], options });
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, value === undefined ? value : String(value)]),
    );
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 2;
}
