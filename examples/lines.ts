/** How the events of the example day are written down: each kind of sender has its own way, and some lines are odd. */
import { BAD_LINES } from './bad-lines.ts';
import type { DayEvent } from './visits.ts';

/** What becomes of a line: an event, the same event once more, left out by day.config.ts, no record at all, or a reject. */
export type Fate = 'event' | 'repeat' | 'filtered' | 'blank' | { readonly reason: string };
/** `bytes` without the line end. */
export type Line = { readonly bytes: Buffer; readonly end: '\n' | '\r\n'; readonly fate: Fate };

/** Lines that stand between the good ones; each is made from the good line before it. */
type ExtraLine = (event: DayEvent, before: Line) => Omit<Line, 'end'>;

const ODD_LINES: readonly ExtraLine[] = [
  () => ({ bytes: Buffer.from(''), fate: 'blank' }),
  () => ({ bytes: Buffer.from(' \t '), fate: 'blank' }),
  (_, { bytes }) => ({ bytes, fate: 'repeat' }),
  // Of a key that stands twice the last one counts.
  (event) => ({ bytes: Buffer.from(`{"event_type":"Draft",${toText(event).slice(1)}`), fate: 'event' }),
];

/** Twice, so that no reason is there only once. */
export const EXTRA_LINES: readonly ExtraLine[] = [...BAD_LINES.map(toExtra), ...ODD_LINES].flatMap((line) => [
  line,
  line,
]);

/** How many of them are records: a blank line is none. */
export const EXTRA_RECORDS = EXTRA_LINES.length - 2 * 2;

function toExtra({ reason, spoil }: (typeof BAD_LINES)[number]): ExtraLine {
  return (event) => ({ bytes: Buffer.from(spoil(event)), fate: { reason } });
}

export function toLine(event: DayEvent): Line {
  const text = toText(event);
  const fate = String(event.user_id).startsWith('qa-') ? 'filtered' : 'event';
  switch (event.platform) {
    case 'Terminal': // Windows, and ASCII only
      return { bytes: Buffer.from(text.replace(/[\u0080-\uffff]/g, escapeUnit)), end: '\r\n', fate };
    case 'iOS': // Apple's JSONSerialization escapes slashes
      return { bytes: Buffer.from(text.replaceAll('/', '\\/')), end: '\n', fate };
    default:
      return { bytes: Buffer.from(text), end: '\n', fate };
  }
}

/** ECMAScript's JSON.rawJSON; TypeScript's library does not know it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

function toText(event: DayEvent): string {
  return JSON.stringify(event, (_key, value: unknown) => (typeof value === 'bigint' ? rawJSON(String(value)) : value));
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
