/** How long a lane rests after a chunk, so that Amplitude need not throttle anybody: arithmetic instead of 429s. */
import { API_LIMITS, type Api, PACE, RATE_WINDOW_MS } from '../../shared/amplitude-limits.ts';

export type PaceRules = {
  readonly api: Api;
  /** What the whole project may send, over all uploaders; undefined: as much as it can. */
  readonly projectEventsPerSecond?: number | undefined;
  readonly uploaders: number;
};

export type Sent = {
  /** The largest number of events that share a device or a user. */
  readonly hottest: number;
  readonly events: number;
  /** Amplitude throttled somebody all the same. */
  readonly wasThrottled: boolean;
};

/**
 * Milliseconds from the end of the upload to the next one of the same lane. As a lane has one chunk in flight, this
 * bounds the rate of each of its devices without any state; with a cap on the project, each of the uploaders keeps to
 * its share of it.
 */
export function restMs({ hottest, events, wasThrottled }: Sent, rules: PaceRules): number {
  const forDevice = hottest / (PACE * API_LIMITS[rules.api].eventsPerSecond);
  const cap = rules.projectEventsPerSecond;
  const forProject = cap === undefined ? 0 : (events * rules.uploaders) / cap;
  const ms = Math.ceil(1_000 * Math.max(forDevice, forProject));
  return wasThrottled ? Math.max(ms, RATE_WINDOW_MS) : ms;
}
