/** The dump that lies nowhere: however it is read, the same bytes, of events that are all known again. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeLoss, eventCounter } from '../../bench/count-events.ts';
import { endlessDump } from '../../bench/endless-dump.ts';
import { FIRST_TIME, generateLines, numberText, TIME_STEP_MS } from '../../bench/generate-dump.ts';

/** More than two blocks. */
const { dump, dumps, events } = endlessDump(14_000_000);
const whole = await dumps.read(dump, 0, dump.size);

test('it begins like the dump that is written to a file', () => {
  const [first] = generateLines({ rawBytes: 1 }).pieces();
  expect(first && whole.subarray(0, first.length).equals(first)).toBe(true);
});

test('every line is an event with a time and a number of its own, and has no more and no less than it says', () => {
  const lines = whole.toString().split('\n');
  expect(lines.pop()).toBe('');
  expect(lines.length).toBe(events);
  const wrong = lines.filter((line, n) => {
    const { time, event_properties } = JSON.parse(line) as {
      time: number;
      event_properties: { request_id: string };
    };
    return time !== FIRST_TIME + n * TIME_STEP_MS || event_properties.request_id !== numberText(n);
  });
  expect(wrong).toEqual([]);
});

test('any range of it is that part of the whole', async () => {
  const places = fc
    .tuple(fc.nat(dump.size), fc.nat(dump.size))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  const property = fc.asyncProperty(places, fc.nat(2_000), async ([start, end], bytes) => {
    const range = await dumps.read(dump, start, end);
    expect(range.equals(whole.subarray(start, end))).toBe(true);
    const few = await dumps.read(dump, start, Math.min(start + bytes, dump.size));
    expect(few.equals(whole.subarray(start, Math.min(start + bytes, dump.size)))).toBe(true);
  });
  await fc.assert(property, { numRuns: 20 });
});

test('a sink finds each of its events, whatever requests they come in, and what is lost, doubled or of another dump', () => {
  const counter = eventCounter(events);
  const lines = whole.toString().trimEnd().split('\n');
  expect(counter.count(Buffer.from(`[${lines.slice(0, 7_000).join(',')}]`))).toBe(7_000);
  expect(describeLoss(counter.found(), events)).toBe(
    `of ${events} events ${events - 7_000} are lost, 0 are doubled, 0 are strange`,
  );
  counter.count(Buffer.from(lines.slice(7_000).join('\n')));
  expect(counter.found()).toEqual({ received: events, lost: 0, doubled: 0, strange: 0 });
  expect(describeLoss(counter.found(), events)).toBeUndefined();
  for (let i = 0; i < 3; i += 1) counter.count(Buffer.from(lines[5] ?? ''));
  counter.count(Buffer.from(`"request_id":"${numberText(events)}"`));
  counter.count(Buffer.from('"request_id":"something else altogether, of nobody we know'));
  expect(counter.found()).toEqual({ received: events + 5, lost: 0, doubled: 1, strange: 2 });
});
