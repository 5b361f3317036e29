/** What the chunker's tests talk about: sources, dumps in memory, and records. */
import { defineImporter, type Source } from '../../../shared/config.ts';
import type { Dump } from '../../../shared/dump.ts';
import type { Dumps } from '../../../shared/objects.ts';
import { type LaneRules, type Lanes, openLanes } from '../../../lambdas/chunker/lanes.ts';
import type { RawRecord } from '../../../lambdas/chunker/raw-record.ts';

export type SourceChanges = Partial<Omit<Source, 'caps' | 'map'>> & {
  readonly caps?: Partial<Source['caps']>;
  readonly map?: Source['map'];
};

const [DEFAULT_SOURCE] = defineImporter({ sources: [{ name: 'web', project: { secret: 'amplitude/key' } }] }).sources;

/** A source with every default; the changes may go below what a configuration may say, so that tests stay small. */
export function sourceOf({ caps, map, ...changes }: SourceChanges = {}): Source {
  if (!DEFAULT_SOURCE) throw new Error('expected a source');
  return { ...DEFAULT_SOURCE, ...changes, ...(map && { map }), caps: { ...DEFAULT_SOURCE.caps, ...caps } };
}

export function dumpOf(bytes: Buffer, changes: Partial<Dump> = {}): Dump {
  return { bucket: 'landing', key: 'day.ndjson', etag: 'e1', size: bytes.length, ...changes };
}

/** Dumps that all hold the same bytes. */
export function memoryDumps(bytes: Buffer): Dumps {
  return {
    rangeBytes: 8 * 1024 * 1024,
    async read(dump, start, end) {
      if (start < 0 || start > end || end > dump.size) throw new Error(`there is no range ${start} to ${end}`);
      return bytes.subarray(start, end);
    },
    size: async () => bytes.length,
  };
}

export function recordOf(text: string | Buffer, changes: Partial<RawRecord> = {}): RawRecord {
  const bytes = Buffer.from(text);
  return { bytes, length: bytes.length, position: 1, end: bytes.length + 1, terminated: true, ...changes };
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The bytes cut at these places. */
export async function* cutAt(bytes: Buffer, places: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0;
  for (const place of places.toSorted((a, b) => a - b)) {
    yield bytes.subarray(start, place);
    start = place;
  }
  yield bytes.subarray(start);
}

/** A line that is an Amplitude event. */
export function eventLine(user: string, properties: object = {}): string {
  return JSON.stringify({ event_type: 'visit', user_id: user, event_properties: properties });
}

/** So many of them, of seven users, numbered from 0. */
export function eventLines(count: number): string {
  return Array.from({ length: count }, (_, i) => `${eventLine(`user-${i % 7}`, { i })}\n`).join('');
}

/** All of an importer's lanes, as a large dump uses them. */
export function lanesOf(lanes: number, rules: Partial<LaneRules> = {}): Lanes {
  return openLanes(
    { lanes, uploaders: 8, dumpId: 'd', api: 'batch', eventsPerChunk: 2_000, projects: 1, isCapped: false, ...rules },
    { count: lanes, hot: [], ends: [] },
  );
}
