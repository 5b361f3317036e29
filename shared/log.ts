/** The log: one line per unit of work; never an event's content, never one of its ids, never an API key. */

/**
 * `info`: it went as it should. `warn`: it will be tried again, nothing is lost. `error`: someone must act.
 * Fields use the words of the ledger (dump, segment, chunk, delivered, …). What belongs to one dump has its `dumpId`, which
 * ties the lines of all functions together.
 */
export type Log = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

/** An error and its causes, on one line. */
export function describeError(error: unknown): string {
  if (Array.isArray(error)) return error.map(describeError).join('; ');
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `: ${describeError(error.cause)}`;
  return `${error.message || error.name}${cause}`;
}
