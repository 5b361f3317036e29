/** Where a declarative map finds the values of an event, and what it says when they are not what they should be. */
import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Expression, FieldMap } from '../../../shared/field-map.ts';
import { eventsOf, make, textsOf } from './making.ts';
import { runs } from '../../runs.ts';

const BASE = { event_type: { value: 'visit' }, user_id: { value: 'user-1' } } as const satisfies FieldMap;

/** The property `x` that the expression gives. */
function valueOf(expression: Expression, record: object | string): unknown {
  const text = typeof record === 'string' ? record : JSON.stringify(record);
  const [event] = eventsOf(make(text, { map: { ...BASE, event_properties: { fields: { x: expression } } } }));
  return event?.event_properties?.x;
}

function faultOf(expression: Expression, record: object) {
  const map = { ...BASE, event_properties: { fields: { x: expression } } };
  return make(JSON.stringify(record), { map });
}

describe('a path', () => {
  test.each<[string, object, unknown]>([
    ['a', { a: 1 }, 1],
    ['a.b.c', { a: { b: { c: 'deep' } } }, 'deep'],
    ['a', { a: { b: 1 } }, { b: 1 }],
    ['a."b.c"', { a: { 'b.c': 1 } }, 1],
    ['"a.b".c', { 'a.b': { c: 1 } }, 1],
    ['"say \\"a\\""', { 'say "a"': 1 }, 1],
    ['""', { '': 1 }, 1],
    ['größe 📏', { 'größe 📏': 1 }, 1],
    ['list.1.x', { list: [{ x: 1 }, { x: 2 }] }, 2],
    ['list.length', { list: [1, 2] }, undefined],
    ['list.x', { list: [{ x: 1 }] }, undefined],
    ['text.0', { text: 'abc' }, undefined],
    ['a', { a: null }, undefined],
    ['a.b', { a: null }, undefined],
    ['toString', {}, undefined],
    ['a.constructor', { a: {} }, undefined],
    ['$record.a', { a: 1 }, 1],
    ['a', { a: false }, false],
    ['a', { a: '' }, ''],
  ])('%s of %j is %j', (path, record, value) => {
    expect(valueOf(path, record)).toEqual(value);
  });

  test('may lead to __proto__ like to any other name', () => {
    expect(valueOf('__proto__.a', '{"__proto__":{"a":1}}')).toBe(1);
    expect(valueOf('__proto__.a', '{}')).toBeUndefined();
  });
});

test.each<[Expression, object, unknown]>([
  [['a', 'b.c'], { b: { c: 2 } }, 2],
  [['a', 'b'], { a: null, b: 2 }, 2],
  [['a', { value: 'none' }], {}, 'none'],
  [{ path: 'a', default: 'none' }, {}, 'none'],
  [{ path: ['a', 'b'], default: 0 }, { b: 1 }, 1],
  [{ value: ['x', 1, { y: null }] }, {}, ['x', 1, { y: null }]],
  [{ template: '{first} {last.0}' }, { first: 'Ada', last: ['L'] }, 'Ada L'],
  [{ template: '{{{n}}} {"a.b"}' }, { n: 1.5, 'a.b': true }, '{1.5} true'],
  [{ template: '{first} {last}' }, { first: 'Ada' }, undefined],
  [{ template: '{first} {last}', default: 'nobody' }, { first: 'Ada' }, 'nobody'],
  [{ string: 'a' }, { a: 12.5 }, '12.5'],
  [{ string: 'a' }, { a: false }, 'false'],
  [{ string: 'a' }, {}, undefined],
  [{ number: 'a' }, { a: ' -12.50 ' }, -12.5],
  [{ number: 'a' }, { a: '1e3' }, 1_000],
  [{ number: 'a' }, { a: 7 }, 7],
  [{ number: 'a' }, { a: '' }, undefined],
  [{ boolean: 'a' }, { a: 'Yes' }, true],
  [{ boolean: 'a' }, { a: 0 }, false],
  [{ boolean: 'a', default: false }, {}, false],
  [{ boolean: 'a', default: true }, { a: false }, false],
  [{ json: 'a' }, { a: '{"b":[1,"2"]}' }, { b: [1, '2'] }],
  [{ json: 'a' }, { a: { b: 1 } }, { b: 1 }],
  [{ json: 'a' }, { a: 'null' }, undefined],
  [{ match: 'a', pattern: '^[^,]*' }, { a: 'en-US,en;q=0.8' }, 'en-US'],
  [{ match: 'a', pattern: /id=(\d+)/ }, { a: 'x?id=12&y' }, '12'],
  [{ match: 'a', pattern: /id=(\d+)/g }, { a: 'x?id=12&y' }, '12'],
  [{ match: 'a', pattern: 'id' }, { a: 'none' }, undefined],
  [{ digest: ['a', 'b'], length: 16 }, { a: 1 }, createHash('sha256').update('[1,null]').digest('hex').slice(0, 16)],
  [{ number: { match: 'a', pattern: '\\d+' } }, { a: 'page 12' }, 12],
])('%j of %j is %j', (expression, record, value) => {
  expect(valueOf(expression, record)).toEqual(value);
});

