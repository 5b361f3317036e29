/** What the presets make of the records of other tools. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findFault } from '../../../lambdas/chunker/check-event.ts';
import { type JsonObject } from '../../../shared/amplitude-event.ts';
import { PRESET_SCHEMAS, type PresetInput } from '../../../shared/presets.ts';
import { FIXTURES, outcomesOf, readExpected, readRecords } from './fixtures.ts';
import { runs } from '../../runs.ts';

describe.each(FIXTURES)('%s', (file, preset) => {
  const records = readRecords(file);
  const outcomes = outcomesOf(records, preset);

  test('has an outcome for each record', () => {
    expect(readExpected(file)).toHaveLength(records.length);
    expect(records.length).toBeGreaterThan(0);
  });

  test.each(readExpected(file).map((expected, i) => [i + 1, expected] as const))('line %i', (line, expected) => {
    expect(outcomes[line - 1]).toEqual(expected);
  });

  test('makes nothing that Amplitude would refuse', () => {
    expect(eventsOf(outcomes).map((event) => findFault(event))).toEqual(eventsOf(outcomes).map(() => undefined));
  });

  test('gives every event of a record an insert_id of its own', () => {
    for (const outcome of outcomes) {
      const ids = eventsOf([outcome]).map(({ insert_id }) => insert_id);
      expect(new Set(ids).size).toBe(ids.length);
    }
  });
});

describe('$skip_user_properties_sync', () => {
  const isCommand = ({ event_type }: JsonObject) => event_type === '$identify' || event_type === '$groupidentify';

  test.each(FIXTURES)(
    '%s: on every event unless it is turned off, and never on those that only set properties',
    (file, preset) => {
      const name = typeof preset === 'string' ? preset : preset.name;
      const options = typeof preset === 'string' ? {} : preset;
      const marks = (skipUserPropertiesSync: boolean) =>
        eventsOf(outcomesOf(readRecords(file), { ...options, name, skipUserPropertiesSync } as PresetInput)).filter(
          (event) => event.$skip_user_properties_sync !== undefined,
        );
      const all = eventsOf(outcomesOf(readRecords(file), preset));
      expect(marks(true).length).toBe(all.filter((event) => !isCommand(event)).length);
      expect(marks(true).some(isCommand)).toBe(false);
      expect(marks(false)).toEqual([]);
    },
  );

  test.each(['amplitude-export', 'segment', 'rudderstack', 'posthog-export'] as const)(
    '%s: identify: filter leaves out everything that only sets properties',
    (name) => {
      const events = (identify: 'send' | 'filter') =>
        eventsOf(outcomesOf(readRecords(`${name}.ndjson`), { name, identify }));
      expect(events('send').some(isCommand)).toBe(true);
      expect(events('filter').some(isCommand)).toBe(false);
      expect(events('filter')).toEqual(events('send').filter((event) => !isCommand(event)));
    },
  );
});

describe('options', () => {
  const only = (preset: PresetInput, record: JsonObject) => eventsOf(outcomesOf([record], preset))[0];

  test.each([
    ['filter', undefined],
    ['rename', 'Start Session (Amplitude)'],
    ['keep', '[Amplitude] Start Session'],
  ] as const)('amplitude-export, reservedEvents: %s', (reservedEvents, expected) => {
    const record = { event_type: '[Amplitude] Start Session', event_time: '2026-11-20 08:00:00', user_id: 'user-1' };
    expect(only({ name: 'amplitude-export', reservedEvents }, record)?.event_type).toBe(expected);
  });

  test.each([
    [{}, { type: 'page', name: 'Books', category: 'Shop' }, 'Viewed Books'],
    [{ pageEvent: '{category}: {name} page' }, { type: 'page', name: 'Books', category: 'Shop' }, 'Shop: Books page'],
    [{ pageEvent: 'Page Viewed' }, { type: 'page', name: 'Books' }, 'Page Viewed'],
    [{}, { type: 'page', properties: { category: 'Shop' } }, 'Viewed Shop'],
    [{}, { type: 'screen' }, 'Viewed Screen'],
    [{}, { type: 'page', name: '$& {category}' }, 'Viewed $& $& {category}'],
    [{ screenEvent: false }, { type: 'screen', name: 'Basket' }, undefined],
  ] as const)('segment, %o names %o', (options, call, expected) => {
    const record = { ...call, userId: 'user-1', timestamp: '2026-11-20T08:00:00Z' };
    expect(only({ name: 'segment', ...options }, record)?.event_type).toBe(expected);
  });

  test('segment, groupType names the group of group calls and of later events', () => {
    const common = { userId: 'user-1', timestamp: '2026-11-20T08:00:00Z' };
    const group = only({ name: 'segment', groupType: 'company' }, { ...common, type: 'group', groupId: 'acme' });
    const track = { ...common, type: 'track', event: 'Visit', context: { groupId: 'acme' } };
    expect(group?.groups).toEqual({ company: 'acme' });
    expect(only({ name: 'segment', groupType: 'company' }, track)?.groups).toEqual({ company: 'acme' });
  });

  test.each([
    ['known', { distinct_id: 'device-1', $device_id: 'device-1' }, { device_id: 'device-1' }],
    ['known', { distinct_id: 'user-1', $device_id: 'device-1' }, { user_id: 'user-1', device_id: 'device-1' }],
    [
      'distinct_id',
      { distinct_id: 'device-1', $device_id: 'device-1' },
      { user_id: 'device-1', device_id: 'device-1' },
    ],
  ] as const)('mixpanel-export, userId: %s of %o', (userId, ids, expected) => {
    const event = only({ name: 'mixpanel-export', userId }, { event: 'Visit', properties: { time: 1, ...ids } });
    expect({ user_id: event?.user_id, device_id: event?.device_id }).toEqual({ user_id: undefined, ...expected });
  });

  test.each([
    ['known', 'device-1', {}, { device_id: 'device-1' }],
    ['known', 'anon-2', { $is_identified: false }, { device_id: 'device-1' }],
    ['known', 'user-1', {}, { user_id: 'user-1', device_id: 'device-1' }],
    ['distinct_id', 'device-1', {}, { user_id: 'device-1', device_id: 'device-1' }],
    ['person_id', 'device-1', {}, { user_id: 'person-1', device_id: 'device-1' }],
  ] as const)('posthog-export, userId: %s of %s %o', (userId, distinct_id, properties, expected) => {
    const ids = { distinct_id, person_id: 'person-1', properties: { $device_id: 'device-1', ...properties } };
    const event = only(
      { name: 'posthog-export', userId },
      { event: 'Visit', timestamp: '2026-11-20T08:00:00Z', ...ids },
    );
    expect({ user_id: event?.user_id, device_id: event?.device_id }).toEqual({ user_id: undefined, ...expected });
  });

  const row = { event_name: 'page_view', collector_tstamp: '2026-11-20 08:00:00', network_userid: 'network-1' };

  test.each([
    [{}, { ...row, domain_userid: 'domain-1' }, 'domain-1'],
    [{ deviceId: 'network_userid' }, { ...row, domain_userid: 'domain-1' }, 'network-1'],
    [{}, row, 'network-1'],
    [{}, { ...row, user_id: 'user-1' }, undefined],
  ] as const)('snowplow-enriched, %o takes the device of %o', (options, record, expected) => {
    expect(only({ name: 'snowplow-enriched', ...options }, record)?.device_id).toBe(expected);
  });

  test('snowplow-enriched: page pings sent, entities dropped, structured events named', () => {
    const options = {
      name: 'snowplow-enriched',
      pagePings: 'send',
      contexts: 'drop',
      structEvent: '{se_category}: {se_action}',
    } as const;
    const struct = {
      ...row,
      event: 'struct',
      se_category: 'basket',
      se_action: 'add',
      contexts_com_acme_a_1: [{ a: 1 }],
    };
    expect(only(options, { ...row, event: 'page_ping' })?.event_type).toBe('page_view');
    expect(only(options, struct)).toMatchObject({
      event_type: 'basket: add',
      event_properties: { se_category: 'basket', se_action: 'add' },
    });
    expect(only(options, struct)?.event_properties).not.toHaveProperty('contexts_com_acme_a_1');
  });
});

test('a GA4 event keeps its insert_id when Google writes its table again with other types and another order', () => {
  const record = readRecords('ga4-bigquery.ndjson')[0] ?? {};
  const event_params = (record.event_params as JsonObject[]).toReversed();
  const again = { ...record, event_timestamp: Number(record.event_timestamp), event_params, user_id: null };
  const other = { ...record, batch_event_index: '4' };
  const [first, second, third] = eventsOf(outcomesOf([record, again, other], 'ga4-bigquery'));
  expect(second?.insert_id).toBe(first?.insert_id);
  expect(third?.insert_id).not.toBe(first?.insert_id);
});

test.each(['segment', 'rudderstack', 'ga4-bigquery'] as const)(
  '%s: a name that Amplitude takes for a command is refused',
  (name) => {
    const record = { type: 'track', event: '$identify', event_name: '$identify', timestamp: '2026-11-20T08:00:00Z' };
    expect(outcomesOf([record], name)[0]).toMatchObject({ refused: expect.stringContaining('takes for a command') });
  },
);

describe.each(FIXTURES)('%s, whatever its records hold', (file, preset) => {
  const records = readRecords(file);
  const anyValue = fc.oneof(
    fc.constantFrom(
      null,
      '',
      0,
      -1,
      1e300,
      2n ** 70n,
      '2026-11-20 08:00:00',
      '{}',
      '[1]',
      '{"a":',
      [],
      {},
      [null],
      [[]],
    ),
    fc.jsonValue({ maxDepth: 3 }),
  );
  /** A record of the fixture in which some fields, at any depth, have been replaced or taken away. */
  const damaged = fc
    .tuple(fc.constantFrom(...records), fc.array(fc.tuple(fc.nat(), anyValue), { maxLength: 6 }))
    .map(([record, changes]) => changes.reduce((value, [at, by]) => replaceAt(value, at, by), record as unknown));

  test('an event that Amplitude takes but for its ids, or filtered, or refused with a reason', () => {
    fc.assert(
      fc.property(fc.oneof(damaged, fc.dictionary(fc.string(), anyValue)), (record) => {
        const [outcome] = outcomesOf([record as JsonObject], preset);
        if (outcome === undefined || outcome === 'filtered') return;
        if ('refused' in outcome) expect(outcome.refused).toMatch(/expected|takes for a command/);
        for (const event of eventsOf([outcome]))
          expect(findFault(event)?.reason ?? 'user_id').toMatch(/^(user|device)_id/);
      }),
      { numRuns: runs(500) },
    );
  });
});

test('every preset has a fixture', () => {
  const names = FIXTURES.map(([, preset]) => (typeof preset === 'string' ? preset : preset.name));
  expect([...new Set(names)].toSorted()).toEqual(Object.keys(PRESET_SCHEMAS).toSorted());
});

function eventsOf(outcomes: ReturnType<typeof outcomesOf>): JsonObject[] {
  return outcomes.flatMap((outcome) =>
    outcome === 'filtered' || 'refused' in outcome ? [] : (outcome as JsonObject[]),
  );
}

/** Replaces one field, the `at`-th of all that can be counted. */
function replaceAt(value: unknown, at: number, by: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [name, inner] = entries[at % Math.max(entries.length, 1)] ?? [];
  if (name === undefined) return value;
  const isDeep = typeof inner === 'object' && inner !== null && at % 3 > 0;
  const changed = isDeep ? replaceAt(inner, Math.floor(at / 3), by) : by;
  if (Array.isArray(value)) return value.map((item: unknown, i) => (String(i) === name ? changed : item));
  return { ...value, [name]: changed };
}
