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
  /** Over how many lanes that device's events may be spread. */
  readonly spread: number;
  readonly events: number;
  /** How long the upload took. */
  readonly tookMs: number;
  /** Amplitude throttled somebody all the same. */
  readonly wasThrottled: boolean;
};

/**
 * Milliseconds from the end of the upload to the next one of the same lane. As a lane has one chunk in flight, this
 * bounds the rate of each of its devices without any state; with a cap on the project, each of the uploaders keeps to
 * its share of it.
 */
export function restMs(sent: Sent, rules: PaceRules): number {
  const cap = rules.projectEventsPerSecond;
  const forProject = cap === undefined ? 0 : (1_000 * sent.events * rules.uploaders) / cap;
  const ms = Math.ceil(Math.max(restForDevice(sent, rules), forProject));
  return sent.wasThrottled ? Math.max(ms, RATE_WINDOW_MS) : ms;
}

/**
 * A device in one lane is paced from the end of its upload: from its beginning still drew 429s in simulation. One that may
 * be in several lanes at a time is a cool one, and those lanes rest only if all uploaders at once could be too fast
 * for it; then as if all those lanes held as much of it.
 */
function restForDevice({ hottest, spread, tookMs }: Sent, { api, uploaders }: PaceRules): number {
  const eventsPerMs = (PACE * API_LIMITS[api].eventsPerSecond) / 1_000;
  if (spread === 1) return hottest / eventsPerMs;
  if (hottest * Math.min(uploaders, spread) <= eventsPerMs * tookMs) return 0;
  return Math.max(0, (hottest * spread) / eventsPerMs - tookMs);
}
