/** What one look at the landing bucket leaves for the next: an object in the results bucket. */
import * as z from 'zod';
import type { Results } from '../../shared/objects.ts';
import { WATCH_STATE_KEY } from './watch-state-key.ts';

const VERSION = 1;

const schema = z.object({
  v: z.literal(VERSION),
  /** From when on each source is watched, ms since epoch, by name. */
  since: z.record(z.string(), z.number()),
  /** Where the list of a prefix goes on that was too long for one run: after this key. */
  after: z.record(z.string(), z.string()),
  /** Dumps that were asked for: id → when. */
  redriven: z.record(z.string(), z.number()),
});

export type WatchState = Omit<z.output<typeof schema>, 'v'>;

const EMPTY: WatchState = { since: {}, after: {}, redriven: {} };

/** Throws when a newer version wrote it. */
export async function readState(results: Pick<Results, 'get'>): Promise<WatchState> {
  const found = await results.get(WATCH_STATE_KEY);
  if (!found) return EMPTY;
  const { since, after, redriven } = schema.parse(JSON.parse(found.toString()));
  return { since, after, redriven };
}

export async function writeState(results: Pick<Results, 'put'>, state: WatchState): Promise<void> {
  await results.put(WATCH_STATE_KEY, Buffer.from(JSON.stringify({ v: VERSION, ...state })));
}
