/** $identify events of one user that follow each other become one, and nothing else changes. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentId } from '../../../lambdas/chunker/make-events.ts';
import type { PreparedEvent } from '../../../lambdas/chunker/make-events.ts';
import { bytesOfText } from '../../../lambdas/chunker/spliced-text.ts';
import { mergeIdentifies } from '../../../lambdas/chunker/merge-identifies.ts';
import type { AmplitudeEvent, JsonObject } from '../../../shared/amplitude-event.ts';
import { sumBooks } from '../../../shared/books.ts';
import { eventTexts, HURRIED, openChunker, outcomeOf, takeChunks } from './chunker.ts';
import { sourceOf } from './fixtures.ts';
import { transform } from './making.ts';

const SOURCE = sourceOf({ enrich: [{ identify: {} }] });

type Short = { user?: string; device?: string; ops?: object; time?: number; [field: string]: unknown };

/** An identify with `ops`, otherwise a visit. */
function eventOf({ user, device, ops, ...rest }: Short): AmplitudeEvent {
  const ids = { ...(user && { user_id: user }), ...(device && { device_id: device }) };
  const what = ops ? { event_type: '$identify', user_properties: ops as JsonObject } : { event_type: 'visit' };
  return { ...what, ...ids, ...rest } as AmplitudeEvent;
}

async function prepared(events: readonly Short[]): Promise<PreparedEvent[]> {
  const made = await transform(SOURCE, ...events.map(eventOf));
  return made.flatMap((each) => (each.kind === 'events' ? each.events : []));
}

/** What comes out, as `[event, position]`. */
async function merged(events: readonly Short[], maxBytes = 10_000): Promise<[AmplitudeEvent, number][]> {
  const out: [AmplitudeEvent, number][] = [];
  const merging = mergeIdentifies((event, position) => {
    out.push([JSON.parse(bytesOfText(event).toString()) as AmplitudeEvent, position]);
  }, maxBytes);
  for (const [i, event] of (await prepared(events)).entries()) merging.add(event, i + 1);
  merging.releaseAll();
  return out;
}

const opsOf = (out: readonly [AmplitudeEvent, number][]) =>
  out.map(([event]) => event.user_properties ?? event.event_type);
const U = { user: 'user-1' };
const set = (properties: object) => ({ ...U, ops: { $set: properties } });

test('those of one user without an event between them become one, which goes before its next event', async () => {
  const out = await merged([
    { ...set({ a: 1, b: 1 }), time: 1, insert_id: 'x' },
    { user: 'user-2' },
    { ...set({ a: 2 }), time: 2, insert_id: 'y' },
    U,
    set({ a: 3 }),
  ]);
  expect(out).toMatchObject([
    [{ event_type: 'visit', user_id: 'user-2' }, 2],
    [
      {
        event_type: '$identify',
        time: 2,
        user_properties: { $set: { a: 2, b: 1 } },
        insert_id: contentId(Buffer.from('["x","y"]')),
      },
      4,
    ],
    [{ event_type: 'visit', user_id: 'user-1' }, 4],
    [{ user_properties: { $set: { a: 3 } } }, 5],
  ]);
});

test('one that is merged with no other stays as it is', async () => {
  const [[event] = []] = await merged([{ ...set({ a: 1 }), insert_id: 'x' }]);
  expect(event).toEqual({
    event_type: '$identify',
    user_id: 'user-1',
    user_properties: { $set: { a: 1 } },
    insert_id: 'x',
  });
});

test.each<[string, object, object, object[]]>([
  ['$set: the last', { $set: { a: 1 } }, { $set: { a: 2, b: 3 } }, [{ $set: { a: 2, b: 3 } }]],
  ['$setOnce: the first', { $setOnce: { a: 1 } }, { $setOnce: { a: 2, b: 3 } }, [{ $setOnce: { a: 1, b: 3 } }]],
  ['$add: the sum', { $add: { a: 1 } }, { $add: { a: -3 } }, [{ $add: { a: -2 } }]],
  ['$append: the list', { $append: { a: 1 } }, { $append: { a: [2, 3] } }, [{ $append: { a: [1, 2, 3] } }]],
  ['$unset', { $unset: { a: '-' } }, { $unset: { b: '-' } }, [{ $unset: { a: '-', b: '-' } }]],
  ['different properties', { $set: { a: 1 } }, { $add: { b: 1 } }, [{ $set: { a: 1 }, $add: { b: 1 } }]],
  [
    'one property, different operations: two',
    { $set: { a: 1 } },
    { $add: { a: 1 } },
    [{ $set: { a: 1 } }, { $add: { a: 1 } }],
  ],
  ['$add of text: two', { $add: { a: 1 } }, { $add: { a: 'x' } }, [{ $add: { a: 1 } }, { $add: { a: 'x' } }]],
  [
    '$prepend, whose order matters: two',
    { $prepend: { a: 1 } },
    { $prepend: { a: 2 } },
    [{ $prepend: { a: 1 } }, { $prepend: { a: 2 } }],
  ],
  ['$clearAll: two', { $set: { a: 1 } }, { $clearAll: '-' }, [{ $set: { a: 1 } }, { $clearAll: '-' }]],
  ['plain properties: two', { a: 1 }, { a: 2 }, [{ a: 1 }, { a: 2 }]],
])('%s', async (_what, first, second, expected) => {
  expect(
    opsOf(
      await merged([
        { ...U, ops: first },
        { ...U, ops: second },
      ]),
    ),
  ).toEqual(expected);
});

