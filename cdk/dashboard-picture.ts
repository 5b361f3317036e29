/** The dashboard as a picture (SVG): its widgets in their places, with what an import on one machine measured. */
import type { EventfulDay } from '../local/eventful-day.ts';
import { ALARMS } from './alarms.ts';
import { COLUMNS, DASHBOARD, HEADLINE, HEIGHTS, PERIOD_MINUTES, type WidgetDefinition } from './dashboard.ts';
import { describeFigure, valuesOf } from './local-figure.ts';

/** Pixels. */
const COLUMN = 48;
const UNIT = 32;
const MARGIN = 16;
const GAP = 8;
const TITLE = 26;

const COLOURS = ['#2563eb', '#0891b2', '#64748b', '#a16207', '#be185d', '#4d7c0f'];
/** The same thing has the same colour in every widget. */
const COLOUR_OF: Readonly<Record<string, string>> = {
  delivered: '#15803d',
  completed: '#15803d',
  rejected: '#c2410c',
  failed: '#b91c1c',
  parked: '#7c3aed',
  dead: '#b91c1c',
  throttled: '#7c3aed',
};

type Box = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
type Line = { readonly label: string; readonly about: string; readonly values: readonly number[] | undefined };

/** The same day and definitions make the same text. */
export function drawDashboard(day: EventfulDay): string {
  const head = { x: MARGIN, width: COLUMNS * COLUMN };
  const parts = [drawAlarms({ ...head, y: MARGIN, height: HEIGHTS.alarms * UNIT })];
  let y = MARGIN + HEIGHTS.alarms * UNIT;
  parts.push(frame({ ...head, y, height: HEIGHTS.text * UNIT }), text(MARGIN + 2 * GAP, y + 20, `local ${HEADLINE}`));
  y += HEIGHTS.text * UNIT;
  for (const row of DASHBOARD) {
    const width = (COLUMNS / row.length) * COLUMN;
    const height = Math.max(...row.map(({ as }) => HEIGHTS[as])) * UNIT;
    parts.push(...row.map((widget, i) => drawWidget(widget, { x: MARGIN + i * width, y, width, height }, day)));
    y += height;
  }
  const [width, height] = [COLUMNS * COLUMN + 2 * MARGIN, y + 2 * UNIT + GAP];
  const notes = [
    `Drawn by npm run dashboard from cdk/dashboard.ts: ${day.minutes / 60} hours of imports on one machine and a virtual clock, in which Amplitude is away, devices are throttled, a format changes and a key is wrong.`,
    "Left out is what only AWS has: the alarms' states, Lambda's own metrics.",
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#334155">
<title>The importer's dashboard</title>
<rect width="${width}" height="${height}" fill="#f1f5f9"/>
${parts.join('\n')}
${notes.map((note, i) => text(MARGIN + GAP, y + 24 + i * 16, note, 'font-size="11"')).join('\n')}
</svg>
`;
}

function drawAlarms(box: Box): string {
  const perRow = Math.ceil(ALARMS.length / 2);
  const width = (box.width - 2 * GAP) / perRow;
  const chips = ALARMS.map(({ name, means }, i) => {
    const [x, y] = [box.x + GAP + (i % perRow) * width, box.y + TITLE + 6 + Math.floor(i / perRow) * 29];
    const chip = `<rect x="${n(x + 2)}" y="${n(y)}" width="${n(width - 4)}" height="25" rx="3" fill="#e2e8f0"/>`;
    return `<g><title>${escaped(means)}</title>${chip}${text(x + 10, y + 17, name)}</g>`;
  });
  return `${frameOf('Alarms', box)}\n${chips.join('\n')}`;
}

function drawWidget({ title, as, figures }: WidgetDefinition, box: Box, day: EventfulDay): string {
  const lines = Object.entries(figures).map(([label, figure]): Line => {
    return { label, about: describeFigure(figure), values: valuesOf(figure, day, PERIOD_MINUTES) };
  });
  const drawn = as === 'graph' ? drawGraph(lines, box, day) : drawNumbers(lines, as, box);
  return [frameOf(title, box), ...drawn].join('\n');
}

function frameOf(title: string, box: Box): string {
  return `${frame(box)}\n${text(box.x + 2 * GAP, box.y + 22, title, 'font-weight="600" fill="#0f172a"')}`;
}

function frame({ x, y, width, height }: Box): string {
  return `<rect x="${n(x + 2)}" y="${n(y + 2)}" width="${n(width - 4)}" height="${n(height - 4)}" rx="4" fill="#ffffff" stroke="#cbd5e1"/>`;
}

function drawNumbers(lines: readonly Line[], as: 'total' | 'now', { x, y, width, height }: Box): string[] {
  const each = (width - 2 * GAP) / lines.length;
  return lines.map(({ label, about, values = [] }, i) => {
    const value = as === 'total' ? values.reduce((sum, one) => sum + one, 0) : (values.at(-1) ?? 0);
    const left = x + 2 * GAP + i * each;
    const number = text(left, y + TITLE + (height - TITLE) / 2 + 4, count(value), 'font-size="18" fill="#0f172a"');
    return `<g><title>${escaped(about)}</title>${number}${dot(left, y + height - 17, colourOf(label, i))}${text(left + 14, y + height - 13, label)}</g>`;
  });
}

function drawGraph(lines: readonly Line[], box: Box, day: EventfulDay): string[] {
  const legend = legendOf(lines, box);
  const plot = {
    x: box.x + 48,
    y: box.y + TITLE + 10,
    width: box.width - 64,
    height: box.height - TITLE - 36 - legend.height,
  };
  const bottom = plot.y + plot.height;
  const known = lines.flatMap(({ values }) => values ?? []);
  if (known.length === 0) {
    const note = text(plot.x, plot.y + plot.height / 2, 'on AWS only: one machine has no functions');
    return [note, ...legend.drawn];
  }
  const top = Math.max(1, ...known);
  const hours = Array.from({ length: Math.floor(day.minutes / 60) + 1 }, (_, hour) => {
    const x = plot.x + (plot.width * hour * 60) / day.minutes;
    return text(x, bottom + 15, `${String(hour).padStart(2, '0')}:00`, 'font-size="10" text-anchor="middle"');
  });
  const grid = [0, 1].map((share) => {
    const y = bottom - share * plot.height;
    const line = `<line x1="${n(plot.x)}" x2="${n(plot.x + plot.width)}" y1="${n(y)}" y2="${n(y)}" stroke="#e2e8f0"/>`;
    return `${line}${text(plot.x - 6, y + 4, count(share * top), 'font-size="10" text-anchor="end"')}`;
  });
  const curves = lines.flatMap(({ label, values }, i) => {
    if (!values) return [];
    const step = plot.width / Math.max(1, values.length - 1);
    const points = values.map((value, at) => `${n(plot.x + at * step)},${n(bottom - (value / top) * plot.height)}`);
    return [`<polyline fill="none" stroke="${colourOf(label, i)}" stroke-width="1.5" points="${points.join(' ')}"/>`];
  });
  return [...grid, ...hours, ...curves, ...legend.drawn];
}

/** Below the graph, in as many rows as it takes. */
function legendOf(lines: readonly Line[], box: Box): { readonly height: number; readonly drawn: readonly string[] } {
  const places: { readonly x: number; readonly row: number }[] = [];
  let [x, row] = [0, 0];
  for (const { label } of lines) {
    const width = 26 + label.length * 6.2;
    if (x > 0 && x + width > box.width - 4 * GAP) [x, row] = [0, row + 1];
    places.push({ x, row });
    x += width;
  }
  const height = (row + 1) * 16;
  const drawn = lines.map(({ label, about }, i) => {
    const { x: left = 0, row: its = 0 } = places[i] ?? {};
    const [at, y] = [box.x + 2 * GAP + left, box.y + box.height - 8 - height + (its + 1) * 16 - 4];
    return `<g><title>${escaped(about)}</title>${dot(at, y - 4, colourOf(label, i))}${text(at + 14, y, label, 'font-size="11"')}</g>`;
  });
  return { height, drawn };
}

function colourOf(label: string, i: number): string {
  return COLOUR_OF[label] ?? COLOURS[i % COLOURS.length] ?? '';
}

function dot(x: number, y: number, colour: string): string {
  return `<circle cx="${n(x + 5)}" cy="${n(y)}" r="4" fill="${colour}"/>`;
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${n(x)}" y="${n(y)}"${attributes && ` ${attributes}`}>${escaped(content)}</text>`;
}

/** With a decimal at most. */
function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
