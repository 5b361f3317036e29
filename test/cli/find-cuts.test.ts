/** What Amplitude takes and does not keep. */
import { expect, test } from 'vitest';
import { type Cut, findCuts } from '../../cli/find-cuts.ts';
import type { JsonObject } from '../../shared/amplitude-event.ts';

const long = 'x'.repeat(1_025);
const names = (many: number) => Array.from({ length: many }, (_, i) => `name-${i}`);

const CASES: readonly [string, JsonObject, readonly Cut[]][] = [
  ['a text of 1,024 characters is kept', { event_type: 'x'.repeat(1_024), user_id: 'user-1' }, []],
  ['one of 1,025 is cut', { event_type: long }, [{ kind: 'text', path: 'event_type', found: 1_025 }]],
  [
    'also deep in properties and lists',
    { event_properties: { a: [{ 'b c': long }], d: 1 } },
    [{ kind: 'text', path: 'event_properties.a[].b c', found: 1_025 }],
  ],
  ['five group types are kept', { groups: Object.fromEntries(names(5).map((name) => [name, name])) }, []],
  [
    'six are not',
    { groups: Object.fromEntries(names(6).map((name) => [name, name])) },
    [{ kind: 'group types', path: 'groups', found: 6 }],
  ],
  ['ten group values are kept', { groups: { a: names(9), b: 'one' } }, []],
  ['eleven are not', { groups: { a: names(10), b: 'one' } }, [{ kind: 'group values', path: 'groups', found: 11 }]],
];

test.each(CASES)('%s', (_, event, cuts) => {
  expect(findCuts(event, JSON.stringify(event).length)).toEqual(cuts);
});

test('no nesting exhausts the stack', () => {
  const event = JSON.parse(`{"other":${'['.repeat(100_000)}"${long}"${']'.repeat(100_000)}}`) as JsonObject;
  expect(findCuts(event, 300_000)).toEqual([]);
});
