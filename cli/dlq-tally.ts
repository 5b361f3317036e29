/** Groups dead messages by queue, dump and reason. */
import type { DeadMessage } from './replay-dead-message.ts';
import type { QueueName } from './replay-queues.ts';

export type DeadGroup = {
  readonly queue: QueueName;
  /** Undefined for a message that names no dump. */
  readonly dump: { readonly id: string; readonly url: string } | undefined;
  readonly reason: string;
  /** What Amplitude answered; undefined when it was not an answer. */
  readonly status: number | undefined;
  readonly messages: number;
  readonly events: number;
  /** Since when the first and the last of them are dead, ms since epoch. */
  readonly first: number;
  readonly last: number;
};

export function startDeadTally(queue: QueueName) {
  const groups = new Map<string, DeadGroup>();
  return {
    add({ dumps, reason, header, message }: DeadMessage): void {
      const at = message.sentAt;
      for (const dump of dumps.length > 0 ? dumps : [undefined]) {
        const name = JSON.stringify([dump?.id, reason]);
        const group = groups.get(name) ?? {
          queue,
          dump,
          reason,
          status: statusIn(reason),
          messages: 0,
          events: 0,
          first: at,
          last: at,
        };
        groups.set(name, {
          ...group,
          messages: group.messages + 1,
          events: group.events + (header?.events ?? 0),
          first: Math.min(group.first, at),
          last: Math.max(group.last, at),
        });
      }
    },
    /** Those of one dump together, the one with the most dead messages first. */
    result(): readonly DeadGroup[] {
      const ofDump = new Map<string | undefined, number>();
      for (const { dump, messages } of groups.values()) ofDump.set(dump?.id, (ofDump.get(dump?.id) ?? 0) + messages);
      const total = ({ dump }: DeadGroup) => ofDump.get(dump?.id) ?? 0;
      return [...groups.values()].toSorted(
        (a, b) => total(b) - total(a) || (a.dump?.id ?? '').localeCompare(b.dump?.id ?? '') || b.messages - a.messages,
      );
    },
  };
}

function statusIn(reason: string): number | undefined {
  const [, status] = /\bHTTP (\d{3})\b/.exec(reason) ?? [];
  return status === undefined ? undefined : Number(status);
}
