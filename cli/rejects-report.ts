/** What a replay of rejects says: a report for people, a line of JSON for machines. */
import type { Fates, TalliedRejects } from './rejects-tally.ts';

export type ReportedRejects = {
  /** Its path or address. */
  readonly dump: string;
  readonly dumpId: string;
  readonly kind: 'looked' | 'unchanged' | 'amended';
  readonly rejects: TalliedRejects;
};

/** Several lines without a newline at the end. */
export function formatRejects({ dump, dumpId, kind, rejects }: ReportedRejects): string {
  const { sent, events, filtered, rejected, unwanted, kept, reasons, sample } = rejects;
  const lines = [
    `rejects of ${dump} (${dumpId})`,
    `  ${n(sent)} of ${n(rejects.rejects)} ${VERB[kind]}, as ${n(events)} events; ${n(filtered)} are filtered, ${n(rejected)} fail again`,
  ];
  if (kind === 'unchanged') lines.push('  nothing would change, and nothing was changed');
  if (unwanted > 0) lines.push(`  ${n(unwanted)} were not asked for and stay`);
  if (kept > 0)
    lines.push(`  ${n(kept)} cannot be run again and stay: the dump they were read from is no longer there`);
  const sorted = Object.entries(reasons).toSorted(([, a], [, b]) => total(b) - total(a));
  for (const [reason, fates] of sorted) lines.push(...formatFates(reason, fates));
  if (kind === 'looked' && sample.length > 0) {
    lines.push('  for example');
    for (const { position, was, now } of sample) lines.push(`    record ${n(position)}: ${was} → ${now}`);
  }
  return lines.join('\n');
}

const VERB: Readonly<Record<ReportedRejects['kind'], string>> = {
  looked: 'would be sent',
  unchanged: 'would be sent',
  amended: 'are on the upload queue',
};

/** One line. */
export function rejectsJson({ dump, dumpId, kind, rejects }: ReportedRejects): string {
  const { sample, changed: _, ...counts } = rejects;
  return JSON.stringify({ dump, dumpId, outcome: kind, ...counts, ...(kind === 'looked' && { sample }) });
}

function formatFates(reason: string, fates: Fates): string[] {
  const { sent, filtered, rejected } = fates;
  const now: [string, number][] = [['sent', sent], ['filtered', filtered], ...Object.entries(rejected)];
  return [
    `${n(total(fates)).padStart(10)}  ${reason}`,
    ...now
      .filter(([, count]) => count > 0)
      .map(([fate, count]) => `${n(count).padStart(14)}  → ${fate === reason ? 'the same' : fate}`),
  ];
}

function total({ sent, filtered, rejected }: Fates): number {
  return sent + filtered + Object.values(rejected).reduce((sum, count) => sum + count, 0);
}

function n(count: number): string {
  return count.toLocaleString('en-US');
}
