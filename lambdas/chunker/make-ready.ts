/**
 * Makes the segments of one part of a huge dump ready while somebody else reads what stands before it. It keeps no books and
 * sends nothing: the one reader of the dump takes what is ready by then, and reads the rest itself.
 */
import type { Importer, Source } from '../../shared/config.ts';
import { type Dump, dumpId } from '../../shared/dump.ts';
import type { Checkpoint, Ledger } from '../../shared/ledger.ts';
import type { Dumps, Results } from '../../shared/objects.ts';
import type { References } from '../../shared/references.ts';
import { type Filled, fillSegments } from './fill-segments.ts';
import type { FormatStart } from './formats/format.ts';
import { laneRules, openLanes, startAll } from './lanes.ts';
import { chunkNumberer, type NumberedChunk } from './number-chunks.ts';
import { findParts, partAt, startOfPart } from './parts.ts';
import { decodeReady, encodeReady, readyKey } from './ready-segment.ts';
import { fingerprintWith, findReferences } from './references.ts';
import { isTimeUp } from './time-left.ts';
import type { TransformOf } from './transform.ts';
import { watchPosition } from './watch-position.ts';

export type MakeReadyRequest = {
  readonly dump: Dump;
  readonly source: Source;
  readonly importer: Pick<Importer, 'lanes' | 'uploaders' | 'segmentRecords' | 'partBytes'>;
  readonly fingerprint: string;
  /** Counted from 0; the first one is never made ready. */
  readonly part: number;
};

export type MakeReadyPorts = {
  readonly dumps: Dumps;
  readonly ledger: Pick<Ledger, 'entry'>;
  readonly results: Pick<Results, 'get' | 'put'>;
  readonly transformOf: TransformOf;
  readonly references: Pick<References, 'find'>;
  /** Milliseconds until this process must have stopped. */
  msLeft(): number;
  now(): number;
};

/**
 * - `ready`: the whole part is, but for the dump's last segment and what is too large to be kept ready
 * - `overtaken`: the dump's reader has come as far, or is through, or reads it with other code
 * - `unfinished`: time is running out; call again
 * - `given-up`: the rest must be read in order, because of its positions, or because it is damaged
 */
export type MakeReadyOutcome = {
  readonly kind: 'ready' | 'overtaken' | 'unfinished' | 'given-up';
  /** How many segments were made ready now. */
  readonly segments: number;
};

/** Both who makes a ready segment and who takes it hold it in memory. Events of some hundred bytes make 10 to 20 MB. */
const MAX_BYTES = 64 * 1024 * 1024;

export async function makeReady(request: MakeReadyRequest, ports: MakeReadyPorts): Promise<MakeReadyOutcome> {
  const { dump, source, importer, part } = request;
  const found = await findReferences(source, ports.references);
  const watched = watchPosition(source);
  const making = {
    ...request,
    source: watched.source,
    fingerprint: fingerprintWith(request.fingerprint, found),
    parts: await findParts(dump, source, importer, ports.dumps),
    transform: await ports.transformOf(watched.source, found),
    looks: watched.looks,
  };
  const start = await startOfPart(part, making.parts, dump, ports.dumps);
  if (!start) return { kind: 'ready', segments: 0 };
  return makeSegments(making, await goOnFrom(making, start, ports), ports);
}

type Making = MakeReadyRequest &
  Parameters<typeof fillSegments>[0] & {
    readonly looks: () => number;
  };

type Place = FormatStart & { readonly hot: readonly number[] };

/** What a maker before this one has made ready, it need not make again. */
async function goOnFrom(
  { dump, source, fingerprint, part, parts }: Making,
  start: FormatStart,
  { results }: MakeReadyPorts,
): Promise<Place> {
  let place: Place = { ...start, hot: [] };
  while (partAt(parts, place.offset) === part) {
    const object = await results.get(readyKey(dumpId(dump), fingerprint, source.name, place.offset));
    const ready = object && decodeReady(object);
    if (!ready) break;
    place = { ...ready.to, hot: ready.hot };
  }
  return place;
}

async function makeSegments(making: Making, from: Place, ports: MakeReadyPorts): Promise<MakeReadyOutcome> {
  const { dump, source, importer, part, parts, looks } = making;
  const rules = laneRules(dumpId(dump), source, importer);
  let chunks: NumberedChunk[] = [];
  let bytes = 0;
  const numberer = chunkNumberer(async (some) => {
    for (const { body } of some) bytes += body.length;
    chunks = bytes > MAX_BYTES ? [] : [...chunks, ...some];
  });
  let start: Place = from;
  let segments = 0;
  if (partAt(parts, from.offset) !== part) return { kind: 'ready', segments };
  const looked = looks();
  try {
    const lanesAt = ({ lanes }: Checkpoint) => openLanes(rules, lanes ?? startAll(rules), true);
    const { next } = numberer;
    const filling = fillSegments(making, checkpointAt(from, rules), { ...ports, lanesAt, next });
    for await (const filled of filling) {
      if (filled.kind === 'refused') throw new Error('a dump whose source has a budget is read as one');
      if (filled.kind === 'end') return { kind: filled.failure === undefined ? 'ready' : 'given-up', segments };
      if (!(await isWanted(making, start, ports))) return { kind: 'overtaken', segments };
      const count = await numberer.finish(filled.segment);
      if (looks() !== looked) return { kind: 'given-up', segments };
      if (bytes <= MAX_BYTES) {
        await keep(making, start, filled, count, chunks, ports);
        segments += 1;
      }
      chunks = [];
      bytes = 0;
      start = placeOf(filled);
      if (partAt(parts, start.offset) !== part) return { kind: 'ready', segments };
      if (isTimeUp(ports.msLeft(), ports.now() - filled.began)) return { kind: 'unfinished', segments };
    }
    return { kind: 'ready', segments };
  } finally {
    await numberer.settled();
  }
}

type Full = Filled & { readonly kind: 'full' };

function checkpointAt({ offset, position, hot }: Place, rules: Parameters<typeof startAll>[0]): Checkpoint {
  return { segment: 0, offset, position, lanes: { ...startAll(rules), hot } };
}

function placeOf({ checkpoint: { offset, position, lanes } }: Full): Place {
  return { offset, position, hot: lanes.hot };
}

/** Whether the dump is being read, by the same code, and its reader is not yet as far. */
async function isWanted({ dump, fingerprint }: Making, { offset }: Place, { ledger }: MakeReadyPorts) {
  const entry = await ledger.entry(dumpId(dump));
  return entry?.state === 'reading' && entry.fingerprint === fingerprint && entry.checkpoint.offset <= offset;
}

async function keep(
  { dump, source, fingerprint }: Making,
  { offset, position }: Place,
  filled: Full,
  count: number,
  chunks: readonly NumberedChunk[],
  { results }: MakeReadyPorts,
): Promise<void> {
  const { segment } = filled;
  const { hot, ...to } = placeOf(filled);
  const rejects = segment.takeRejects();
  const object = encodeReady({
    from: { offset, position },
    to,
    hot,
    plan: segment.plan(count),
    chunks,
    ...(rejects && { rejects }),
  });
  await results.put(readyKey(dumpId(dump), fingerprint, source.name, offset), object);
}
