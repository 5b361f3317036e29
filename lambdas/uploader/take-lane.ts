/** Takes the messages of one lane that came together, in their order: small ones in one request, the others one by one. */
import { type Chunk, decodeChunk, decodeChunkHeader } from '../../shared/chunk.ts';
import type { Target } from '../../shared/target.ts';
import type { Received } from './conclude-chunk.ts';
import { afterOutcome, logOutcome, type TakeChunkPorts, type TakenChunk, takeChunk } from './take-chunk.ts';
import { findTarget } from './upload-chunk.ts';
import { howManyFit, uploadTogether } from './upload-together.ts';

export type LaneMessage = { readonly body: string; readonly received: Received };

/**
 * Lanes take turns: after an upload what is left is given back. Only a lane that was given its rest meanwhile, because of a
 * hot device, goes on for so long, as each wait for its turn would slow the device down.
 */
const MAX_MS = 30_000;

/**
 * A message that is received more often goes alone: perhaps it waits only because of one behind it that Amplitude has no answer
 * to, and it must not die for that.
 */
const MAX_RECEIVES_TOGETHER = 5;

/** What is to become of each message. Never throws. */
export async function takeLane(
  messages: readonly LaneMessage[],
  ports: TakeChunkPorts,
): Promise<readonly TakenChunk[]> {
  const began = ports.now();
  const taken: TakenChunk[] = [];
  let last: TakenChunk = { kind: 'done', goesOn: true };
  while (taken.length < messages.length && last.kind === 'done' && last.goesOn && ports.now() - began <= MAX_MS) {
    const left = messages.slice(taken.length);
    const some = (await takeTogether(left, ports)) ?? (await takeFirst(left, ports));
    taken.push(...some);
    last = some.at(-1) ?? last;
  }
  // A message that is invisible holds back its lane, and those behind it must not do so longer than it does.
  const afterMs = last.kind === 'again' ? last.afterMs : 0;
  const passedOver: TakenChunk = { kind: 'again', afterMs, isSettled: false };
  return messages.map((_, i) => taken[i] ?? passedOver);
}

async function takeFirst(messages: readonly LaneMessage[], ports: TakeChunkPorts): Promise<readonly TakenChunk[]> {
  const [first] = messages;
  return first ? [await takeChunk(first.body, first.received, ports)] : [];
}

/** Undefined when they are to be taken one by one. What fails is tried again so, where it is dealt with. */
async function takeTogether(
  messages: readonly LaneMessage[],
  ports: TakeChunkPorts,
): Promise<readonly TakenChunk[] | undefined> {
  const began = ports.now();
  try {
    const [received] = messages.map((message) => message.received);
    if (!received || messages.length === 1 || received.receives > MAX_RECEIVES_TOGETHER) return undefined;
    const found = fittingChunks(messages, ports);
    if (!found) return undefined;
    const { chunks, target } = found;
    const outcomes = await uploadTogether(chunks, target, received, ports);
    if (!outcomes) return undefined;
    const taken: TakenChunk[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const chunk = chunks[i];
      if (chunk) logOutcome(chunk, outcome, received, ports.now() - began, ports);
      taken.push(await afterOutcome(outcome, ports));
    }
    return taken;
  } catch {
    return undefined;
  }
}

/** The first chunks that fit one request; undefined when that is one or none. */
function fittingChunks(
  messages: readonly LaneMessage[],
  ports: TakeChunkPorts,
): { readonly chunks: readonly Chunk[]; readonly target: Target } | undefined {
  const headers = messages.map(({ body }) => decodeChunkHeader(body));
  const [first] = headers;
  const target = first && findTarget(first, ports);
  if (target === undefined || typeof target === 'string') return undefined;
  const fit = howManyFit(headers, target);
  if (fit === 1) return undefined;
  return { chunks: messages.slice(0, fit).map(({ body }) => decodeChunk(body)), target };
}