test('the same pattern gives the same every time, whatever its flags', () => {
  const map = { ...BASE, event_properties: { fields: { x: { match: 'a', pattern: /a/y } } } } as const;
  const values = [1, 2, 3].map(() => eventsOf(make('{"a":"aaa"}', { map }))[0]?.event_properties?.x);
  expect(values).toEqual(['a', 'a', 'a']);
});

test.each<[Expression, object, string, string]>([
  [{ number: 'a' }, { a: '12,5' }, 'event_properties.x is not a number', 'found "12,5"'],
  [{ number: 'a' }, { a: [1] }, 'event_properties.x is not a number', 'found an array'],
  [{ boolean: 'a' }, { a: 'maybe' }, 'event_properties.x is not true or false', 'found "maybe"'],
  [{ string: 'a' }, { a: {} }, 'event_properties.x is not text or a number', 'found a value of type object'],
  [{ json: 'a' }, { a: '{"b":' }, 'event_properties.x is not JSON', 'found "{\\"b\\":"'],
  [
    { template: '{a.b}' },
    { a: { b: {} } },
    'event_properties.x is not text or a number at a.b',
    'found a value of type object',
  ],
  [{ match: 'a', pattern: 'x' }, { a: {} }, 'event_properties.x is not text', 'found a value of type object'],
  [
    { time: 'a', zone: 'UTC' },
    { a: 'soon' },
    'event_properties.x is not a time',
    'found "soon", expected a time such as 2026-11-20T08:30:00Z (for numbers say the unit)',
  ],
  [
    { path: ['a', 'b'], required: true },
    {},
    'event_properties.x is missing',
    'expected a value at {"path":["a","b"],"required":true}',
  ],
  [{ from: 'a' }, { a: 'text' }, 'event_properties.x is not an object', 'found "text"'],
])('%j of %j rejects the record: %s', (expression, record, reason, detail) => {
  expect(faultOf(expression, record)).toEqual({ kind: 'unusable', reason, detail });
});

test('a field of the event that is not what Amplitude expects there is rejected too', () => {
  const map: FieldMap = { ...BASE, user_id: 'id' };
  expect(make('{"id":12345}', { map })).toMatchObject({ reason: 'user_id is not a string', detail: 'found 12345' });
  expect(eventsOf(make('{"id":12345}', { map: { ...map, user_id: { string: 'id' } } }))[0]?.user_id).toBe('12345');
});

test('integers beyond 2^53 stay exact, as they stand, from text and within JSON', () => {
  const fields = { a: 'a', b: { number: 'b' }, c: { json: 'c' }, d: { string: 'a' } } as const;
  const record = '{"a":9007199254740993,"b":"9007199254740993","c":"[9007199254740993]"}';
  const [text] = textsOf(make(record, { map: { ...BASE, event_properties: { fields } } }));
  expect(text).toContain('{"a":9007199254740993,"b":9007199254740993,"c":[9007199254740993],"d":"9007199254740993"}');
});

