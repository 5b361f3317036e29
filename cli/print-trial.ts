/** A record and its events for a person: side by side where the terminal is wide, otherwise one below the other. */
import type { styleText } from 'node:util';
import { jsonLines } from './print-json.ts';
import { contentOf } from './record-content.ts';
import { harmless, widthOf, wrap } from './text-width.ts';
import type { Trial } from './try-dump.ts';

export type Style = (format: Parameters<typeof styleText>[0], text: string) => string;

export type Look = {
  /** Columns of the terminal; undefined: not on a terminal, nothing is wrapped. */
  readonly width: number | undefined;
  readonly style: Style;
};

/** From here on a record and its events stand side by side, columns. */
export const WIDE = 100;
const BETWEEN = ' │ ';
/** Narrower than this nothing can be read anyway. */
const MIN_WIDTH = 20;

/** Of a text that is no JSON. */
const MAX_TEXT = 1_000;
/** Of the warnings of one record. */
const MAX_NOTES = 10;

const ROUTE_LEAVES_OUT = 'the route has no project for it (otherwise: filter)';

type Line = { readonly text: string; readonly paint: (text: string) => string };

/** Lines without line ends; none is wider than the terminal. */
export function formatTrial(trial: Trial, { width: columns, style }: Look): readonly string[] {
  const width = columns === undefined ? undefined : Math.max(columns, MIN_WIDTH);
  const record = recordLines(trial, style);
  const outcome = outcomeLines(trial, style);
  const isWide = width !== undefined && width >= WIDE;
  const pair = isWide ? sideBySide(record, outcome, width, style) : [...below(record, width), ...below(outcome, width)];
  return [...pair, ...below(noteLines(trial, style), width)];
}

function recordLines({ record }: Trial, style: Style): readonly Line[] {
  const { position, within, bytes, length } = record;
  const place = within ? `, line ${n(position - within.before)} of ${harmless(within.name)}` : '';
  const title = { text: `record ${n(position)}${place}`, paint: (text: string) => style('bold', text) };
  const content = contentOf(record);
  if ('record' in content) return [title, ...json(content.record, style)];
  const whole = bytes.toString('utf8', 0, MAX_TEXT * 4);
  const shown = whole.slice(0, MAX_TEXT);
  const left = length - Buffer.byteLength(shown);
  const lines = shown.split('\n').map((line) => plain(`  ${harmless(line)}`));
  return [title, ...lines, ...(left > 0 ? [plain(`  … ${n(left)} more bytes`)] : [])];
}

function outcomeLines({ made, events, refused }: Trial, style: Style): readonly Line[] {
  if (made.kind === 'filtered') {
    const who = made.leftOut === undefined ? 'the configuration leaves it out' : ROUTE_LEAVES_OUT;
    return [painted('→ filtered', 'dim', style), plain(`  ${who}`)];
  }
  if (made.kind === 'unusable') {
    return [painted(`→ rejected: ${harmless(made.reason)}`, 'red', style), plain(`  ${harmless(made.detail)}`)];
  }
  const count = events.length + refused.length;
  const which = (i: number) => (count > 1 ? ` ${n(i + 1)} of ${n(count)}` : '');
  const to = (project: string | undefined) => (project === undefined ? '' : ` to project ${harmless(project)}`);
  const { leftOut = 0 } = made;
  return [
    ...events.flatMap(({ event, project }, i) => [
      painted(`→ event${which(i)}${to(project)}`, 'green', style),
      ...json(event, style),
    ]),
    ...refused.flatMap(({ reason, detail, text }, i) => [
      painted(`→ event${which(events.length + i)} refused: ${harmless(reason)}`, 'red', style),
      plain(`  ${harmless(detail)}`),
      ...refusedEvent(text, style),
    ]),
    ...(leftOut > 0
      ? [painted(`→ and ${n(leftOut)} more, left out`, 'dim', style), plain(`  ${ROUTE_LEAVES_OUT}`)]
      : []),
  ];
}

/** What was made of the record, if it could be written. */
function refusedEvent(text: string, style: Style): readonly Line[] {
  const content = contentOf({ bytes: Buffer.from(text) });
  if ('record' in content) return json(content.record, style);
  return text === '' ? [] : [plain(`  ${harmless(text.slice(0, MAX_TEXT))}`)];
}

function noteLines({ events }: Trial, style: Style): readonly Line[] {
  const notes = events.flatMap(({ warnings }, i) =>
    warnings.map(({ effect, field, detail }) => {
      const which = events.length > 1 ? `event ${n(i + 1)}, ` : '';
      const text = `  ${effect.padEnd(7)} ${which}${harmless(field)}: ${harmless(detail)}`;
      return painted(text, effect === 'check' ? 'cyan' : 'yellow', style);
    }),
  );
  if (notes.length <= MAX_NOTES) return notes;
  return [...notes.slice(0, MAX_NOTES), plain(`  … and ${n(notes.length - MAX_NOTES)} more warnings`)];
}

function json(value: unknown, style: Style): readonly Line[] {
  const paint = (text: string) =>
    text.replace(
      /^( *)("(?:[^"\\]|\\.)*")(?=: )/,
      (_, indent: string, name: string) => `${indent}${style('cyan', name)}`,
    );
  return jsonLines(value).map((text) => ({ text: `  ${text}`, paint }));
}

function plain(text: string): Line {
  return { text, paint: (piece) => piece };
}

function painted(text: string, format: Parameters<Style>[0], style: Style): Line {
  return { text, paint: (piece) => style(format, piece) };
}

function below(lines: readonly Line[], width: number | undefined): readonly string[] {
  return lines.flatMap(({ text, paint }) => (width === undefined ? [text] : wrap(text, width)).map(paint));
}

function sideBySide(left: readonly Line[], right: readonly Line[], width: number, style: Style): readonly string[] {
  const columns = Math.floor((width - BETWEEN.length) / 2);
  const [lefts, rights] = [left, right].map((lines) =>
    lines.flatMap(({ text, paint }) =>
      wrap(text, columns).map((piece) => ({ painted: paint(piece), room: columns - widthOf(piece) })),
    ),
  ) as [Cell[], Cell[]];
  return Array.from({ length: Math.max(lefts.length, rights.length) }, (_, i) => {
    const { painted: text, room } = lefts[i] ?? { painted: '', room: columns };
    return `${text}${' '.repeat(room)}${style('dim', BETWEEN)}${rights[i]?.painted ?? ''}`.trimEnd();
  });
}

type Cell = { readonly painted: string; readonly room: number };

function n(count: number): string {
  return count.toLocaleString('en-US');
}
