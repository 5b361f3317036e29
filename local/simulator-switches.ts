/**
 * The simulator's switches: everything about Amplitude that is undocumented, contradictory or only seen by third parties,
 * each with the value the simulator takes when nothing else is said, next to every limit that is documented.
 */

export type Endpoint = 'batch' | 'httpapi';

export const DEFAULT_SWITCHES = {
  /** What a "MB" is: 2^20 or 10^6 bytes. Undocumented. */
  bytesPerMegabyte: 1_048_576,
  /** Documented: 20 MB on /batch, 1 MB on /2/httpapi, 2,000 events on both. More is answered 413. */
  batchMegabytes: 20,
  httpMegabytes: 1,
  maxEvents: 2_000,
  /** Whether the size is that of the JSON or that of the body as it was sent (gzip). Undocumented. */
  payloadMeasured: 'json' as 'json' | 'as sent',
  /** Whether a request must say that it is application/json (documented: must; the answer is a guess: 415). */
  contentTypeChecked: true,
  /** Whether /batch takes gzip. Undocumented there, but Amplitude's own SDKs send it. False: 400 "Invalid JSON request body". */
  batchGzip: true,

  /** Documented: events a second for each device and each user of a project, averaged over the window. */
  batchEventsPerSecond: 1_000,
  httpEventsPerSecond: 30,
  /** Documented for /batch; for /2/httpapi "a recent time window". */
  windowSeconds: 30,
  /** How long an id stays throttled after a 429, whatever its rate then is. The pages say 15 s, 30 s, "a few seconds" to the client. */
  throttlePauseSeconds: 0,
  /** Whether the events of a refused request count in the window and in the daily quota. Undocumented. */
  refusedEventsCount: false,
  /** Limits of a whole project, averaged over the window, 0 for none (Starter plan: 1,000 events and 100 requests a second). */
  projectEventsPerSecond: 0,
  projectRequestsPerSecond: 0,
  /** Whether a request that is both throttled and invalid is answered 429 (true) or 400 (false). Undocumented. */
  throttledBeforeInvalid: false,

  /** Documented: events in 24 hours of a device or user that Amplitude takes for spam. */
  dailyQuota: 500_000,
  /** After so many 429s an id is taken for spam, 0 for never. Undocumented. */
  spammyAfterThrottles: 0,
  /** Whether the quota is each id's own, or one for all of the project. The pages say both. */
  quotaScope: 'id' as 'id' | 'project',
  /** Whether events over the quota are also in throttled_events: the Python and Go SDKs say yes, the TypeScript SDK no. */
  quotaEventsInThrottledEvents: true,

  /** Whether a 400 of /2/httpapi names only the first offending event of each field (its page) or all (/batch's page). */
  httpFirstOnly: true,
  /** A short id is answered 400 (observed), or stripped and answered 400 only when no id is left (documented). */
  shortIds: 'refuse' as 'refuse' | 'strip',
  /** Which map of the 400 names ids on the list of invalid ids. Undocumented. */
  invalidIdsIn: 'events_with_invalid_fields' as 'events_with_invalid_fields' | 'events_with_invalid_id_lengths',
  /** Whether "Invalid API key" is followed by the key. SDKs expect both forms. */
  invalidKeyNamed: true,
  /** Events dated further ahead are answered 400, 0 for no limit. Undocumented. */
  maxFutureSeconds: 0,
  /** Whether a request that is not answered 200 stores nothing (documented), or all but the events it names. */
  atomic: true,

  /** Documented: how long an insert_id is remembered. */
  dedupeDays: 7,
  /** What makes two events the same: the pages name three keys. */
  dedupeBy: 'device_id and insert_id' as 'device_id and insert_id' | 'insert_id' | 'user_id, insert_id and time',
  /** Whether events without insert_id are the same when device_id, event_id and time are (an older rule). */
  dedupeWithoutInsertId: false,
  /** Whether events_ingested counts duplicates. Undocumented. */
  duplicatesIngested: true,
  /** Whether times are moved by upload delay when client_upload_time is given and more than 60 s off (projects from id 243704 on). */
  clockShift: true,
};

export type SimulatorSwitches = Readonly<typeof DEFAULT_SWITCHES>;

/** Throws when a name is not a switch, so that a typo does not leave a test without its point. */
export function withDefaults(switches: Partial<SimulatorSwitches> = {}): SimulatorSwitches {
  const unknown = Object.keys(switches).filter((name) => !(name in DEFAULT_SWITCHES));
  if (unknown.length > 0) {
    const known = Object.keys(DEFAULT_SWITCHES).join(', ');
    throw new Error(`the simulator has no switch ${unknown.join(', ')}; it has ${known}`);
  }
  return { ...DEFAULT_SWITCHES, ...switches };
}

export function maxPayloadBytes(endpoint: Endpoint, switches: SimulatorSwitches): number {
  return (endpoint === 'batch' ? switches.batchMegabytes : switches.httpMegabytes) * switches.bytesPerMegabyte;
}

/** Events a second of one device or user; in answers this is `eps_threshold`. */
export function maxEventsPerSecond(endpoint: Endpoint, switches: SimulatorSwitches): number {
  return endpoint === 'batch' ? switches.batchEventsPerSecond : switches.httpEventsPerSecond;
}
