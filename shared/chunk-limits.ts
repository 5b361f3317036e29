/** What makes up a chunk of a source: whose events share a lane, and how many fit: its own caps, within what its API takes. */
import { API_LIMITS, eventsPerId } from './amplitude-limits.ts';
import type { Source } from './config.ts';

export type ChunkLimits = {
  /** What events must share to share a lane. */
  readonly lane: Source['lane'];
  readonly eventsPerChunk: number;
  /** Bytes of JSON. */
  readonly chunkBytes: number;
  /** Events of one device or one user. */
  readonly eventsPerId: number;
};

export function chunkLimits({ caps, api, lane }: Pick<Source, 'caps' | 'api' | 'lane'>): ChunkLimits {
  const { bytesPerRequest } = API_LIMITS[api];
  return {
    lane,
    eventsPerChunk: caps.eventsPerChunk,
    chunkBytes: Math.min(caps.chunkBytes, bytesPerRequest),
    eventsPerId: eventsPerId(api),
  };
}
