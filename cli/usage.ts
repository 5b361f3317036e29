/** What every command has in common: how its options are read, and how it says that they are wrong. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** Exit codes: 0 everything delivered or filtered · 1 rejects, parked or dead payloads, a dump that failed, or something in danger · 2 usage or configuration · 3 anything unforeseen · 4 a dump is still under way (`status`) · 130 stopped by Ctrl-C. */
export const EXIT = { fine: 0, leftovers: 1, usage: 2, unforeseen: 3, underWay: 4, interrupted: 130 } as const;

/** The command cannot run as it was called; the message says what was found and what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type Command = {
  /** What `--help` prints: usage, options, examples. */
  readonly help: string;
  /** Resolves to the exit code. */
  run(args: readonly string[]): Promise<number>;
};

/** Options and positionals; throws a UsageError that names the command's help. */
export function readArgs<const Options extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const message = error instanceof Error ? error.message.replace(/\. To specify.*/s, '') : String(error);
    // The cause would say the same once more.
    throw new UsageError(`${message}; see s3-to-amplitude ${command} --help`, { cause: undefined });
  }
}

/** A number option in its range; `undefined` when it is not given. */
export function readNumber(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(`--${name}: found "${text}", expected a whole number from ${min} to ${max}`);
}
