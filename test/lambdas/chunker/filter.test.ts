/** Which records are kept. */
import { describe, expect, test } from 'vitest';
import type { Condition } from '../../../shared/condition.ts';
import type { FilterFunction } from '../../../shared/config.ts';
import { EVENT, EVENT_TEXT, make, textsOf, throwIt } from './making.ts';

const RECORD = { ...EVENT, n: 5, ok: false, none: null, a: { 'b.c': 'deep' }, text: 'Mozilla/5.0' };

test.each<[Condition, boolean]>([
  [{ path: 'n', equals: 5 }, true],
  [{ path: 'n', equals: '5' }, false],
  [{ path: 'ok', equals: false }, true],
  [{ path: 'a."b.c"', equals: 'deep' }, true],
  [{ path: 'n', in: [4, 5] }, true],
  [{ path: 'n', in: ['5'] }, false],
  [{ path: 'n', exists: true }, true],
  [{ path: 'none', exists: true }, false],
  [{ path: 'nothing', exists: false }, true],
  [{ path: 'text', matches: '^mozilla' }, false],
  [{ path: 'text', matches: /^mozilla/gi }, true],
  [{ path: 'n', matches: '^5$' }, true],
  [{ path: 'nothing', matches: '' + '.*' }, false],
  [{ path: ['nothing', 'none', 'n'], equals: 5 }, true],
  [{ path: 'n', exists: true, in: [6] }, false],
  [{ not: { path: 'n', equals: 5 } }, false],
  [
    {
      and: [
        { path: 'n', equals: 5 },
        { path: 'ok', exists: true },
      ],
    },
    true,
  ],
  [
    {
      and: [
        { path: 'n', equals: 5 },
        { path: 'ok', equals: true },
      ],
    },
    false,
  ],
  [{ or: [{ path: 'n', equals: 6 }, { not: { path: 'ok', equals: true } }] }, true],
  [{ or: [{ path: 'n', equals: 6 }] }, false],
])('%j keeps the record: %s', (filter, isKept) => {
  for (const _ of [1, 2]) expect(make(JSON.stringify(RECORD), { filter }).kind).toBe(isKept ? 'events' : 'filtered');
});

describe('a function', () => {
  test('is told the record and where it stood', () => {
    const filter: FilterFunction = (record, { dump, position }) =>
      record.user_id === 'user-1' && dump === 'day.ndjson' && position === 1;
    expect(make(EVENT_TEXT, { filter }).kind).toBe('events');
    expect(make('{"user_id":"user-2"}', { filter })).toEqual({ kind: 'filtered' });
  });

  test.each<[string, () => unknown, string]>([
    ['throws', () => throwIt(new TypeError('no')), 'filter threw TypeError'],
    ['returns a promise', () => Promise.reject(new Error('late')), 'filter returned neither true nor false'],
    ['returns nothing', () => undefined, 'filter returned neither true nor false'],
  ])('that %s makes the record unusable', (_what, filter, reason) => {
    expect(make(EVENT_TEXT, { filter: filter as FilterFunction })).toMatchObject({ kind: 'unusable', reason });
  });
});

test('what is kept is still sent byte for byte', () => {
  const text = '{ "event_type":"visit", "user_id":"user-1","n":1e400 }';
  const [sent] = textsOf(make(text, { filter: { path: 'n', exists: true } }));
  expect(sent).toContain(text.slice(1));
});

test('it comes before the map: what is left out cannot be wrong', () => {
  const map = () => throwIt(new Error('never'));
  expect(make('{"bot":true}', { map, filter: { path: 'bot', exists: false } })).toEqual({ kind: 'filtered' });
});
