/** What each step of enrichment does to an event, and that the steps go in their order. */
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { contentId } from '../../../lambdas/chunker/make-events.ts';
import type { AmplitudeEvent } from '../../../shared/amplitude-event.ts';
import type { EnrichStep } from '../../../shared/enrich-step.ts';
import { EVENT, eventsOf, throwIt, transform, visit } from './making.ts';

/** The events that an event becomes, without the insert_ids made for them. */
async function enriched(event: object, ...enrich: EnrichStep[]): Promise<object[]> {
  const [made] = await transform({ enrich }, event);
  return (made ? eventsOf(made) : []).map(({ insert_id, ...rest }) =>
    'insert_id' in event ? { ...rest, insert_id } : rest,
  );
}

test('set lays fields over the event, from the event and from the record', async () => {
  const map = (record: object) => visit({ event_properties: { a: 1 }, city: 'Bern', ...record });
  const set: EnrichStep = {
    set: {
      platform: { value: 'Web' },
      user_properties: { fields: { plan: { value: 'pro' } } },
      event_properties: { fields: { b: 'city', page: '$record.page', missing: '$record.nothing' } },
    },
  };
  const [made] = await transform(
    { map: (record) => map({ page: undefined, p: record.page }), enrich: [set] },
    { page: '/' },
  );
  expect(made && eventsOf(made)).toMatchObject([
    { ...EVENT, platform: 'Web', user_properties: { plan: 'pro' }, event_properties: { a: 1, b: 'Bern', page: '/' } },
  ]);
});

test('drop takes paths out, in lists of every element', async () => {
  const event = visit({ ip: '1.2.3.4', event_properties: { items: [{ a: 1, b: 2 }, { a: 3 }], x: { y: 1 } } });
  expect(await enriched(event, { drop: ['ip', 'event_properties.items.b', 'event_properties.x.y', 'city'] })).toEqual([
    visit({ event_properties: { items: [{ a: 1 }, { a: 3 }] } }),
  ]);
});

describe('redact', () => {
  test('replaces the values of named properties at any depth, and what matches in any text', async () => {
    const event = visit({
      city: 'ada@example.com',
      event_properties: { Password: 'x', n: { token: { a: 1 }, none: null, text: ['to ada@example.com, b@c.de', 5] } },
    });
    const redact = { keys: [/^pass/i, 'token', 'none'], patterns: [/[\w.]+@[\w.]+\w/] };
    expect(await enriched(event, { redact })).toEqual([
      visit({
        city: '[redacted]',
        event_properties: {
          Password: '[redacted]',
          n: { token: '[redacted]', none: null, text: ['to [redacted], [redacted]', 5] },
        },
      }),
    ]);
  });

  test('leaves the fields that say whose an event is', async () => {
    const event = {
      event_type: 'a@b.cc',
      user_id: 'ada@b.cc',
      device_id: 'ada@b.cc',
      insert_id: 'ada@b.cc',
      city: 'x',
    };
    const redact = { keys: ['city', 'user_id'], patterns: ['\\w+@[\\w.]+'], with: '$&' };
    expect(await enriched(event, { redact })).toEqual([{ ...event, event_type: '$&' }]);
  });
});