test.each<[string, Short, Short]>([
  ['of another device', { ...set({ a: 1 }), device: 'device-1' }, { ...set({ a: 2 }), device: 'device-2' }],
  ['with another field that differs', { ...set({ a: 1 }), platform: 'iOS' }, set({ a: 2 })],
  ['that would become too large', set({ a: 'x'.repeat(3_000) }), set({ b: 'x'.repeat(8_000) })],
])('those %s stay two, in their order', async (_what, first, second) => {
  const out = await merged([first, second]);
  expect(out.map(([, position]) => position)).toEqual([2, 2]);
});

test('an event of the same device, or of the same user elsewhere, comes after the identify too', async () => {
  const identify = { user: 'user-1', device: 'device-1', ops: { $set: { a: 1 } } };
  for (const event of [{ device: 'device-1' }, { user: 'user-1', device: 'device-2' }]) {
    expect(opsOf(await merged([identify, event]))).toEqual([{ $set: { a: 1 } }, 'visit']);
  }
  expect(opsOf(await merged([identify, { user: 'device-1' }]))).toEqual(['visit', { $set: { a: 1 } }]);
});

const anyEvent: fc.Arbitrary<Short> = fc.record(
  {
    user: fc.constantFrom('user-1', 'user-2', 'user-3'),
    device: fc.constantFrom('device-1', 'device-2'),
    ops: fc.oneof(
      fc.record({ $set: fc.dictionary(fc.constantFrom('a', 'b'), fc.nat(9), { minKeys: 1 }) }),
      fc.record({ $append: fc.dictionary(fc.constantFrom('b', 'c'), fc.nat(9), { minKeys: 1 }) }),
    ),
  },
  { requiredKeys: ['user'] },
);

/** What Amplitude makes of the operations: the properties of each user as each event of its finds them. */
function seenBy(events: readonly AmplitudeEvent[]) {
  const users = new Map<string, Record<string, unknown>>();
  const seen: unknown[] = [];
  for (const { event_type, user_id, user_properties } of events) {
    const now = users.get(String(user_id)) ?? {};
    users.set(String(user_id), now);
    if (event_type !== '$identify') seen.push([user_id, structuredClone(now)]);
    const { $set = {}, $append = {} } = (user_properties ?? {}) as { $set?: object; $append?: object };
    Object.assign(now, $set);
    for (const [name, value] of Object.entries($append)) now[name] = [now[name] ?? [], value].flat();
  }
  return { seen, users };
}

test('every event finds the properties it would have found, and positions go up', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEvent, { maxLength: 40 }), async (events) => {
      const out = await merged(events);
      expect(seenBy(out.map(([event]) => event))).toEqual(seenBy(events.map(eventOf)));
      const positions = out.map(([, position]) => position);
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    }),
  );
});

describe('a dump of identifies', () => {
  const line = (i: number) =>
    `${JSON.stringify(eventOf({ user: `user-${i % 2}`, ...(i % 7 !== 6 && { ops: { $set: { [`p${i % 3}`]: i } } }) }))}\n`;
  const text = Array.from({ length: 45 }, (_, i) => line(i)).join('');

  test('gives the same events and the same books however often it is interrupted; a merged record is mapped', async () => {
    const whole = openChunker(text, { source: SOURCE });
    const outcome = await whole.run();
    if (outcome.kind !== 'read') throw new Error('expected it to be read');
    const expected = await outcomeOf(whole, outcome.run);
    const hurried = openChunker(text, { source: SOURCE });
    for (let i = 0; i < 4; i += 1) expect((await hurried.run({ ...HURRIED, owner: `${i}` })).kind).toBe('unfinished');
    await hurried.run();
    expect(await outcomeOf(hurried, outcome.run)).toEqual(expected);
    const books = sumBooks(expected.segments);
    expect(books).toMatchObject({ read: 45, mapped: 45, filtered: 0, unusable: 0 });
    expect(books.events).toBe(expected.chunks.reduce((sum, { events }) => sum + events, 0));
    expect(books.events).toBeLessThan(30);
  });

  test('merge: false keeps them all', async () => {
    const chunker = openChunker(text, { source: sourceOf({ enrich: [{ identify: { merge: false } }] }) });
    await chunker.run();
    expect((await takeChunks(chunker)).flatMap(eventTexts)).toHaveLength(45);
  });
});
