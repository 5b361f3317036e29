/** How long a lane rests after a chunk, so that Amplitude need not throttle anybody: arithmetic instead of 429s. */
import {
  API_LIMITS,
  type Api,
  EVENTS_PER_REQUEST,
  eventsPerId,
  PACE,
  RATE_WINDOW_MS,
} from '../../shared/amplitude-limits.ts';

/** An upload that takes longer is paced as if it had begun so long before its end. */
const JITTER_MS = 1_000;

export type PaceRules = {
  readonly api: Api;
  /** What the whole project may send, over all its lanes; undefined: as much as it can. */
  readonly projectEventsPerSecond?: number | undefined;
  readonly uploaders: number;
  /** How many lanes a project with such a cap has; it has none beside them. */
  readonly lanes: number;
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
 * How long, in ms from the end of the upload, until the lane's next one. `heldMs` if whoever uploaded waits meanwhile, so that
 * he cannot upload for other lanes; `hiddenMs` if he does not. As a lane has one chunk in flight, this bounds the rate of
 * each of its devices without any state; with a cap on the project, each of the lanes keeps to its share of it.
 */
export type Rest = { readonly heldMs: number; readonly hiddenMs: number };

export const NO_REST: Rest = { heldMs: 0, hiddenMs: 0 };

export function restAfter(sent: Sent, rules: PaceRules): Rest {
  const cap = rules.projectEventsPerSecond;
  // Not the uploaders' share: who lets a lane rest unseen uploads for another one meanwhile.
  const forProject = cap === undefined ? 0 : (1_000 * sent.events * rules.lanes) / cap;
  const least = Math.max(0, forProject, sent.wasThrottled ? RATE_WINDOW_MS : 0);
  const { heldMs, hiddenMs } = restForDevice(sent, rules);
  return { heldMs: Math.ceil(Math.max(least, heldMs)), hiddenMs: Math.ceil(Math.max(least, hiddenMs)) };
}

/**
 * A device in one lane is paced so that no window of Amplitude's, wherever it begins, holds more of it than allowed. One that
 * may be in several lanes at a time is a cool one. Those lanes rest only if all uploaders at once could be too fast for
 * it, as if each of them had as much of it; and when nobody is held up by their rest, as if each of the lanes had.
 */
function restForDevice({ hottest, spread, tookMs }: Sent, { api, uploaders }: PaceRules): Rest {
  if (spread === 1) {
    const ms = cycleMs(hottest, api) - Math.min(tookMs, JITTER_MS);
    return { heldMs: ms, hiddenMs: ms };
  }
  const msPerEvent = 1_000 / (PACE * API_LIMITS[api].eventsPerSecond);
  const heldMs = hottest * Math.min(uploaders, spread) * msPerEvent - tookMs;
  return heldMs <= 0 ? NO_REST : { heldMs, hiddenMs: hottest * spread * msPerEvent - tookMs };
}

/**
 * Milliseconds from the beginning of an upload with so many events of a device to the next one's. When in the course of an
 * upload Amplitude counts it is not known: in a window, the first one may be counted at its end, the last one at its
 * beginning. So a window may hold what is begun within its length and that of an upload, and one more, as large as any.
 */
function cycleMs(events: number, api: Api): number {
  const allowed = (API_LIMITS[api].eventsPerSecond * RATE_WINDOW_MS) / 1_000;
  const oneMore = Math.min(EVENTS_PER_REQUEST, eventsPerId(api));
  return ((RATE_WINDOW_MS + JITTER_MS) * events) / (allowed - oneMore);
}