describe('hash', () => {
  const KEY = 'the key that pseudonyms holds';
  const hmac = (text: string) => createHmac('sha256', KEY).update(text).digest('hex');

  test('puts a keyed hash in the place of a value, wherever it stands', async () => {
    const event = visit({ event_properties: { email: 'a@b.cc', n: 5, list: [{ id: 'x' }, { id: 7 }], none: null } });
    const fields = [
      'user_id',
      'event_properties.email',
      'event_properties.n',
      'event_properties.list.id',
      'event_properties.none',
      'city',
    ];
    expect(await enriched(event, { hash: { fields, secret: 'pseudonyms' } })).toEqual([
      {
        event_type: 'visit',
        user_id: hmac('user-1'),
        event_properties: {
          email: hmac('a@b.cc'),
          n: hmac('5'),
          list: [{ id: hmac('x') }, { id: hmac('7') }],
          none: null,
        },
      },
    ]);
  });

  test('in another encoding, cut and with a prefix', async () => {
    const whole = createHmac('sha256', KEY).update('user-1').digest('base64url');
    const hash = {
      fields: ['user_id'],
      secret: 'pseudonyms',
      encoding: 'base64url',
      length: 20,
      prefix: 'u-',
    } as const;
    expect(await enriched(EVENT, { hash })).toEqual([{ ...EVENT, user_id: `u-${whole.slice(0, 20)}` }]);
  });

  test('an id that stands for nobody still does, and is rejected', async () => {
    const made = await transform(
      { enrich: [{ hash: { fields: ['user_id'], secret: 's' } }] },
      visit({ user_id: 'Anonymous' }),
    );
    expect(made).toMatchObject([{ kind: 'unusable', reason: 'user_id stands for nobody' }]);
  });

  test('an object cannot be hashed', async () => {
    const hash = { fields: ['event_properties'], secret: 's' };
    expect(await transform({ enrich: [{ hash }] }, visit({ event_properties: { a: 1 } }))).toMatchObject([
      { kind: 'unusable', reason: 'value to be hashed is not text' },
    ]);
  });

  test('the insert_id tells nothing of the record to whoever lacks the key', async () => {
    const ids = async (secret: string) => {
      const [made] = await transform({ enrich: [{ hash: { fields: ['user_id'], secret } }] }, EVENT);
      return made && eventsOf(made)[0]?.insert_id;
    };
    const plain = contentId(Buffer.from(JSON.stringify(EVENT)));
    expect(await ids('one')).toBe(await ids('one'));
    expect(new Set([plain, await ids('one'), await ids('two')]).size).toBe(3);
  });
});

const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1';

test('userAgent gives operating system, device and browser, and changes nothing that is there', async () => {
  const [event] = await enriched(visit({ user_agent: SAFARI, os_version: '99', device_model: null }), {
    userAgent: {},
  });
  expect(event).toEqual(
    visit({
      user_agent: SAFARI,
      os_name: 'iOS',
      os_version: '99',
      device_manufacturer: 'Apple',
      device_model: 'iPhone',
      event_properties: { browser: 'Safari', browser_version: '17.5', device_type: 'mobile' },
    }),
  );
});

test.each([undefined, null, '', ' ', 5, 'x'.repeat(100_000)])(
  'a user agent that is %j is no trouble',
  async (user_agent) => {
    const [event] = await enriched(visit({ event_properties: { user_agent } }), {
      userAgent: { from: 'event_properties.user_agent' },
    });
    expect(event).toMatchObject(EVENT);
  },
);

test.each<[string, Extract<EnrichStep, { url: object }>['url'], object]>([
  [
    'https://Shop.example:8080/a/b?utm_source=mail&utm_campaign=&ref=x#top',
    { from: 'event_properties.u' },
    { url_host: 'shop.example:8080', url_path: '/a/b', utm_source: 'mail' },
  ],
  [
    'https://shop.example/?ref=x&utm_source=mail',
    { from: 'event_properties.u', prefix: 'p_', utm: false, query: ['ref'] },
    { p_host: 'shop.example', p_path: '/', p_ref: 'x' },
  ],
  ['/a?utm_id=7', { from: 'event_properties.u' }, { url_path: '/a', utm_id: '7' }],
  ['not a url', { from: 'event_properties.u' }, {}],
  ['', { from: 'event_properties.u' }, {}],
])('url of %j with %j gives %j', async (u, url, added) => {
  expect(await enriched(visit({ event_properties: { u } }), { url })).toEqual([
    visit({ event_properties: { u, ...added } }),
  ]);
});

test('url may write to user_properties, and leaves what is there', async () => {
  const event = visit({ user_properties: { utm_source: 'own' }, event_properties: { u: '/?utm_source=a&utm_term=b' } });
  expect(await enriched(event, { url: { from: 'event_properties.u', into: 'user_properties' } })).toEqual([
    { ...event, user_properties: { utm_source: 'own', url_path: '/', utm_term: 'b' } },
  ]);
});

