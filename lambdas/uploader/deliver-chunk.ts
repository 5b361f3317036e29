/** Delivers a chunk: whole and compressed as it came; only what Amplitude does not take whole is taken apart. */
import type { Chunk } from '../../shared/chunk.ts';
import type { Project } from '../../shared/config.ts';
import type { Target } from '../../shared/target.ts';
import { deflateText, inflateText } from './amplitude.ts';
import { askAmplitude, type AskPorts } from './ask-amplitude.ts';
import { type ChunkEvent, joinEvents, splitEvents } from './chunk-events.ts';
import { answerVerdict, type Delivery, NOTHING, type Send } from './deliver-events.ts';
import type { DeflatedText } from './gzip-member.ts';
import type { Verdict } from './read-verdict.ts';

export type DeliverChunkPorts = AskPorts & {
  apiKey(project: Project): Promise<string>;
  now(): number;
};

/**
 * What one attempt may take; what is left then waits on the parked queue. The function must settle the chunk before its
 * own time is up (a minute at least), or it would begin anew each time. Halving 2,000 down to one bad event takes 22.
 */
const MAX_REQUESTS = 200;
const MAX_MS = 20_000;

export async function deliverChunk(
  chunk: Chunk,
  { project, api, minIdLength }: Target,
  ports: DeliverChunkPorts,
): Promise<{ readonly delivery: Delivery; readonly requests: number }> {
  const apiKey = await ports.apiKey(project);
  let requests = 0;
  let taken: ChunkEvent | undefined;
  const upload = async (events: DeflatedText): Promise<Verdict> => {
    requests += 1;
    return askAmplitude({ project, api, apiKey, minIdLength, events: [events] }, ports);
  };
  const verdict = await upload(chunk);
  if (verdict.kind === 'delivered') return { delivery: { ...NOTHING, delivered: chunk.events }, requests };
  if (verdict.kind === 'not-now' || verdict.kind === 'refused') return { delivery: verdict, requests };
  const events = splitEvents(await inflateText(chunk), chunk.positions);
  const until = ports.now() + MAX_MS;
  const post = async (some: readonly ChunkEvent[]) => upload(await deflateText(joinEvents(some)));
  const send: Send = async (some) => {
    if (requests >= MAX_REQUESTS || ports.now() >= until) return { kind: 'later' };
    const answer = await post(some);
    if (answer.kind === 'delivered') [taken] = some;
    return answer;
  };
  const delivery = await confirmRefusals(await answerVerdict(events, verdict, send), () => taken, post);
  return { delivery, requests };
}

/**
 * A refusal that names nobody may be the way's fault and not the event's: a firewall or a proxy that lets nothing through,
 * perhaps since half-way. It is believed when Amplitude then still takes an event that it took before (sent again with
 * its insert_id it counts once), or when it is the only one and Amplitude's own.
 */
async function confirmRefusals(
  delivery: Delivery,
  taken: () => ChunkEvent | undefined,
  post: (events: readonly ChunkEvent[]) => Promise<Verdict>,
): Promise<Delivery> {
  if (delivery.kind !== 'through') return delivery;
  const [doubtful, ...more] = delivery.refused.filter(({ certainty }) => certainty !== 'named');
  if (!doubtful) return delivery;
  const blocked = { kind: 'not-now', reason: `${doubtful.reason}, whatever the events` } as const;
  const known = taken();
  if (!known) return more.length === 0 && doubtful.certainty === 'judged' ? delivery : blocked;
  const verdict = await post([known]);
  switch (verdict.kind) {
    case 'delivered':
    case 'named':
      return delivery;
    case 'too-large':
    case 'unexplained':
      return blocked;
    case 'not-now':
    case 'refused':
      return verdict;
  }
}
