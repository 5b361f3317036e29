/** One dump in full: how it stands, its books, its segments, where its rejects and its receipt lie. */
import { toReceipt, receiptKey } from '../shared/receipt.ts';
import type { Results } from '../shared/objects.ts';
import { type DumpStatus, type Outcome, openTries, outcomeOf, progressOf, rejectedOf } from './dump-status.ts';
import { duration, n } from './figure.ts';
import { formatBooks, shortest } from './print-receipt.ts';
import { formatBar, noteLines, nameOf, type TableLook } from './status-table.ts';
import { harmless } from './text-width.ts';

/** Of the segments that are not complete; the others are counted. */
const MAX_SEGMENTS = 20;

/** Lines without line ends. `resultsUrl` turns a key of the results bucket into what a person can open. */
export function formatDetail(status: DumpStatus, resultsUrl: Results['url'], look: TableLook): readonly string[] {
  const { style, now } = look;
  const { dumpId, dump, state, view, since } = status;
  const title = `${style('bold', nameOf(status))}  ${state}  ${formatBar(status)}`;
  const place = harmless(dump);
  if (!view) return [title, `  dump      ${dumpId}  ${place}`, ...noteLines(status, style)];
  const { entry, segments, changedAt } = view;
  const receipt = toReceipt(
    entry,
    segments.map(([, segment]) => segment),
    resultsUrl,
  );
  const ago = (at: number) => `${iso(at)} (${duration(Math.max(0, Math.floor((now - at) / 1_000)))} ago)`;
  const isClosed = entry.state === 'closed';
  return [
    title,
    `  dump      ${dumpId}  ${place}`,
    `  source    ${harmless(entry.source)}, run ${entry.run}; ${n(entry.dump.size)} bytes`,
    `  begun     ${ago(since)}`,
    ...(isClosed && entry.finishedAt !== undefined ? [`  finished  ${ago(entry.finishedAt)}`] : []),
    ...(!isClosed && changedAt !== undefined ? [`  last step ${ago(changedAt)}`] : []),
    ...formatBooks(receipt),
    ...(isClosed ? [`  receipt   ${shortest(resultsUrl(receiptKey(entry)))}`] : []),
    ...segmentLines(status),
    ...noteLines(status, style),
  ];
}

function segmentLines({ view }: DumpStatus): readonly string[] {
  if (!view) return [];
  const { entry, segments } = view;
  const rows = segments.map(([number, segment]) => segmentJson(number, segment));
  const open = rows.filter(({ isComplete }) => !isComplete);
  const known = entry.segments === undefined ? `${n(rows.length)} so far` : n(rows.length);
  const lines = [`  segments  ${known}, of which ${n(rows.length - open.length)} are complete`];
  for (const { number, read, events, chunks, settled, parked, dead, tries, failure } of open.slice(0, MAX_SEGMENTS)) {
    const parts = [
      chunks === null
        ? 'being read'
        : `${n(read)} records, ${n(events)} events, ${n(settled)} of ${n(chunks)} chunks settled`,
      ...(parked > 0 ? [`${n(parked)} events parked`] : []),
      ...(dead > 0 ? [`${n(dead)} events dead`] : []),
      ...(tries > 0 ? [`tried up to ${n(tries)} times in vain`] : []),
      ...(failure ? [`${harmless(failure.reason)} at ${failure.at}`] : []),
    ];
    lines.push(`    ${String(number).padStart(7)}  ${parts.join(', ')}`);
  }
  if (open.length > MAX_SEGMENTS)
    lines.push(`             … and ${n(open.length - MAX_SEGMENTS)} more (--json has all)`);
  return lines;
}

type Segment = NonNullable<DumpStatus['view']>['segments'][number][1];

function segmentJson(number: number, segment: Segment) {
  const { plan, delivered, refused, parked, dead, settled, parkedSent, deadUnits, lastFailure } = segment;
  const chunks = plan ? plan.chunks + parkedSent.size : null;
  return {
    number,
    read: plan?.read ?? 0,
    events: plan?.events ?? 0,
    /** With parked remainders; null while it is read. */
    chunks,
    settled: settled.size,
    delivered,
    refused,
    parked,
    dead,
    tries: Math.max(0, ...openTries(segment)),
    failure: lastFailure ? { reason: lastFailure.reason, at: iso(lastFailure.at) } : null,
    isComplete: chunks !== null && settled.size === chunks && deadUnits.size === 0,
  };
}

/** One line. With `isDetailed` also its segments. */
export function statusJson(
  status: DumpStatus,
  resultsUrl: Results['url'],
  { allowed, isDetailed }: Pick<TableLook, 'allowed'> & { readonly isDetailed: boolean },
): string {
  const { dump, dumpId, state, books, notes, view, since } = status;
  const { firstTime: _first, lastTime: _last, ...counts } = books;
  const outcome: Outcome | null = outcomeOf(status, allowed) ?? null;
  const entry = view?.entry;
  const receipt =
    entry &&
    view &&
    toReceipt(
      entry,
      view.segments.map(([, segment]) => segment),
      resultsUrl,
    );
  return JSON.stringify({
    dump,
    dumpId,
    ...(entry && { run: entry.run, source: entry.source }),
    state,
    outcome,
    progress: Number(progressOf(status).toFixed(4)),
    ...counts,
    rejected: rejectedOf(books),
    since: iso(since),
    finishedAt: receipt?.finishedAt ?? null,
    changedAt: view?.changedAt === undefined ? null : iso(view.changedAt),
    failure: entry?.failure ?? null,
    notes,
    rejectsAt: receipt?.rejectsAt ?? null,
    receiptAt: entry?.state === 'closed' ? resultsUrl(receiptKey(entry)) : null,
    ...(isDetailed && { segments: view?.segments.map(([number, segment]) => segmentJson(number, segment)) ?? [] }),
  });
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