describe('identify', () => {
  test('splits operations off into an event of their own before it; plain properties stay', async () => {
    const event = visit({
      device_id: 'device-1',
      time: 5,
      city: 'Bern',
      insert_id: 'own',
      user_properties: { plan: 'pro', $append: { seen: 'a' }, $set: { x: 1 } },
    });
    expect(await enriched(event, { identify: {} })).toEqual([
      {
        event_type: '$identify',
        user_id: 'user-1',
        device_id: 'device-1',
        time: 5,
        user_properties: { $append: { seen: 'a' }, $set: { x: 1 } },
        insert_id: 'own-identify',
      },
      { ...event, user_properties: { plan: 'pro' } },
    ]);
  });

  test('adds operations that the configuration names', async () => {
    const fields = { $append: { pages: 'event_properties.page' }, $setOnce: { first: 'time', none: 'nothing' } };
    const event = visit({ time: 5, event_properties: { page: '/' }, user_properties: { $append: { seen: 'a' } } });
    const [identify] = await enriched(event, { identify: { fields } });
    expect(identify).toMatchObject({ user_properties: { $append: { seen: 'a', pages: '/' }, $setOnce: { first: 5 } } });
  });

  test('an event without operations, and one that is an identify already, stay as they are', async () => {
    const identify = visit({ event_type: '$identify', user_properties: { $set: { a: 1 } } });
    const plain = visit({ user_properties: { plan: 'pro' } });
    expect(await enriched(identify, { identify: {} })).toEqual([identify]);
    expect(await enriched(plain, { identify: {} })).toEqual([plain]);
  });

  test('each of several events of a record has its own insert_id, the same every time', async () => {
    const map = () => [visit({ user_properties: { $set: { a: 1 } } }), visit({ user_properties: { $set: { a: 2 } } })];
    const ids = async () => {
      const [made] = await transform({ map, enrich: [{ identify: {} }] }, '{}');
      return made && eventsOf(made).map(({ insert_id }) => insert_id);
    };
    const id = contentId(Buffer.from('{}'));
    expect(await ids()).toEqual([`${id}-identify`, id, `${id}-1-identify`, `${id}-1`]);
    expect(await ids()).toEqual(await ids());
  });

  test('the steps after it see both', async () => {
    const event = visit({ user_properties: { $set: { a: 1 } } });
    const ids = (await enriched(
      event,
      { identify: {} },
      { hash: { fields: ['user_id'], secret: 's' } },
    )) as AmplitudeEvent[];
    expect(new Set(ids.map(({ user_id }) => user_id)).size).toBe(1);
    expect(ids[0]?.user_id).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('a function', () => {
  test('gives the event to go on with, or leaves it out', async () => {
    const map = () => [visit(), visit({ city: 'Bern' })];
    const enrich: EnrichStep[] = [
      (event, { position }) => (event.city ? null : { ...event, region: `line ${position}` }),
    ];
    const [made] = await transform({ map, enrich }, '{}');
    expect(made && eventsOf(made)).toEqual([visit({ region: 'line 1', insert_id: contentId(Buffer.from('{}')) })]);
    expect(await transform({ enrich: [() => null] }, EVENT)).toEqual([{ kind: 'filtered' }]);
  });

  test('that throws, or returns no event, costs only this event', async () => {
    const map = () => [visit({ city: 'a' }), visit({ city: 'b' }), visit({ city: 'c' }), visit({ city: 'd' })];
    const results: Record<string, () => unknown> = {
      a: () => throwIt(new TypeError('no city')),
      b: () => undefined,
      c: () => Promise.resolve(null),
    };
    const each = (event: AmplitudeEvent) =>
      (results[event.city as string]?.() ?? (event.city === 'b' ? undefined : event)) as never;
    const [made] = await transform({ map, enrich: [{ drop: ['region'] }, each] }, '{}');
    expect(made && eventsOf(made)).toMatchObject([{ city: 'd' }]);
    expect(made).toMatchObject({
      refused: [
        { reason: 'enrich[1] threw TypeError', detail: 'no city', text: JSON.stringify(visit({ city: 'a' })) },
        { reason: 'enrich[1] returned no event', detail: 'found undefined' },
        { reason: 'enrich[1] returned a promise' },
      ],
    });
  });
});

describe('a batch step', () => {
  const many = Array.from({ length: 25 }, (_, i) => visit({ event_properties: { i } }));

  test('gets the events of many records at once, so many at a time, and answers for each', async () => {
    const sizes: number[] = [];
    const batch = async (events: readonly AmplitudeEvent[]) => {
      sizes.push(events.length);
      return events.map((event) => (event.event_properties?.i === 3 ? null : { ...event, city: 'Bern' }));
    };
    const made = await transform({ enrich: [{ batch, size: 10 }, { set: { region: 'city' } }] }, ...many, 'no JSON');
    expect(sizes).toEqual([10, 10, 5]);
    expect(made.map(({ kind }) => kind)).toEqual([
      ...many.map((_, i) => (i === 3 ? 'filtered' : 'events')),
      'unusable',
    ]);
    expect(made[24] && eventsOf(made[24])).toMatchObject([
      { event_properties: { i: 24 }, city: 'Bern', region: 'Bern' },
    ]);
  });

  test('may make events anew: they keep their insert_id', async () => {
    const [made] = await transform(
      { enrich: [{ batch: async (events) => events.map(() => visit({ city: 'x' })) }] },
      EVENT,
    );
    expect(made && eventsOf(made)).toEqual([
      visit({ city: 'x', insert_id: contentId(Buffer.from(JSON.stringify(EVENT))) }),
    ]);
  });

  test.each<[string, (events: readonly AmplitudeEvent[]) => unknown, RegExp]>([
    ['throws', () => throwIt(new TypeError('anna is unknown')), /^enrich\[0\] threw TypeError; what it said may quote/],
    ['returns too few', (events) => events.slice(1), /given 25 events and returned 24/],
    ['returns no list', () => 'done', /returned no list/],
    ['returns another order', (events) => events.toReversed(), /event 1 has the insert_id of another/],
    ['returns what is no event', (events) => events.map(() => undefined), /found undefined, expected an event or null/],
  ])('that %s stops the dump, which is read again later', async (_what, batch, expected) => {
    await expect(transform({ enrich: [{ batch: batch as never }] }, ...many)).rejects.toThrow(expected);
  });
});

test('steps go in the order in which they stand', async () => {
  const set: EnrichStep = { set: { city: 'region' } };
  const drop: EnrichStep = { drop: ['region'] };
  const event = visit({ region: 'BE' });
  expect(await enriched(event, set, drop)).toEqual([visit({ city: 'BE' })]);
  expect(await enriched(event, drop, set)).toEqual([EVENT]);
});

test('events are checked after the last step', async () => {
  expect(await transform({ enrich: [{ set: { user_id: { value: 'x' } } }] }, EVENT)).toMatchObject([
    { kind: 'unusable', reason: 'user_id is too short' },
  ]);
  expect(
    await enriched({ user: 'user-1' }, { set: { event_type: { value: 'visit' }, user_id: '$record.user' } }),
  ).toMatchObject([EVENT]);
});

test('numbers beyond 2^53 go through all steps as they came', async () => {
  const text = '{"event_type":"visit","user_id":"user-1","event_properties":{"n":9007199254740993,"m":1e400}}';
  const enrich: EnrichStep[] = [
    { set: { city: { value: 'x' } } },
    { drop: ['event_properties.x', 'city'] },
    { redact: { keys: ['x'] } },
    { identify: {} },
    { batch: async (events) => events },
  ];
  const [made] = await transform({ enrich }, text);
  if (made?.kind !== 'events') throw new Error('expected events');
  expect(String(made.events[0]?.text)).toContain('"event_properties":{"n":9007199254740993,"m":1e400}');
});
