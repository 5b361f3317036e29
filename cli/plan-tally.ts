/** Counts what becomes of the records of a source's dumps, and their events: all together, and those of each project. */
import type { MadeEvents, PreparedEvent } from '../lambdas/chunker/make-events.ts';
import { mergeIdentifies } from '../lambdas/chunker/merge-identifies.ts';
import { bytesOfText } from '../lambdas/chunker/spliced-text.ts';
import type { JsonObject } from '../shared/amplitude-event.ts';
import { countEvents, type EventCounts, OTHERS } from './plan-event-counts.ts';

/** Of the records that were looked at. */
export type Counts = EventCounts & {
  readonly read: number;
  readonly filtered: number;
  readonly unusable: number;
  readonly mapped: number;
  readonly refused: number;
  readonly reasons: Readonly<Record<string, number>>;
  /** Of each project, in the order of `targetsOf`. */
  readonly projects: readonly EventCounts[];
};

/** Different reasons that are counted by name; a map that throws its data's content has any number. */
const MAX_REASONS = 1_000;

export type Tally = ReturnType<typeof startTally>;

/** `maxBytes` is the largest event that fits; the events go to so many `projects`. */
export function startTally(maxBytes: number, projects = 1) {
  const counts = { read: 0, filtered: 0, unusable: 0, mapped: 0, events: 0, refused: 0 };
  const reasons = new Map<string, number>();
  const all = countEvents();
  const each = projects === 1 ? [] : Array.from({ length: projects }, () => countEvents(projects));
  const merging = mergeIdentifies(addEvent, maxBytes);

  function addEvent(prepared: PreparedEvent): void {
    counts.events += 1;
    const text = bytesOfText(prepared);
    // It was written, or checked, a moment ago.
    const event = JSON.parse(text.toString()) as JsonObject;
    all.add(prepared, event, text);
    each[prepared.project ?? 0]?.add(prepared, event, text);
  }

  function addReason(reason: string): void {
    const key = reasons.size < MAX_REASONS || reasons.has(reason) ? reason : OTHERS;
    reasons.set(key, (reasons.get(key) ?? 0) + 1);
  }

  return {
    add(made: MadeEvents, position: number): void {
      counts.read += 1;
      if (made.kind === 'filtered') counts.filtered += 1;
      else if (made.kind === 'unusable') {
        counts.unusable += 1;
        addReason(made.reason);
      } else {
        counts.mapped += 1;
        counts.refused += made.refused.length;
        for (const { reason } of made.refused) addReason(reason);
        for (const event of made.events) merging.add(event, position);
      }
    },
    /** As at a segment's end: identifies that wait to be made one with others are let go. */
    endSegment: () => merging.releaseAll(),
    /** The simple counts so far, all dumps together. */
    soFar: () => ({ ...counts }),
    result(): Counts {
      const whole = all.result();
      return {
        ...counts,
        ...whole,
        reasons: Object.fromEntries([...reasons].toSorted(([, a], [, b]) => b - a)),
        projects: projects === 1 ? [whole] : each.map((one) => one.result()),
      };
    },
  };
}
