/** How large a chunk of a source may be: the source's own caps, within what its API takes in one request. */
import { API_LIMITS, RATE_WINDOW_MS } from '../../shared/amplitude-limits.ts';
import type { Source } from '../../shared/config.ts';

export type ChunkLimits = {
  readonly eventsPerChunk: number;
  /** Bytes of JSON. */
  readonly chunkBytes: number;
  /** Events of one device or one user: half of what Amplitude takes of it in its window, so that a chunk can always be accepted. */
  readonly eventsPerId: number;
};

export function chunkLimits({ caps, api }: Pick<Source, 'caps' | 'api'>): ChunkLimits {
  const { bytesPerRequest, eventsPerSecond } = API_LIMITS[api];
  return {
    eventsPerChunk: caps.eventsPerChunk,
    chunkBytes: Math.min(caps.chunkBytes, bytesPerRequest),
    eventsPerId: (eventsPerSecond * RATE_WINDOW_MS) / 1_000 / 2,
  };
}
