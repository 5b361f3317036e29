/** Dumps of all kinds of lines, read with all kinds of settings. */
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import type { JsonObject } from '../../../shared/amplitude-event.ts';
import type { Api } from '../../../shared/amplitude-limits.ts';
import type { MapFunction } from '../../../shared/config.ts';
import { formatOf } from '../../../shared/format-settings.ts';
import { type Chunker, openChunker } from './chunker.ts';
import { eventLine, sourceOf } from './fixtures.ts';

/** What a map is told to do in `order.dumps`. */
export const obey: MapFunction = (order: JsonObject) => {
  const event = (i: number) => ({ event_type: 'visit', user_id: `${order.user as string}`, i });
  switch (order.do) {
    case 'leave out':
      return null;
    case 'throw':
      throw new Error('as told');
    case 'refuse one':
      return [event(0), { ...event(1), time: 'now' as unknown as number }];
    default:
      return Array.from({ length: Number(order.events) }, (_, i) => event(i));
  }
};

/** A user's events go to different projects. */
export const routeOf = (event: object): string | undefined =>
  ['acme', 'globex', 'acme-uk', undefined][JSON.stringify(event).length % 4];

export const ROUTED_PROJECTS = {
  acme: { secret: 'acme/key', region: 'us' },
  globex: { secret: 'globex/key', region: 'eu' },
  'acme-uk': { secret: 'acme/key', region: 'us' },
} as const;

const user = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 9 })).map((n) => `user-${n}`);
const line = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(user, fc.string()).map(([one, text]) => eventLine(one, { text })) },
  {
    weight: 5,
    arbitrary: fc.record({ user, events: fc.integer({ min: 1, max: 4 }) }).map((order) => JSON.stringify(order)),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('leave out', 'throw', 'refuse one')
      .map((order) => JSON.stringify({ user: 'user-1', do: order })),
  },
  { weight: 2, arbitrary: fc.constantFrom('', ' ', 'oops', '[]', '{"a":', '\0', '\ufeff{}') },
);
export const anyDump = fc.record({
  text: fc
    .tuple(fc.array(line, { maxLength: 50, size: '+1' }), fc.constantFrom('\n', '\r\n'), fc.boolean())
    .map(([all, end, isEnded]) => all.join(end) + (isEnded ? end : '')),
  isGzip: fc.boolean(),
  isMapped: fc.boolean(),
  /** What becomes of events without a project, where there are several. */
  routes: fc.constantFrom(undefined, 'reject' as const, 'filter' as const),
  /** HTTP V2 takes so little of a device that it soon gets a lane of its own. */
  api: fc.constantFrom<Api[]>('batch', 'http-v2'),
  lanes: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(16)),
  segmentRecords: fc.integer({ min: 1, max: 30 }),
  eventsPerChunk: fc.integer({ min: 1, max: 9 }),
  chunkBytes: fc.constantFrom<number[]>(300, 2_000),
});
export type AnyDump = typeof anyDump extends fc.Arbitrary<infer One> ? One : never;

/** Read as one, unless its parts have so many bytes. */
export function open(dump: AnyDump, partBytes?: number): Chunker {
  const { text, isGzip, isMapped, routes, api, lanes, segmentRecords, eventsPerChunk, chunkBytes } = dump;
  const route = routes && { by: routeOf, projects: ROUTED_PROJECTS, otherwise: routes };
  const source = sourceOf({
    api,
    format: formatOf('ndjson'),
    caps: { eventsPerChunk, chunkBytes },
    ...(isMapped && { map: obey }),
    ...(route && { project: undefined, route }),
  });
  const importer = { lanes, uploaders: 8, segmentRecords, ...(partBytes !== undefined && { partBytes }) };
  return openChunker(isGzip ? gzipSync(text) : text, { source, importer });
}
