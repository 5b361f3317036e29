/** What Amplitude's two upload APIs take (Batch and HTTP V2 documentation, 2026), and the margins we keep. */

export type Api = 'batch' | 'http-v2';

export type ApiLimits = {
  readonly path: string;
  /** Of the request's JSON: 20 MB and 1 MB documented; whether a MB is 10^6 or 2^20 bytes is not. 5 % is left for the key and around. */
  readonly bytesPerRequest: number;
  /** Of one device, and of one user. */
  readonly eventsPerSecond: number;
};

export const API_LIMITS: Readonly<Record<Api, ApiLimits>> = {
  batch: { path: '/batch', bytesPerRequest: 19_000_000, eventsPerSecond: 1_000 },
  'http-v2': { path: '/2/httpapi', bytesPerRequest: 950_000, eventsPerSecond: 30 },
};

/** Events in one request, on both (413 beyond). */
export const EVENTS_PER_REQUEST = 2_000;

/** The rate is an average over so long, which is also how long Amplitude asks a throttled device to pause. */
export const RATE_WINDOW_MS = 30_000;

/** The share of the rate that several lanes together use of it: at exactly the rate they drew 429s in simulation. */
export const PACE = 0.93;

/** How long an upload takes on average (docs/benchmarks.md). */
export const REQUEST_MS = 650;

/**
 * Events of one device or user in a request: a tenth of what Amplitude takes of it in its window. The more at once, the less
 * evenly the window is filled, and the slower the device as a whole.
 */
export function eventsPerId(api: Api): number {
  return (API_LIMITS[api].eventsPerSecond * RATE_WINDOW_MS) / 10_000;
}
