/** A receipt for a person. */
import { relative } from 'node:path';
import type { Receipt } from '../shared/receipt.ts';

/** Several lines without a newline at the end. `note` says what is special about it. */
export function formatReceipt(receipt: Receipt, note?: string): string {
  const title = `${shortest(receipt.dump)}  ${receipt.state}${took(receipt)}${note ? `  (${note})` : ''}`;
  return [title, ...formatBooks(receipt)].join('\n');
}

/** What stands below a receipt's title. */
export function formatBooks(receipt: Receipt): readonly string[] {
  const { read, mapped, filtered, unusable, events, delivered, refused, parked, dead, inFlight } = receipt;
  const lines = [
    ...(receipt.failure ? [`  failure   ${receipt.failure}`] : []),
    `  records   ${n(read)} read = ${n(mapped)} mapped + ${n(filtered)} filtered + ${n(unusable)} unusable`,
    `  events    ${n(events)} = ${n(delivered)} delivered + ${n(refused)} refused + ${n(parked)} parked + ${n(dead)} dead + ${n(inFlight)} in flight`,
    `  uploads   ${n(receipt.chunks)} chunks in ${n(receipt.requests)} requests`,
    ...(receipt.firstEventAt ? [`  time      ${receipt.firstEventAt} to ${receipt.lastEventAt}`] : []),
  ];
  if (receipt.rejectsAt)
    lines.push(
      `  rejected  ${n(receipt.rejected)}, each with its place and reason in ${shortest(receipt.rejectsAt)}`,
      ...formatReasons(receipt),
    );
  return lines;
}

function formatReasons({ reasons }: Receipt): string[] {
  const sorted = Object.entries(reasons).toSorted(([, a], [, b]) => b - a);
  return sorted.map(([reason, count]) => `  ${n(count).padStart(12)}  ${reason}`);
}

/** Of an amended dump nobody waited for so long. */
function took({ startedAt, finishedAt, amendedAt }: Receipt): string {
  if (amendedAt) return `, amended at ${amendedAt.at(-1)}`;
  if (finishedAt === null) return '';
  return ` in ${((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000).toFixed(1)} s`;
}

/** A path as a person would type it here. */
export function shortest(path: string): string {
  const short = relative('.', path);
  return path.startsWith('/') && short.length < path.length ? short : path;
}

function n(count: number): string {
  return count.toLocaleString('en-US');
}
