/** A text that is built like an earlier one is recognised, and found to be what it is found to be by looking at it anew. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { newShapes } from '../../../lambdas/chunker/known-shapes.ts';
import { found, holdText, openScanner, type Scanner, scanObject } from '../../../lambdas/chunker/scan-object.ts';
import type { Watch } from '../../../lambdas/chunker/watch-table.ts';
import { runs } from '../../runs.ts';
import { chance, relatedLine, trickyLine } from './tricky-lines.ts';

const WATCH: Watch = new Map([
  ['event_type', { expected: 'string' }],
  ['user_id', { expected: 'string' }],
  ['time', { expected: 'integer' }],
  ['price', { expected: 'number' }],
  ['library', { expected: 'absent' }],
  ['user_properties', { expected: 'object' }],
  [
    'event_properties',
    {
      expected: 'object',
      within: new Map([
        ['product', { expected: 'object', within: new Map([['id', { expected: 'any' }]]) }],
        ['imported', { expected: 'absent' }],
      ]),
    },
  ],
]);

function open(steps?: number): Scanner {
  const opened = openScanner(WATCH, newShapes(steps));
  if (!opened) throw new Error('expected a scanner');
  return opened.scanner;
}

/** Learns nothing, so that it looks at each text anew. */
const anew = open(0);

/** Where the values are that a scanner finds, with those that end with their bracket left open; undefined when it says no. */
function look(text: Buffer, scanner: Scanner): unknown {
  if (!holdText(text) || !scanObject(0, text.length, scanner)) return undefined;
  const { starts, ends } = found();
  return scanner.expected.map((_, slot) => {
    const start = starts[slot] ?? -1;
    return start === -1 || text[start] === 0x7b || text[start] === 0x5b ? start : [start, ends[slot]];
  });
}

test('whatever was seen before, a text is found to be the same', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = chance(seed);
      const learning = open();
      for (let i = 0; i < 20; i += 1) {
        const line = trickyLine(random);
        const texts = [line, ...Array.from({ length: 20 }, () => relatedLine(line, random))];
        for (const text of texts) expect(look(text, learning), text.toString()).toEqual(look(text, anew));
      }
    }),
    { numRuns: runs(200) },
  );
});

test.each([
  [
    'other values of any length',
    '{"event_type":"a","time":1,"x":[1,{"y":"b"}]}',
    '{"event_type":"","time":12345,"x":[-1.5e3,{"y":null}]}',
  ],
  ['a value that breaks off', '{"event_type":"a","x":true}', '{"event_type":"a","x":tru}'],
  ['a text that goes on', '{"event_type":"a"}', '{"event_type":"a"}}'],
  ['a value of a kind that is not expected', '{"event_type":"a","time":1}', '{"event_type":"a","time":"1"}'],
  ['an object where a value was', '{"event_type":"a","x":1}', '{"event_type":"a","x":{"event_type":"b"}}'],
  [
    'a value where an object was',
    '{"event_type":"a","user_properties":{"p":1}}',
    '{"event_type":"a","user_properties":1}',
  ],
  [
    'an object that is empty now',
    '{"event_type":"a","user_properties":{"p":1}}',
    '{"event_type":"a","user_properties":{}}',
  ],
  ['a list that is longer', '{"event_type":"a","x":[1]}', '{"event_type":"a","x":[1,2,{}]}'],
  ['a name that is another one', '{"event_type":"a","time":1}', '{"event_type":"a","tome":"1"}'],
  ['an escape where there was none', '{"event_type":"a"}', '{"event_type":"\\u0061\\"}'],
  ['a control character', '{"event_type":"abcdefgh"}', '{"event_type":"abc\u0001efgh"}'],
  ['a newline between', '{"event_type":"a","x":1}', '{"event_type":"a",\n"x":1}'],
])('after one like it: %s', (_what, first, second) => {
  const learning = open();
  look(Buffer.from(first), learning);
  for (const text of [second, first]) {
    expect(look(Buffer.from(text), learning)).toEqual(look(Buffer.from(text), anew));
  }
});

test.each([
  ['a name that stands twice', '{"event_type":"a","x":1,"x":1}'],
  ['a name without a letter that stands twice', '{"event_type":"a","":1,"":2}'],
  ['a watched name that stands twice', '{"event_type":"a","event_type":"a"}'],
  ['a name with an escape', '{"event_type":"a","\\u0078":1}'],
  ['a name that must not be there', '{"event_type":"a","library":"b"}'],
])('is left to be parsed: %s', (_what, text) => {
  expect(look(Buffer.from(text), open())).toBeUndefined();
});

test.each<[string, readonly string[]]>([
  ['names that differ in their middle only', ['product_height', 'product_weight', 'location_lat', 'location_lot']],
  ['hundreds of names', Array.from({ length: 300 }, (_, i) => `name ${i}`)],
])('watched are %s', (_what, names) => {
  const opened = openScanner(new Map(names.map((name) => [name, { expected: 'any' }])));
  const text = Buffer.from(JSON.stringify(Object.fromEntries(names.map((name, i) => [name, i]))));
  expect(holdText(text) && opened && scanObject(0, text.length, opened.scanner)).toBe(true);
  const { starts } = found();
  expect(names.map((_, i) => text.toString('utf8', starts[i]).split(/[,}]/)[0])).toEqual(names.map((_, i) => `${i}`));
});

test('more names than there is room for, or deeper ones than an event may be, are not watched', () => {
  const many = new Map(Array.from({ length: 5_000 }, (_, i) => [`name ${i}`, { expected: 'any' as const }]));
  expect(openScanner(many)).toBeUndefined();
  let deep: Watch = new Map([['a', { expected: 'any' }]]);
  for (let i = 0; i < 10; i += 1) deep = new Map([['a', { expected: 'object', within: deep }]]);
  expect(openScanner(deep)).toBeUndefined();
});

test('one that is built like an earlier one teaches nothing new, and what is learnt has an end', () => {
  const learning = open(40);
  const learn = (text: string) => {
    look(Buffer.from(text), learning);
    return learning.shapes.steps;
  };
  const first = learn('{"event_type":"a","x":[1,2]}');
  expect(first).toBeGreaterThan(0);
  expect(learn('{"event_type":"another","x":["one",null]}')).toBe(first);
  expect(learn('{"event_type":"a","x":[1,2,3]}')).toBeGreaterThan(first);
  for (let i = 0; i < 100; i += 1) learn(`{"event_type":"a","name ${i}":1}`);
  expect(learning.shapes.steps).toBeLessThanOrEqual(42);
});

test('what is forgotten, when there is no more room, is learnt again', () => {
  const learning = open();
  const text = Buffer.from('{"event_type":"a","x":1}');
  look(text, learning);
  const { steps } = learning.shapes;
  for (let i = 0; i < 40; i += 1) {
    const other = open();
    for (let n = 0; n < 1_000; n += 1) look(Buffer.from(`{"event_type":"a","x ${i} ${n}":1}`), other);
    expect(look(text, learning)).toEqual(look(text, anew));
    expect(learning.shapes.steps).toBe(steps);
  }
});

test('a text that is no UTF-8 or is too long is not held, and the one before stays held', () => {
  const text = Buffer.from('{"event_type":"a"}');
  const scanner = open();
  expect(holdText(text)).toBe(true);
  expect(holdText(Buffer.from([0x22, 0xff, 0x22]))).toBe(false);
  expect(holdText(Buffer.alloc(1024 * 1024 + 1, 0x20))).toBe(false);
  expect(scanObject(0, text.length, scanner)).toBe(true);
});
