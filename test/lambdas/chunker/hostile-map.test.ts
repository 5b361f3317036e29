/** Whatever a map throws or returns costs its record, and never the dump. */
import { expect, test } from 'vitest';
import { contentId } from '../../../lambdas/chunker/make-events.ts';
import { DEEP_TEXT, EVENT, eventsOf, makeWith, textsOf, throwIt, visit } from './making.ts';

const boo = () => throwIt(new Error('boo'));

class Refusal extends Error {
  override readonly name = 'Refusal';
}

const NO_ERROR = 'map threw something that is no Error';

test.each<[string, () => unknown, string, string]>([
  ['an Error', () => new TypeError('no page'), 'map threw TypeError', 'no page'],
  ['an error of its own', () => new Refusal('not this one'), 'map threw an error of its own', 'Refusal: not this one'],
  ['text', () => 'oops', NO_ERROR, 'oops'],
  ['undefined', () => undefined, NO_ERROR, 'undefined'],
  ['a symbol', () => Symbol('s'), NO_ERROR, 'Symbol(s)'],
  ['what cannot be shown', () => Object.create(null), NO_ERROR, 'it cannot be shown'],
  [
    'an error without text',
    () => Object.assign(new Error(), { message: { toString: boo } }),
    NO_ERROR,
    'it cannot be shown',
  ],
  ['a revoked proxy', revokedProxy, NO_ERROR, 'it cannot be shown'],
])('that throws %s makes the record unusable', (_what, thrown, reason, detail) => {
  expect(makeWith(() => throwIt(thrown()))).toEqual({ kind: 'unusable', reason, detail });
});

const NOT_WRITTEN = 'event cannot be written as JSON';
const getter = Object.freeze({
  get page() {
    return boo();
  },
});

test.each<[string, () => unknown, string]>([
  ['a promise', () => Promise.resolve(visit()), 'map returned a promise'],
  ['a promise that fails', () => Promise.reject(new Error('late')), 'map returned a promise'],
  ['promises in a list', () => [Promise.reject(new Error('late')), Promise.resolve()], 'map returned a promise'],
  ['a list in a list', () => [[visit()]], 'map returned no event'],
  ['a list of what cannot be shown', () => [[Object.create(null)]], NOT_WRITTEN],
  ['null in a list', () => [null], 'map returned no event'],
  ['text', () => 'visit', 'map returned no event'],
  ['true', () => true, 'map returned no event'],
  ['a symbol', () => Symbol('s'), 'map returned no event'],
  ['a function', () => () => visit(), 'map returned no event'],
  ['a date', () => new Date(0), 'event_type is missing'],
  [
    'an event that throws when it is copied',
    () => Object.defineProperty(visit(), 'page', { get: boo, enumerable: true }),
    NOT_WRITTEN,
  ],
  ['an event that throws when it is checked', () => visit({ event_properties: getter }), NOT_WRITTEN],
  ['an event that throws when it is written', () => visit({ event_properties: { toJSON: boo } }), NOT_WRITTEN],
  ['a circular event', () => visit({ my_field: circle() }), NOT_WRITTEN],
  ['circular properties', () => visit({ event_properties: circle() }), NOT_WRITTEN],
  ['an event whose type is circular', () => visit({ event_type: circle() }), NOT_WRITTEN],
  ['an event whose type holds a bigint', () => visit({ event_type: { n: 1n } }), 'event_type is not a string'],
  ['an event nested 100,000 levels deep', () => visit({ my_field: JSON.parse(DEEP_TEXT) as unknown }), NOT_WRITTEN],
  ['a revoked proxy', revokedProxy, 'map threw TypeError'],
  ['a revoked proxy in a list', () => [revokedProxy()], NOT_WRITTEN],
])('that returns %s makes the record unusable', (_what, result, reason) => {
  expect(makeWith(result)).toMatchObject({ kind: 'unusable', reason });
});

test('an event is its own values: what it inherits is neither checked nor written', () => {
  class Visit {
    user_id = 'user-1';
    get event_type(): string {
      return 'visit';
    }
  }
  expect(makeWith(() => new Visit())).toMatchObject({ reason: 'event_type is missing' });

  class Identified {
    readonly event_type = 'visit';
    readonly user_id = 'user-1';
    get insert_id(): string {
      return 'own';
    }
  }
  expect(eventsOf(makeWith(() => new Identified()))).toEqual([{ ...EVENT, insert_id: contentId(Buffer.from('{}')) }]);
});

test('an event that changes while it is looked at is sent as it was checked', () => {
  let asked = 0;
  const get = () => {
    asked += 1;
    return asked === 1 ? 'user-1' : 5;
  };
  const [text] = textsOf(makeWith(() => Object.defineProperty(visit(), 'user_id', { enumerable: true, get })));
  expect(text).toContain('"user_id":"user-1"');
});

function circle(): object {
  const value: Record<string, unknown> = {};
  value.self = value;
  return value;
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
