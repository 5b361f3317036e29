/** One JSON line per unit of work; never an event's content, never a key. */

/**
 * `info`: it went as it should. `warn`: it will be tried again, nothing is lost. `error`: someone must act.
 * Fields use the words of the ledger (dump, segment, chunk, delivered, …).
 */
export type Log = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

export const logJson: Log = (level, message, fields) => {
  // Not console.log: in Lambda it puts its own words before the line, which is then no JSON.
  process.stdout.write(`${JSON.stringify({ level, message, ...fields })}\n`);
};

/** An error and its causes, on one line. */
export function describeError(error: unknown): string {
  if (Array.isArray(error)) return error.map(describeError).join('; ');
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `: ${describeError(error.cause)}`;
  return `${error.message || error.name}${cause}`;
}
