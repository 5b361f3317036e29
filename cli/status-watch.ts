/** Looks again and again: redraws on a terminal, prints a line for each change where it is piped, and knows when to end. */
import type { DumpStatus } from './dump-status.ts';

export type WatchPorts = {
  look(): Promise<readonly DumpStatus[]>;
  /** Shows what was seen. */
  show(statuses: readonly DumpStatus[]): void;
  /** Whether there is nothing more to wait for. */
  isOver(statuses: readonly DumpStatus[]): boolean;
  /** Told what went wrong with a look; the next one may go well. */
  trouble(error: unknown): void;
  now(): number;
  /** Ends early when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
};

export type WatchOptions = {
  readonly everyMs: number;
  readonly timeoutMs?: number | undefined;
  readonly signal: AbortSignal;
};

/** A wait goes on for hours, and networks fail for minutes. */
const MAX_TROUBLES = 20;

/** What was seen last. The first look must go well, a later one may fail now and then. */
export async function watch(
  { everyMs, timeoutMs, signal }: WatchOptions,
  ports: WatchPorts,
): Promise<readonly DumpStatus[]> {
  const until = timeoutMs === undefined ? Number.POSITIVE_INFINITY : ports.now() + timeoutMs;
  let statuses = await ports.look();
  let troubles = 0;
  for (;;) {
    if (troubles === 0) ports.show(statuses);
    if ((troubles === 0 && ports.isOver(statuses)) || signal.aborted || ports.now() >= until) return statuses;
    await ports.sleep(Math.min(everyMs, until - ports.now()), signal);
    if (signal.aborted) return statuses;
    try {
      statuses = await ports.look();
      troubles = 0;
    } catch (error) {
      troubles += 1;
      if (troubles === MAX_TROUBLES) throw error;
      if (troubles === 1) ports.trouble(error);
    }
  }
}

/** Draws over what it drew before. `rows` is the terminal's height: what is higher cannot be drawn over. */
export function redrawer(terminal: Pick<NodeJS.WriteStream, 'write'> & { readonly rows?: number }) {
  let drawn = 0;
  return (lines: readonly string[]): void => {
    const height = Math.max(1, (terminal.rows ?? 24) - 1);
    const shown =
      lines.length <= height
        ? lines
        : [...lines.slice(0, height - 1), `… (${lines.length - height + 1} lines do not fit)`];
    // To the first line of the last drawing, erasing to the end of the screen.
    const back = drawn > 0 ? `\u001b[${drawn}A\r\u001b[J` : '';
    terminal.write(`${back}${shown.join('\n')}\n`);
    drawn = shown.length;
  };
}

/** Prints what is new about each dump. */
export function changePrinter(lineOf: (status: DumpStatus) => string, print: (line: string) => void) {
  const last = new Map<string, string>();
  return (statuses: readonly DumpStatus[]): void => {
    // In the order in which they were begun.
    for (const status of statuses.toReversed()) {
      const line = lineOf(status);
      if (last.get(status.dumpId) === line) continue;
      last.set(status.dumpId, line);
      print(line);
    }
  };
}
