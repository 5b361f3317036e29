/** In which order chunks may leave: of each group one after the other, and behind those that they name. */
import { type Chunk, type ChunkPlace, decodeChunk } from '../../../shared/chunk.ts';
import type { ReceivedMessage } from '../../../shared/queue.ts';

/** The chunks in one such order, chosen by `random`. Throws when they wait for each other for ever. */
export function deliverSomehow(messages: readonly ReceivedMessage[], random: () => number): Chunk[] {
  const groups = new Map<string, Chunk[]>();
  for (const { body, group = '' } of messages) groups.set(group, [...(groups.get(group) ?? []), decodeChunk(body)]);
  const settled = new Set<string>();
  const nameOf = ({ segment, number }: ChunkPlace) => `${segment}/${number}`;
  const order: Chunk[] = [];
  for (;;) {
    const heads = [...groups.values()].filter((group) => group.length > 0);
    if (heads.length === 0) return order;
    const free = heads.filter(([chunk]) => {
      const before = [...(chunk?.after ? [chunk.after] : []), ...(chunk?.afterOwn ?? [])];
      return before.every((place) => settled.has(nameOf(place)));
    });
    const chunk = free[Math.floor(random() * free.length)]?.shift();
    if (!chunk) throw new Error('the chunks at the head of all lanes wait for others');
    settled.add(nameOf(chunk));
    order.push(chunk);
  }
}
