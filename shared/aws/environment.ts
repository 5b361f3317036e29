/** What the stack tells a function: names of queues, table and buckets. Written by cdk/, read once by each handler. */

export const CHUNKER_VARIABLES = [
  'INTAKE_QUEUE_URL',
  'INTAKE_DLQ_URL',
  'UPLOAD_QUEUE_URL',
  'LEDGER_TABLE',
  'RESULTS_BUCKET',
] as const;
export const UPLOADER_VARIABLES = [
  'UPLOAD_QUEUE_URL',
  'UPLOAD_DLQ_URL',
  'PARKED_QUEUE_URL',
  'PARKED_DLQ_URL',
  'LEDGER_TABLE',
  'RESULTS_BUCKET',
] as const;
export const WATCHER_VARIABLES = [
  'LANDING_BUCKET',
  'INTAKE_QUEUE_URL',
  'INTAKE_DLQ_URL',
  'LEDGER_TABLE',
  'RESULTS_BUCKET',
] as const;

/** The stack's name, of every function. */
export const STACK_VARIABLE = 'STACK_NAME';

/** Set only to send to something else than Amplitude itself: a simulator, a proxy. */
export const ENDPOINT_VARIABLE = 'AMPLITUDE_ENDPOINT';

/** The variables' values; throws one error that names every one that is missing. */
export function readEnvironment<Name extends string>(
  names: readonly Name[],
  environment: Readonly<Record<string, string | undefined>>,
): Record<Name, string> {
  const missing = names.filter((name) => !environment[name]);
  if (missing.length > 0) throw new Error(`environment lacks ${missing.join(', ')}; the stack sets them`);
  return Object.fromEntries(names.map((name) => [name, environment[name]])) as Record<Name, string>;
}