describe('an object', () => {
  const record = {
    type: 'buy',
    user: { id: 'user-1', plan: 'pro', address: { city: 'Bern' } },
    props: { price: 5, secret: 's', nested: { a: 1, b: { c: 2 }, none: {} }, list: [{ d: 1 }] },
  };
  test.each<[string, Expression, unknown]>([
    ['has fields', { fields: { a: 'type', b: 'nothing', c: { value: 1 } } }, { a: 'buy', c: 1 }],
    ['is left out when it would be empty', { fields: { b: 'nothing' } }, undefined],
    ['is from another', { from: 'user' }, record.user],
    ['is from nothing', { from: 'nothing' }, undefined],
    ['is picked from the record', { pick: ['type', 'user.plan', 'nothing'] }, { type: 'buy', plan: 'pro' }],
    ['is picked from another', { from: 'user', pick: ['address.city'] }, { city: 'Bern' }],
    [
      'lacks what is dropped',
      { from: 'props', drop: ['secret', 'nested.b', 'nested.a', 'nested.none', 'list.d'] },
      { price: 5, list: [] },
    ],
    [
      'is renamed',
      { from: 'user', rename: { id: 'user_id', nothing: 'x' }, drop: ['address'] },
      { user_id: 'user-1', plan: 'pro' },
    ],
    [
      'is flattened',
      { from: 'props', flatten: true },
      { price: 5, secret: 's', 'nested.a': 1, 'nested.b.c': 2, list: [{ d: 1 }] },
    ],
    [
      'is flattened with a joiner',
      { pick: ['user'], flatten: '_' },
      { user_id: 'user-1', user_plan: 'pro', user_address_city: 'Bern' },
    ],
    [
      'has fields over the rest of it',
      { from: 'user', pick: ['plan'], fields: { plan: { value: 'x' } } },
      { plan: 'x' },
    ],
  ])('%s', (_what, expression, value) => {
    expect(valueOf(expression, record)).toEqual(value);
  });

  test('rest is everything that nothing else in the map uses', () => {
    const map: FieldMap = {
      event_type: 'type',
      user_id: ['user.uid', 'user.id'],
      city: { template: '{user.address.city}!' },
      price: { number: 'props.price' },
      event_properties: { rest: true, drop: ['props.secret', 'props.list'] },
    };
    expect(eventsOf(make(JSON.stringify(record), { map }))).toMatchObject([
      { event_type: 'buy', user_id: 'user-1', city: 'Bern!', price: 5 },
    ]);
    expect(eventsOf(make(JSON.stringify(record), { map }))[0]?.event_properties).toEqual({
      user: { plan: 'pro' },
      props: { nested: { a: 1, b: { c: 2 }, none: {} } },
    });
  });

  test('rest below a path', () => {
    const map: FieldMap = {
      event_type: 'type',
      user_id: 'user.id',
      user_properties: { rest: 'user', drop: ['address'] },
    };
    expect(eventsOf(make(JSON.stringify(record), { map }))[0]?.user_properties).toEqual({ plan: 'pro' });
  });
});

test('no record makes a map throw, and the same record always makes the same', () => {
  const expression = fc.constantFrom<Expression>(
    'a',
    ['a', 'b.c'],
    { template: '{a}-{b.c}' },
    { number: 'a' },
    { boolean: 'a' },
    { json: 'a' },
    { time: 'a', unit: 's' },
    { time: 'a', zone: 'Europe/Berlin' },
    { match: 'a', pattern: /./g },
    { digest: ['a', 'b'] },
    { rest: true, flatten: true },
    { from: 'a', pick: ['b'] },
    { from: { json: 'a' }, drop: ['b.c'] },
  );
  const value = fc.oneof(
    fc.json(),
    fc.double().map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  );
  const record = fc.record({ a: fc.oneof(fc.jsonValue(), value), b: fc.jsonValue() }, { requiredKeys: [] });
  fc.assert(
    fc.property(expression, record, (x, some) => {
      const made = () => make(JSON.stringify(some), { map: { ...BASE, event_properties: { fields: { x } } } });
      expect(['events', 'unusable']).toContain(made().kind);
      expect(made()).toEqual(made());
    }),
    { numRuns: runs(500) },
  );
});
