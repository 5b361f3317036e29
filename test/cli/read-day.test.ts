/** How a person names a day. */
import { expect, test } from 'vitest';
import { readDay } from '../../cli/read-day.ts';
import { UsageError } from '../../cli/usage.ts';

const LATER = Date.parse('2026-11-21T03:00:00Z');

test('a day is read as it is written, or counted from today', () => {
  expect(readDay('2026-11-20', LATER)).toBe('2026-11-20');
  expect(readDay('today', LATER)).toBe('2026-11-21');
  expect(readDay('yesterday', LATER)).toBe('2026-11-20');
});

test.each(['2026-13-01', '2026-02-30', '20261120', 'monday', ''])('%j is no day', (text) => {
  expect(() => readDay(text, LATER)).toThrow(UsageError);
});
