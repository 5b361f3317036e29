/** docs/dashboard.svg: the dashboard as it is defined, with what an import on one machine measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DASHBOARD } from '../../cdk/dashboard.ts';
import { drawDashboard } from '../../cdk/dashboard-picture.ts';
import { describeFigure, valuesOf } from '../../cdk/local-figure.ts';
import { deadOn, onQueue, sum } from '../../cdk/figure.ts';
import { type EventfulDay, runEventfulDay } from '../../local/eventful-day.ts';

const PICTURE = readFileSync(join(import.meta.dirname, '../../docs/dashboard.svg'), 'utf8');
const NOTHING: EventfulDay = { start: 0, minutes: 240, measured: [], looked: [] };

/** What stays when the figures are others: places, titles, labels, metrics. */
function withoutValues(picture: string): string {
  return picture.replace(/points="[^"]*"/g, '').replace(/>[\d,]+<\/text>/g, '></text>');
}

test('docs/dashboard.svg shows the dashboard as it is defined: when this fails, `npm run dashboard` draws it anew', () => {
  expect(withoutValues(PICTURE)).toBe(withoutValues(drawDashboard(NOTHING)));
});

test('every widget of the dashboard is in it, by its title, with the metrics that it shows', () => {
  for (const { title, figures } of DASHBOARD.flat()) {
    expect(PICTURE).toContain(`>${title}</text>`);
    for (const [label, figure] of Object.entries(figures)) {
      expect(PICTURE).toContain(`<title>${describeFigure(figure)}</title>`);
      expect(PICTURE).toContain(`>${label}</text>`);
    }
  }
});

test('its lines are not flat: something came in, was delivered, rejected and parked, and died', () => {
  const lines = [...PICTURE.matchAll(/points="([^"]*)"/g)].map(([, points = '']) => points.split(' '));
  const heights = lines.map((points) => new Set(points.map((point) => point.split(',')[1])).size);
  expect(heights.filter((different) => different > 2).length).toBeGreaterThan(10);
});

test('of what was measured a period has the sum, of what was looked at the most', () => {
  const look = (visible: number, hidden: number) => ({ visible, hidden, ageS: 0 });
  const at = (minute: number) => minute * 60_000;
  const looked = [look(1, 2), look(5, 0), look(2, 1)].map((upload, i) => {
    const queues = { intake: look(0, 0), upload, parked: look(0, 0) };
    return { at: at(4 * i), queues, dead: { ...queues, upload: look(i, 0) } };
  });
  const measured = [1, 2, 6].map((minute) => ({ at: at(minute), figures: { EventsDelivered: minute } }));
  const day = { start: 0, minutes: 10, measured, looked };
  expect(valuesOf(sum('EventsDelivered'), day, 5)).toEqual([3, 6]);
  expect(valuesOf(onQueue('upload'), day, 5)).toEqual([7, 3]);
  expect(valuesOf(deadOn('upload'), day, 5)).toEqual([1, 2]);
  expect(valuesOf({ stage: 'chunker', metric: 'Errors', statistic: 'Sum' }, day, 5)).toBeUndefined();
});

test('the picture is the same whenever and wherever it is drawn', async () => {
  expect(drawDashboard(await runEventfulDay())).toBe(PICTURE);
});
