/** The command line: finds the command, runs it, and turns what went wrong into one message and an exit code. */
import { ConfigError } from '../shared/config-issues.ts';
import { describeError } from '../shared/log.ts';
import { type Command, EXIT, UsageError } from './usage.ts';

type Named = {
  /** One line for the list of commands. */
  readonly summary: string;
  /** Only the command that runs is loaded: with everything it needs, that takes longer than many a command itself. */
  load(): Promise<Command>;
};

const COMMANDS: Readonly<Record<string, Named>> = {
  try: {
    summary: "show what would become of a dump's records; nothing is sent",
    load: async () => (await import('./try.ts')).tryCommand,
  },
  import: {
    summary: 'deliver the events of dumps on this machine',
    load: async () => (await import('./import.ts')).importCommand,
  },
  plan: {
    summary: 'say which API to use for dumps, how long, how much, and what would go wrong',
    load: async () => (await import('./plan.ts')).planCommand,
  },
  status: {
    summary: 'which dumps are in, how far the others are, what to do',
    load: async () => (await import('./status.ts')).statusCommand,
  },
  rejects: {
    summary: 'what of a dump can never be delivered, and why',
    load: async () => (await import('./rejects.ts')).rejectsCommand,
  },
  dlq: {
    summary: 'what is dead and why, and the replay that takes it',
    load: async () => (await import('./dlq.ts')).dlqCommand,
  },
  replay: {
    summary: 'put dead payloads back on their queues, or run rejects again',
    load: async () => (await import('./replay.ts')).replayCommand,
  },
  simulate: {
    summary: "run Amplitude's upload APIs on this machine",
    load: async () => (await import('./simulate.ts')).simulateCommand,
  },
};

const HELP = `s3-to-amplitude: imports event dumps into Amplitude; nothing gets lost quietly

Usage
  s3-to-amplitude <command> [options]

Commands
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`)
  .join('\n')}

Examples
  s3-to-amplitude try dumps/2026-11-20.ndjson.gz          see what would become of its records; nothing is sent
  s3-to-amplitude import dumps/2026-11-20.ndjson.gz       try it: everything goes to a simulator on this machine
  AMPLITUDE_API_KEY=… s3-to-amplitude import --live dumps/
  s3-to-amplitude plan dumps/                             which API, how long, how much; nothing is sent
  s3-to-amplitude status --date yesterday
  s3-to-amplitude replay --dry-run

Exit codes
  0  everything was delivered or filtered
  1  there are rejects, parked or dead payloads, a dump could not be read to its end, or a plan sees something in danger
  2  the command or the configuration is wrong
  3  something unforeseen; what is done so far is kept, and the same command goes on
  4  a dump is still under way (status)

s3-to-amplitude <command> --help says more.`;

/** Runs what the arguments say and resolves to the exit code; what goes wrong is one message on standard error. */
export async function runCommand(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    console.error(`s3-to-amplitude: ${describeError(error)}`);
    return error instanceof UsageError || error instanceof ConfigError ? EXIT.usage : EXIT.unforeseen;
  }
}

async function run([name, ...args]: readonly string[]): Promise<number> {
  const named = name === undefined ? undefined : COMMANDS[name];
  if (!named) {
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      console.log(HELP);
      return name === undefined ? EXIT.usage : EXIT.fine;
    }
    throw new UsageError(`unknown command "${name}"; expected one of ${Object.keys(COMMANDS).join(', ')}`);
  }
  const command = await named.load();
  if (args.includes('--help') || args.includes('-h')) {
    console.log(command.help);
    return EXIT.fine;
  }
  return command.run(args);
}
