/** Several small chunks of a lane in one request: many small dumps must not mean many small requests. */
import { type Chunk, chunkId, type ChunkHeader } from '../../shared/chunk.ts';
import { chunkLimits } from '../../shared/chunk-limits.ts';
import type { Target } from '../../shared/target.ts';
import { askAmplitude } from './ask-amplitude.ts';
import { type Received, restLeft, settle, type UploadOutcome, waitOrDie } from './conclude-chunk.ts';
import { NOTHING } from './deliver-events.ts';
import { findHindrance, type UploadChunkPorts } from './upload-chunk.ts';

/** How many of the chunks, from the first on, would have fit one chunk and so fit one request; at least one. */
export function howManyFit(chunks: readonly ChunkHeader[], target: Pick<Target, 'api' | 'caps' | 'lane'>): number {
  const limits = chunkLimits(target);
  const ids = new Set<string>();
  let fit = 0;
  let [events, bytes, hottest] = [0, 0, 0];
  for (const chunk of chunks) {
    events += chunk.events;
    bytes += chunk.textBytes + 1;
    hottest += chunk.hottest;
    const isFirst = fit === 0;
    const fits = events <= limits.eventsPerChunk && bytes <= limits.chunkBytes && hottest <= limits.eventsPerId;
    const isOfAnother = chunk.source !== chunks[0]?.source || chunk.project !== chunks[0]?.project;
    // A message may come twice.
    const isRepeat = ids.has(chunkId(chunk));
    if (!isFirst && (!fits || isRepeat || chunk.after || chunk.afterOwn || isOfAnother)) break;
    ids.add(chunkId(chunk));
    fit += 1;
  }
  return Math.max(1, fit);
}

/**
 * Sends the chunks, all of one source, project and lane, in one request. The outcomes of the first ones, in order; what has none is
 * to be seen again with the last of them. Undefined when they are better taken one by one: one of them is not to be sent, or
 * Amplitude did not take them whole.
 */
export async function uploadTogether(
  chunks: readonly Chunk[],
  target: Target,
  received: Received,
  ports: UploadChunkPorts,
): Promise<readonly UploadOutcome[] | undefined> {
  const hindrances = await Promise.all(chunks.map((chunk) => findHindrance(chunk, received, ports)));
  const [first] = chunks;
  if (!first || hindrances.some((hindrance) => hindrance)) return undefined;
  const { project, api, minIdLength } = target;
  const apiKey = await ports.apiKey(project);
  const began = ports.now();
  const verdict = await askAmplitude({ project, api, apiKey, minIdLength, events: chunks }, ports);
  const endedAt = ports.now();
  if (verdict.kind === 'not-now') return [await waitOrDie(first, verdict.reason, received, ports, verdict)];
  if (verdict.kind !== 'delivered') return undefined;
  const outcomes: UploadOutcome[] = [];
  for (const chunk of chunks) {
    // The request is counted once.
    outcomes.push(await settle(chunk, { ...NOTHING, delivered: chunk.events }, outcomes.length === 0 ? 1 : 0, ports));
  }
  const sum = (count: (chunk: Chunk) => number) => chunks.reduce((all, chunk) => all + count(chunk), 0);
  const sent = {
    events: sum(({ events }) => events),
    hottest: sum(({ hottest }) => hottest),
    spread: Math.max(...chunks.map(({ spread }) => spread)),
    wasThrottled: false,
  };
  const rest = restLeft(sent, target, { endedAt, tookMs: endedAt - began }, ports);
  return outcomes.map((outcome, i) =>
    outcome.kind === 'settled' && i === outcomes.length - 1 ? { ...outcome, rest } : outcome,
  );
}
