/** How many chunks, and so requests, the events for a project will make: the chunker's own rules, without its events. */
import { chunkLimits } from '../shared/chunk-limits.ts';
import { laneRules, openLanes } from '../lambdas/chunker/lanes.ts';
import { SEPARATOR } from '../lambdas/chunker/lane-chunks.ts';
import type { Api } from '../shared/amplitude-limits.ts';
import type { Importer } from '../shared/config.ts';
import type { Destination } from '../shared/target.ts';
import { MAX_MESSAGE_BYTES } from '../shared/queue.ts';
import { count, type Figure, n } from './figure.ts';
import { middleOf } from './heavy-hitters.ts';
import { type DumpLoad, type Load, laneHits } from './plan-load.ts';

export type ChunkPlan = {
  /** Events that fit in one. */
  readonly perChunk: number;
  /** Of one device or user. */
  readonly perId: number;
  readonly chunks: Figure;
  /** That can be in flight at a time. */
  readonly lanes: number;
};

export type ChunkRules = {
  readonly source: Destination;
  readonly importer: Pick<Importer, 'lanes' | 'uploaders' | 'segmentRecords'>;
  readonly api: Api;
};

/** Of a queue message, what base64 leaves. */
const MAX_BODY_BYTES = (3 / 4) * MAX_MESSAGE_BYTES;

/** A lane's last chunk in a segment is half full on average. */
const HALF = 1 / 2;

export function planChunks(load: Load, { source, importer, api }: ChunkRules): ChunkPlan {
  const limits = chunkLimits({ ...source, api });
  const bytes = load.bytesPerEvent + SEPARATOR.length;
  const fitting = Math.floor(Math.min(limits.chunkBytes / bytes, MAX_BODY_BYTES / (bytes * load.deflated)));
  const perChunk = Math.max(1, Math.min(limits.eventsPerChunk, fitting));
  const perId = Math.min(perChunk, limits.eventsPerId);
  const counted = load.dumps.map((dump) => chunksOf(dump, load, { source, importer, api }, { perChunk, perId }));
  const sum = (pick: (one: DumpChunks) => number) => counted.reduce((total, one) => total + pick(one), 0);
  const value = Math.ceil(sum(({ inLanes }) => inLanes) + sum(({ own }) => own));
  const hot = Math.max(0, ...counted.map((one) => one.hot));
  const segments = sum((one) => one.segments);
  return {
    perChunk,
    perId,
    lanes:
      Math.min(
        importer.lanes,
        sum((one) => one.lanes),
      ) + hot,
    chunks: {
      value,
      unit: 'chunks',
      isEstimate: true,
      arithmetic:
        `${n(sum((one) => one.cool))} events / ${n(perChunk)} a chunk, and half a chunk (in all at least a whole one) in each lane of ${count(segments, 'segment')}: ${n(sum(({ inLanes }) => inLanes))}` +
        (hot === 0
          ? ''
          : `; ${count(hot, 'busy id')} with a lane of its own, ${n(perId)} a chunk: ${n(sum(({ own }) => own))}`),
    },
  };
}

type DumpChunks = Readonly<Record<'segments' | 'lanes' | 'cool' | 'inLanes' | 'hot' | 'own', number>>;

function chunksOf(
  { records, events, lanes }: DumpLoad,
  load: Load,
  { source, importer, api }: ChunkRules,
  { perChunk, perId }: { readonly perChunk: number; readonly perId: number },
): DumpChunks {
  if (events === 0) return { segments: 0, lanes: 0, cool: 0, inLanes: 0, hot: 0, own: 0 };
  const segments = Math.ceil(records / importer.segmentRecords);
  const rules = laneRules('', { ...source, api }, importer);
  const { hotAt } = openLanes(rules, { count: lanes, hot: [], ends: [] });
  // Its events in a chunk of its lane, which it shares with the others of so many lanes.
  const inChunk = (share: number) => Math.min(perChunk, events / lanes) * Math.min(1, share * lanes);
  const hot = laneHits(load, source)
    .map((hit) => middleOf(hit) / load.events)
    .filter((share) => Math.min(inChunk(share), share * events) > hotAt);
  const hotEvents = events * hot.reduce((sum, share) => sum + share, 0);
  const cool = Math.max(0, events - hotEvents);
  const chunksIn = (some: number, places: number, each: number) =>
    Math.min(some, places * Math.max(1, some / (places * each) + HALF));
  return {
    segments,
    lanes,
    cool,
    inLanes: chunksIn(cool, segments * lanes, perChunk),
    hot: hot.length,
    own: hot.reduce((sum, share) => sum + chunksIn(share * events, segments, perId), 0),
  };
}
