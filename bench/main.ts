/** `npm run bench -- <name>`: runs one measurement, prints what it found, and exits with 1 when it is not as promised. */
import { parseArgs } from 'node:util';
import { memoryBench } from './memory.ts';

export type Bench = {
  /** One line for the list. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  readonly options: NonNullable<Parameters<typeof parseArgs>[0]>['options'];
  /** Resolves to what was not as promised; nothing when all was. */
  run(values: Readonly<Record<string, unknown>>): Promise<readonly string[]>;
};

const BENCHES: Readonly<Record<string, Bench>> = { memory: memoryBench };

const HELP = `npm run bench -- <name> [options]

${Object.entries(BENCHES)
  .map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`)
  .join('\n')}

npm run bench -- <name> --help says more.`;

async function main([name, ...args]: readonly string[]): Promise<number> {
  const bench = name === undefined ? undefined : BENCHES[name];
  if (!bench) {
    console.log(name === undefined || name.startsWith('-') ? HELP : `no bench is named ${name}\n\n${HELP}`);
    return name === '--help' || name === '-h' ? 0 : 2;
  }
  if (args.includes('--help') || args.includes('-h')) {
    console.log(bench.help);
    return 0;
  }
  const { values } = parseArgs({ args: [...args], options: bench.options ?? {} });
  const problems = await bench.run(values);
  for (const problem of problems) console.error(`bench: ${problem}`);
  return problems.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
