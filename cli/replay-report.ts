/** What a replay says: progress while it goes on, a report for people, a line of JSON for machines. */
import { unitOf } from '../shared/chunk.ts';
import type { DeadMessage } from './replay-dead-message.ts';
import type { Replayed } from './replay-tally.ts';

export type ReportedReplay = { readonly queue: string; readonly dryRun: boolean; readonly replayed: Replayed };

/** Several lines without a newline at the end. */
export function formatReplayed({ queue, dryRun, replayed }: ReportedReplay): string {
  const { messages, events, unmatched, unseen, reasons, dumps, sample } = replayed;
  const verb = dryRun ? 'would go back' : 'are back on their queue';
  const lines = [`${queue}: ${n(messages)} messages with ${n(events)} events ${verb}`];
  if (unmatched > 0) lines.push(`  ${n(unmatched)} do not match and stay`);
  if (unseen > 0) lines.push(`  about ${n(unseen)} more were not looked at`);
  lines.push(...formatCounts('by reason', reasons), ...formatCounts('by dump', dumps));
  if (dryRun && sample.length > 0) lines.push('  for example', ...sample.map(formatDead));
  return lines.join('\n');
}

/** One line. */
export function replayedJson({ queue, dryRun, replayed }: ReportedReplay): string {
  const { sample, dumpIds: _, ...counts } = replayed;
  return JSON.stringify({ queue, dryRun, ...counts, ...(dryRun && { sample: sample.map(toSample) }) });
}

function formatCounts(title: string, counts: Readonly<Record<string, number>>): string[] {
  const sorted = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  return sorted.length === 0
    ? []
    : [`  ${title}`, ...sorted.map(([name, count]) => `${n(count).padStart(10)}  ${name}`)];
}

function formatDead(dead: DeadMessage): string {
  const { dumps, segment, chunk, events, lane, deadSince, reason } = toSample(dead);
  const place = segment === undefined ? '' : `, segment ${segment}, chunk ${chunk}: ${n(events ?? 0)} events`;
  const group = lane === undefined ? '' : ` of lane ${lane}`;
  return `    ${dumps.join(', ') || 'a message that names no dump'}${place}${group}, dead since ${deadSince}: ${reason}`;
}

/** Nothing of the events themselves. */
function toSample({ message, header, dumps, reason }: DeadMessage) {
  const chunk = header && {
    segment: header.segment,
    chunk: unitOf(header),
    events: header.events,
    lane: header.lane,
  };
  return { dumps: dumps.map(({ url }) => url), ...chunk, deadSince: new Date(message.sentAt).toISOString(), reason };
}

/** A replay shorter than this shows no progress, ms. */
const QUIET_MS = 2_000;
const EVERY_MS = 200;
/** Carriage return, then erase to the end of the line. */
const START_OF_LINE = '\r\u001b[K';

/** One line on the terminal; nothing when standard error is piped. */
export function startReplayProgress(queue: string, terminal: NodeJS.WriteStream = process.stderr) {
  const began = Date.now();
  let due = began + QUIET_MS;
  let isShown = false;
  return {
    show(messages: number): void {
      const now = Date.now();
      if (!terminal.isTTY || now < due) return;
      due = now + EVERY_MS;
      isShown = true;
      const perSecond = Math.round(messages / ((now - began) / 1_000));
      terminal.write(`${START_OF_LINE}${queue}: ${n(messages)} messages (${n(perSecond)}/s)`);
    },
    end: () => void (isShown && terminal.write(START_OF_LINE)),
  };
}

function n(count: number): string {
  return count.toLocaleString('en-US');
}
