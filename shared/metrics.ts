/** The metrics: their names, units, dimension and namespace, for the functions that measure and for alarms and dashboard. */

export const METRICS_NAMESPACE = 'S3ToAmplitude';

/**
 * The one dimension; its value is the stack's name (`local` on one machine). CloudWatch bills each metric of each set of
 * dimensions, so that what belongs to a source or a dump stands in the log lines instead.
 */
export const STACK_DIMENSION = 'stack';

export type MetricUnit = 'Count' | 'Seconds';
export type MetricKind = { readonly unit: MetricUnit; readonly about: string };

/**
 * Each figure is measured once for a unit of work: counts are to be added up (`Sum`), of seconds the largest counts (`Maximum`).
 * A step that is repeated after a crash is measured again: metrics show what goes on, and the ledger keeps the books.
 */
export const METRICS = {
  RecordsRead: { unit: 'Count', about: 'records read of dumps' },
  RecordsFiltered: { unit: 'Count', about: 'records that the configuration leaves out' },
  Rejected: { unit: 'Count', about: 'records and events that can never be delivered: unusable and refused' },
  EventsMade: { unit: 'Count', about: 'events made of the records, those refused by our own check included' },
  EventsDelivered: { unit: 'Count', about: 'events that Amplitude has' },
  EventsParked: { unit: 'Count', about: 'events that wait because Amplitude throttled them' },
  EventsDead: { unit: 'Count', about: 'events of chunks that went to the dead letters' },
  ChunksSent: { unit: 'Count', about: 'chunks on the upload queue, of segments that are planned' },
  ChunksSettled: { unit: 'Count', about: 'chunks whose events are delivered, refused or parked' },
  ChunksTriedAgain: { unit: 'Count', about: 'tries in vain to deliver a chunk; the chunk waits' },
  ChunksDead: { unit: 'Count', about: 'chunks that went to the dead letters' },
  ChunkAge: { unit: 'Seconds', about: 'from when a chunk was sent to when it was settled or tried in vain' },
  Requests: { unit: 'Count', about: 'requests to Amplitude' },
  RequestsThrottled: { unit: 'Count', about: 'requests that Amplitude answered with 429' },
  RequestsFailed: { unit: 'Count', about: 'requests without an answer, or with one that says: later, or never' },
  DumpsRead: { unit: 'Count', about: 'dumps read to their end' },
  DumpsFailed: { unit: 'Count', about: 'dumps that broke off for good, are gone or are given up' },
  DumpsTriedAgain: { unit: 'Count', about: 'tries in vain to read a dump; its message waits' },
  DumpsCompleted: { unit: 'Count', about: 'dumps whose last event is settled and whose receipt is written' },
  DumpSeconds: { unit: 'Seconds', about: 'from when a dump was first taken to when its receipt was written' },
  DumpsRedriven: { unit: 'Count', about: 'dumps of which nobody had been told, and which are asked for once more' },
  FilesMissing: { unit: 'Count', about: 'sources whose daily file is due and of which no dump is known' },
  FilesLate: { unit: 'Count', about: 'sources whose daily file is due and there, and not complete' },
  DumpStillSeconds: { unit: 'Seconds', about: 'for how long nothing of a dump under way has moved, the longest' },
} as const satisfies Readonly<Record<string, MetricKind>>;

export type MetricName = keyof typeof METRICS;

/** What one unit of work adds. */
export type Figures = Readonly<Partial<Record<MetricName, number>>>;

/** The port: tells what a unit of work added. Never throws. */
export type Measure = (figures: Figures) => void;
