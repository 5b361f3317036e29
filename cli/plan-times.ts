/** How long Amplitude's two APIs take for a project's load, each within its limits: the longest of what has to be waited for. */
import { restAfter } from '../lambdas/uploader/pace.ts';
import { API_LIMITS, type Api, RATE_WINDOW_MS, REQUEST_MS } from '../shared/amplitude-limits.ts';
import type { Importer } from '../shared/config.ts';
import type { Destination } from '../shared/target.ts';
import { count, type Figure, n } from './figure.ts';
import { type Hit, middleOf } from './heavy-hitters.ts';
import { type ChunkPlan, planChunks } from './plan-chunks.ts';
import type { Load } from './plan-load.ts';

/** What an import waits for: the busiest device, the busiest user, the uploads one after the other, the project's own cap. */
export type Bound = 'device' | 'user' | 'uploads' | 'project';

export type ApiPlan = {
  readonly api: Api;
  readonly chunks: ChunkPlan;
  readonly bounds: Readonly<Partial<Record<Bound, Figure>>>;
  /** The longest of them, and how long it is. */
  readonly bound: Bound;
  readonly time: Figure;
  /** The project whose device, user or cap that is, where there are several. */
  readonly slowest?: string;
};

export type TimeRules = {
  readonly source: Destination;
  /** What the project may send, events/s. */
  readonly cap: number | undefined;
  readonly importer: Pick<Importer, 'lanes' | 'uploaders' | 'segmentRecords'>;
};

export function planApi(api: Api, load: Load, { source, cap, importer }: TimeRules): ApiPlan {
  const chunks = planChunks(load, { source, importer, api });
  const [device] = load.hottestDevices;
  const [user] = load.hottestUsers;
  const bounds: Partial<Record<Bound, Figure>> = {
    uploads: uploadTime(chunks, importer.uploaders),
    ...(device && { device: idTime(api, device, chunks, load) }),
    ...(user && { user: idTime(api, user, chunks, load) }),
    ...(cap !== undefined && { project: capTime(load.events, cap) }),
  };
  const [bound, time] = longest(bounds);
  return { api, chunks, bounds, bound, time };
}

export function longest(bounds: Readonly<Partial<Record<Bound, Figure>>>): [Bound, Figure] {
  const order: readonly Bound[] = ['uploads', 'device', 'user', 'project'];
  return order.reduce<[Bound, Figure]>(
    (best, bound) => {
      const figure = bounds[bound];
      return figure && figure.value > best[1].value ? [bound, figure] : best;
    },
    ['uploads', bounds.uploads ?? NOTHING],
  );
}

const NOTHING: Figure = { value: 0, unit: 'seconds', isEstimate: false, arithmetic: 'no events' };

export function uploadTime({ chunks, lanes }: Pick<ChunkPlan, 'chunks' | 'lanes'>, uploaders: number): Figure {
  const parallel = Math.max(1, Math.min(uploaders, lanes));
  const seconds = REQUEST_MS / 1_000;
  return {
    value: Math.max(chunks.value / parallel, Math.min(1, chunks.value)) * seconds,
    unit: 'seconds',
    isEstimate: true,
    arithmetic: `${count(chunks.value, 'request')} × ${seconds} s each / ${n(parallel)} at a time (the fewer of ${count(uploaders, 'uploader')} and ${count(lanes, 'lane')})`,
  };
}

/** An id's chunks leave one after the other, with the rest between them that keeps within Amplitude's limit for it. */
function idTime(api: Api, hit: Hit, { perId }: ChunkPlan, { isWhole }: Load): Figure {
  const { eventsPerSecond } = API_LIMITS[api];
  const rest = { hottest: perId, spread: 1, events: perId, tookMs: 0, wasThrottled: false };
  const cycle = restAfter(rest, { api, uploaders: 1, lanes: 1 }).heldMs / 1_000;
  const events = middleOf(hit);
  const chunks = Math.ceil(events / perId);
  const allowed = (eventsPerSecond * RATE_WINDOW_MS) / 1_000;
  return {
    value: Math.max(0, chunks - 1) * cycle + REQUEST_MS / 1_000,
    unit: 'seconds',
    isEstimate: true,
    arithmetic: `${n(events)} events${isWhole ? '' : ' (extrapolated)'} of ${hit.id} / ${n(perId)} a chunk = ${count(chunks, 'chunk')}, one every ${n(cycle)} s (${n(perId / cycle)} events/s, so that no window of ${RATE_WINDOW_MS / 1_000} s holds more than ${n(allowed)}: Amplitude takes ${n(eventsPerSecond)}/s of an id), and ${REQUEST_MS / 1_000} s for the last`,
  };
}

function capTime(events: number, cap: number): Figure {
  return {
    value: events / cap,
    unit: 'seconds',
    isEstimate: false,
    arithmetic: `${n(events)} events / ${n(cap)} a second (projectEventsPerSecond)`,
  };
}
