/** Counts what a replay moves, or would move, and why it was dead. */
import type { DeadMessage } from './replay-dead-message.ts';

/** What was moved, or would be. */
export type Replayed = {
  readonly messages: number;
  readonly events: number;
  /** Of late messages; they are among `messages` unless they stay. */
  readonly late: number;
  readonly lateEvents: number;
  /** Looked at and left, because they do not match. */
  readonly unmatched: number;
  /** Not looked at: behind one that stays in its lane, held by another replay, or beyond the limit. SQS counts roughly. */
  readonly unseen: number;
  /** Why they were dead → how many messages. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Path or address of a dump → how many messages. */
  readonly dumps: Readonly<Record<string, number>>;
  readonly dumpIds: readonly string[];
  /** The first few. */
  readonly sample: readonly DeadMessage[];
};

const SAMPLE = 5;

export type Tally = ReturnType<typeof startTally>;

/** `total` messages are dead. */
export function startTally(total: number) {
  const reasons: Record<string, number> = {};
  const dumps: Record<string, number> = {};
  const dumpIds = new Set<string>();
  const sample: DeadMessage[] = [];
  const counts = { messages: 0, events: 0, late: 0, lateEvents: 0, unmatched: 0 };
  let staying = 0;
  return {
    messages: () => counts.messages,
    addUnmatched: () => void (counts.unmatched += 1),
    /** One that is late; `isStaying` when it is not to be added as well. */
    addLate({ header }: DeadMessage, isStaying: boolean): void {
      counts.late += 1;
      counts.lateEvents += header?.events ?? 0;
      if (isStaying) staying += 1;
    },
    add(dead: DeadMessage): void {
      counts.messages += 1;
      counts.events += dead.header?.events ?? 0;
      reasons[dead.reason] = (reasons[dead.reason] ?? 0) + 1;
      for (const { id, url } of dead.dumps) {
        dumpIds.add(id);
        dumps[url] = (dumps[url] ?? 0) + 1;
      }
      if (sample.length < SAMPLE) sample.push(dead);
    },
    result(): Replayed {
      const unseen = Math.max(0, total - counts.messages - counts.unmatched - staying);
      return { ...counts, unseen, reasons, dumps, dumpIds: [...dumpIds], sample };
    },
  };
}
