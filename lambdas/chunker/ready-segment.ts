/**
 * A ready segment: what a segment becomes, made before its turn by somebody who did not read what stands before it. It is
 * an object of the results bucket, named by all that it follows from, so that whoever makes it makes the same one.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { SegmentPlan } from '../../shared/ledger.ts';
import type { FormatStart } from './formats/format.ts';
import type { NumberedChunk } from './number-chunks.ts';

export type ReadySegment = {
  /** Where it begins. Positions are counted from there; in formats of lines nobody knows yet what they are in the dump. */
  readonly from: FormatStart;
  /** Where the next one begins. */
  readonly to: FormatStart;
  /** The devices with lanes of their own at its end, see `LaneState`. */
  readonly hot: readonly number[];
  readonly plan: SegmentPlan;
  /** The rejects file. */
  readonly rejects?: Buffer;
  readonly chunks: readonly NumberedChunk[];
};

/** Version of the object; one of another version is as good as none. */
const VERSION = 1;

/** In the results bucket. Ready segments are of use for as long as the dump is being read. */
export const READY_FOLDER = 'ready/';

/** `fingerprint` and `source` (its name) decide what records become; `offset` is where the segment begins. */
export function readyKey(dumpId: string, fingerprint: string, source: string, offset: number): string {
  return `${READY_FOLDER}${dumpId}/${fingerprint}/${source}/${offset}`;
}

/** A line of JSON, then the rejects file and the chunks' bodies, one behind the other. */
export function encodeReady({ chunks, rejects, ...rest }: ReadySegment): Buffer {
  const headers = chunks.map(({ body, ...header }) => ({ ...header, bytes: body.length }));
  const header = { v: VERSION, ...rest, rejects: rejects?.length, chunks: headers };
  const bodies = chunks.map(({ body }) => body);
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...(rejects ? [rejects] : []), ...bodies]);
}

/** Undefined when another version of this code wrote it. */
export function decodeReady(object: Buffer): ReadySegment | undefined {
  const end = object.indexOf(0x0a);
  // Written by encodeReady of the version that is checked first.
  const { v, rejects, chunks, ...rest } = JSON.parse(object.toString('utf8', 0, end)) as { readonly v: number } & Omit<
    ReadySegment,
    'chunks' | 'rejects'
  > & {
      readonly rejects?: number;
      readonly chunks: readonly (Omit<NumberedChunk, 'body'> & { readonly bytes: number })[];
    };
  if (v !== VERSION) return undefined;
  let at = end + 1;
  const take = (bytes: number) => object.subarray(at, (at += bytes));
  const file = rejects === undefined ? {} : { rejects: take(rejects) };
  return { ...rest, ...file, chunks: chunks.map(({ bytes, ...header }) => ({ ...header, body: take(bytes) })) };
}

/** The segment with the positions that it has in the dump, when its first record comes after this one. */
export function placeReady(ready: ReadySegment, position: number): ReadySegment {
  const before = position - ready.from.position;
  if (before === 0) return ready;
  return {
    ...ready,
    from: { ...ready.from, position },
    to: { ...ready.to, position: ready.to.position + before },
    ...(ready.rejects && { rejects: placeRejects(ready.rejects, before) }),
    chunks: ready.chunks.map((chunk) => ({ ...chunk, positions: chunk.positions.map((its) => its + before) })),
  };
}

/** Each line of a rejects file is an object with its `position` (shared/rejects.ts); the rest of it stays as it is. */
function placeRejects(file: Buffer, before: number): Buffer {
  const lines = gunzipSync(file).toString('utf8').split('\n');
  const placed = lines.map((line) => {
    if (line === '') return line;
    const reject = JSON.parse(line) as { readonly position: number };
    return JSON.stringify({ ...reject, position: reject.position + before });
  });
  return gzipSync(placed.join('\n'), { level: 1 });
}
