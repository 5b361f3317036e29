/** The figures of a plan, against what comes out by hand. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AWS_PRICES, DEPLOYED } from '../../cli/aws-prices.ts';
import type { Figure } from '../../cli/figure.ts';
import type { Plan } from '../../cli/plan-figures.ts';
import { importerSchema } from '../../shared/config.ts';
import { countsOf, hit, planOf } from './planning.ts';

/** 1,000,000 events of 600 bytes, 200,000 of them of one device, in one dump of 90 MB that is 32 lanes wide. */
const HOT_DAY = {
  counts: { read: 1_000_000, hottestDevices: [hit('kiosk', 200_000)], hottestUsers: [hit('anna', 10)] },
};

const FIGURES: readonly [string, (plan: Plan) => Figure | undefined, number, string][] = [
  // 4 segments × 32 lanes, each 800,000 / (128 × 2,000) + ½ chunks; the device 200,000 / 2,000 and ½ in each segment.
  ['chunks under Batch', ({ apis }) => apis.batch.chunks.chunks, 464 + 102, '800,000 events / 2,000 a chunk'],
  // 950,000 bytes hold 1,578 events of 602 bytes: 507 + 64; the device 200,000 / 90 = 2,222.2, and 2.
  ['chunks under HTTP V2', ({ apis }) => apis['http-v2'].chunks.chunks, 2_796, '1,578 a chunk'],
  [
    'the uploads under Batch',
    ({ apis }) => apis.batch.bounds.uploads,
    (566 * 0.65) / 8,
    '566 requests × 0.65 s each / 8',
  ],
  // 31,000 ms × 2,000 / (30,000 − 2,000) = 2,214.3 ms, up to the next one, 99 times.
  [
    'the device under Batch',
    ({ apis }) => apis.batch.bounds.device,
    99 * 2.215 + 0.65,
    '200,000 events of kiosk / 2,000',
  ],
  // 31,000 ms × 90 / (900 − 90) = 3,444.4 ms; 2,223 chunks.
  [
    'the device under HTTP V2',
    ({ apis }) => apis['http-v2'].bounds.device,
    2_222 * 3.445 + 0.65,
    '/ 90 a chunk = 2,223',
  ],
  [
    'the user under HTTP V2',
    ({ apis }) => apis['http-v2'].bounds.user,
    0.65,
    '10 events of anna / 90 a chunk = 1 chunk,',
  ],
  ['on one machine', ({ time }) => time.embedded, 99 * 2.215 + 0.65, '1,000,000 records / 31,000 a second'],
  ['on AWS', ({ time }) => time.aws, 99 * 2.215 + 0.65, '32.3 s with 1 dump read at a time'],
  // 90,000,000 / 8 MiB = 10.7: 11, and one.
  ['S3 GET', ({ cost }) => cost.lines['S3 GET'], 12 * 0.4e-6, '12 GETs'],
  ['S3 PUT', ({ cost }) => cost.lines['S3 PUT'], 5e-6, '1 PUT ('],
  // 4/3 × 1,767 × 90 + 400 + 4/3 × 1,767 = 214,769 bytes: 4 units of 64 KiB each way, and the removal.
  ['SQS', ({ cost }) => cost.lines['SQS upload (FIFO)'], 566 * 9 * 0.5e-6, '566 chunks × (2 × 4 + 1)'],
  [
    'the chunker',
    ({ cost }) => cost.lines['Lambda chunker'],
    (20 + 18 + 0.2) * (1_769 / 1_024) * 0.0000133334,
    '(1,000,000 records × 20 µs + 600,000,000 bytes × 0.03 µs + 1 dump × 0.2 s) × 1.73 GB',
  ],
  ['the uploader', ({ cost }) => cost.lines['Lambda uploader'], 566 * 0.65 * 0.5 * 0.0000133334, '566 chunks × 0.65 s'],
  ['DynamoDB', ({ cost }) => cost.lines['DynamoDB writes'], (1.5 * 566 + 2 * 4 + 9) * 0.625e-6, '1.5 × 566 chunks'],
  [
    'storage',
    ({ cost }) => cost.lines['S3 storage'],
    0.09 * 0.023,
    '90,000,000 bytes of dumps × $0.023 a GB for a month',
  ],
  ['egress', ({ cost }) => cost.lines['data to Amplitude'], 0.09 * 0.09, '600 bytes × 0.15 (deflated)'],
  ['the event volume', ({ figures }) => figures.volume, 1_000_000, '1,000,000 events − 0'],
];

test.each(FIGURES)('%s: what comes out by hand, and the numbers put in', (_, pick, value, arithmetic) => {
  const figure = pick(planOf(HOT_DAY));
  expect(figure?.value).toBeCloseTo(value, 9);
  expect(figure?.arithmetic).toContain(arithmetic);
});

test('the cost is the sum of its lines, and a million events their share of it', () => {
  const { cost } = planOf({ counts: { read: 4_000_000 } });
  const sum = Object.values(cost.lines).reduce((total, { value }) => total + value, 0);
  expect(cost.total.value).toBeCloseTo(sum, 12);
  expect(cost.perMillionEvents.value).toBeCloseTo(sum / 4, 12);
});

/** What else changes what, one thing at a time. */
const RULES: readonly [string, Parameters<typeof planOf>[0], (plan: Plan) => unknown, unknown][] = [
  [
    'a cap on the project is waited for',
    { ...HOT_DAY, source: { projectEventsPerSecond: 1_000 } },
    ({ apis }) => [apis.batch.bound, apis.batch.time.value],
    ['project', 1_000],
  ],
  [
    'without a busy device the uploads are waited for',
    { counts: { read: 1_000_000, hottestDevices: [hit('a', 10)] } },
    ({ apis }) => [apis.batch.bound, apis['http-v2'].bound],
    ['uploads', 'uploads'],
  ],
  [
    'few lanes are few uploads at a time',
    { counts: { read: 4_000 }, dumps: [{ lanes: 1 }] },
    ({ apis }) => apis.batch.time.value,
    3 * 0.65, // 4,000 / 2,000 + ½, up to the next one
  ],
  [
    'large events make smaller chunks: 3,000,000 bytes hold 499 of 6,002',
    { counts: { read: 100_000, bytes: 6_000 * 100_000 } },
    ({ apis }) => apis.batch.chunks.perChunk,
    499,
  ],
  [
    'so do those that do not compress: 786,432 bytes of a message hold 654 of 1,202',
    { counts: { read: 100_000, bytes: 1_200 * 100_000, deflated: 1 } },
    ({ apis }) => apis.batch.chunks.perChunk,
    654,
  ],
  [
    'two dumps are read at a time on AWS',
    {
      counts: { read: 31_000_000 },
      dumps: [
        { read: 15_500_000, records: 15_500_000 },
        { read: 15_500_000, records: 15_500_000 },
      ],
      importer: { uploaders: 1_000, lanes: 256 },
    },
    ({ time }) => [time.embedded.value, time.aws.value],
    [1_000, 500],
  ],
  [
    'but one after the other where they must be in order',
    {
      counts: { read: 31_000_000 },
      dumps: [
        { read: 15_500_000, records: 15_500_000 },
        { read: 15_500_000, records: 15_500_000 },
      ],
      importer: { uploaders: 1_000, lanes: 256 },
      source: { inOrder: true },
    },
    ({ time }) => time.aws.value,
    1_000,
  ],
  [
    'a sample is taken for the whole',
    { counts: { read: 1_000, events: 900, uncounted: 100 }, dumps: [{ records: 10_000, recordsFrom: 'extrapolated' }] },
    ({ figures }) =>
      [figures.records, figures.events, figures.volume].map(({ value, isEstimate }) => [value, isEstimate]),
    [
      [10_000, true],
      [9_000, true],
      [8_000, true],
    ],
  ],
  [
    'and leaves open how often an id comes: two standard deviations either way',
    { counts: { read: 1_000, hottestDevices: [hit('a', 100)] }, dumps: [{ records: 10_000 }] },
    ({ hottestDevices }) => hottestDevices,
    [{ id: 'a', atLeast: 800, atMost: 1_200 }],
  ],
  [
    '$identify counts towards no volume',
    { counts: { read: 10, uncounted: 4 } },
    ({ figures }) => figures.volume.value,
    6,
  ],
  [
    'no events take no time',
    { counts: {} },
    ({ apis, cost }) => [apis.batch.time.value, cost.perMillionEvents.value],
    [0, 0],
  ],
];

test.each(RULES)('%s', (_, given, pick, expected) => {
  expect(pick(planOf(given))).toEqual(expected);
});

const HISTORY = Date.UTC(2025, 0, 1);

const ADVICE: readonly [string, Parameters<typeof planOf>[0], Plan['api'], string][] = [
  ['a device that HTTP V2 would be hours with', HOT_DAY, 'batch', 'the busiest device is what everything waits for'],
  ['a user likewise', { counts: { read: 100_000, hottestUsers: [hit('anna', 50_000)] } }, 'batch', 'of a user'],
  [
    'nobody busy, of yesterday',
    { counts: { read: 100_000, hottestDevices: [hit('a', 50)] } },
    'http-v2',
    'show at once',
  ],
  ['the same of last year', { counts: { read: 100_000, firstTime: HISTORY } }, 'batch', 'history'],
  [
    'nobody busy, but so large that HTTP V2 takes long',
    { counts: { read: 100_000_000, bytes: 100_000_000 * 1_400 } },
    'batch',
    'fewer, larger requests',
  ],
];

test.each(ADVICE)('%s: the recommendation and why', (_, given, api, why) => {
  const { advice } = planOf(given);
  expect(advice.api).toBe(api);
  expect(advice.why).toContain(why);
});

const none = { count: 0, isExact: true };
const names = { 'event types': none, 'event properties': none, 'user properties': none };
const cut = {
  effect: 'cut',
  kind: 'string is longer than 1,024 characters',
  field: 'event_properties.url',
  events: 3,
  most: 2_000,
} as const;
const dropped = { effect: 'dropped', kind: 'field that Amplitude does not know', field: 'mine', events: 4 } as const;

const DANGERS: readonly [string, Parameters<typeof planOf>[0], readonly [string, string][]][] = [
  ['nothing', HOT_DAY, []],
  ['rejects', { counts: { read: 10, events: 8, unusable: 1, refused: 1 } }, [['rejects', '2 rejects']]],
  [
    'more than 500,000 events of a device within a day',
    { counts: { read: 1_000_000, hottestDevices: [hit('kiosk', 500_001)] } },
    [['daily quota', 'device kiosk has 500,001 events in 24 h, the limit is 500,000']],
  ],
  ['500,000 of them are none', { counts: { read: 1_000_000, hottestDevices: [hit('kiosk', 500_000)] } }, []],
  [
    // 3,000,000 / 90 = 33,334 chunks under HTTP V2: 114,832.8 s, of which a day is 0.752398.
    'what takes longer than a day counts by the day',
    { counts: { read: 3_000_000, hottestUsers: [hit('anna', 3_000_000)] }, source: { api: 'http-v2' } },
    [['daily quota', 'user anna has 2,257,194 events in 24 h']],
  ],
  [
    'more than 1,800 property updates of a user within an hour',
    { counts: { read: 10_000, mostUpdated: [hit('anna', 1_801), hit('bert', 1_801)] } },
    [['property updates', 'has 1,801 updates of user properties in an hour, the limit is 1,800 (and 1 more like it)']],
  ],
  [
    'a sample that may as well be chance is none',
    { counts: { read: 1_000, mostUpdated: [hit('anna', 4)] }, dumps: [{ records: 1_000_000 }] },
    [],
  ],
  [
    'fields that are cut',
    { counts: { read: 10, losses: [cut] } },
    [['cut', '3 times event_properties.url is cut: string is longer than 1,024 characters; the most is 2,000']],
  ],
  [
    'fields that are not kept',
    { counts: { read: 10, losses: [dropped] } },
    [['dropped', '4 times mine loses something: field that Amplitude does not know']],
  ],
  ['events without a time', { counts: { read: 10, timeless: 2 } }, [['no time', '2 events have no time']]],
  [
    'more names than Amplitude makes queryable',
    { counts: { read: 10, names: { ...names, 'event types': { count: 2_001, isExact: true } } } },
    [['too many names', '2,001 event types']],
  ],
  [
    'a dump that breaks off',
    { counts: { read: 10 }, dumps: [{ failure: '/day.ndjson.gz is damaged' }] },
    [['unreadable', '/day.ndjson.gz is damaged']],
  ],
];

test.each(DANGERS)('in danger: %s', (_, given, expected) => {
  const { dangers } = planOf(given);
  expect(dangers.map(({ kind }) => kind)).toEqual(expected.map(([kind]) => kind));
  for (const [i, [, what]] of expected.entries()) expect(dangers[i]?.what).toContain(what);
});

const ROUTE = {
  by: 'event_properties.tenant',
  projects: { acme: { secret: 'a' }, globex: { secret: 'g', region: 'eu', projectEventsPerSecond: 100 } },
} as const;
/** 100,000 events: 80,000 to acme, half of them of one device, and 20,000 to globex, which takes 100 a second. */
const TO_TWO = {
  counts: {
    read: 100_000,
    projects: [
      countsOf({ events: 80_000, hottestDevices: [hit('kiosk', 40_000)] }),
      countsOf({ events: 20_000, hottestDevices: [hit('kiosk', 10)] }),
    ],
  },
  dumps: [{ lanes: 4 }],
  source: { project: undefined, route: ROUTE },
};

describe('a source with a route', () => {
  test('has figures for each project, with its own limits and pace', () => {
    const { projects = [] } = planOf(TO_TWO);
    expect(projects.map(({ name, region, figures }) => [name, region, figures.events.value])).toEqual([
      ['acme', 'us', 80_000],
      ['globex', 'eu', 20_000],
    ]);
    expect(projects.map(({ apis }) => apis.batch.bound)).toEqual(['device', 'project']);
    // 20 chunks, one every 2.215 s; 20,000 / 100 a second.
    expect(projects.map(({ apis }) => apis.batch.time.value)).toEqual([19 * 2.215 + 0.65, 200]);
    // 40 + ½ in each of 4 lanes; 10 + ½ in each of 4. A cap on one of them leaves no device a lane of its own.
    expect(projects.map(({ apis }) => apis.batch.chunks.chunks.value)).toEqual([42, 12]);
    expect(projects[1]?.hottestDevices).toEqual([hit('kiosk', 10)]);
  });

  test('takes as long as the slowest of them, and all share the uploads', () => {
    const { apis, time, cost } = planOf(TO_TWO);
    expect(apis.batch).toMatchObject({ bound: 'project', slowest: 'globex', time: { value: 200 } });
    expect(apis.batch.bounds.device?.arithmetic).toContain('the longest, of project acme: 40,000 events of kiosk');
    expect(apis.batch.bounds.uploads?.value).toBeCloseTo((54 * 0.65) / 8, 9);
    expect(apis.batch.chunks).toMatchObject({ lanes: 8, chunks: { value: 54 } });
    expect(time.embedded.value).toBe(200);
    expect(cost.lines['Lambda uploader']?.arithmetic).toContain('54 chunks');
    const busier = planOf({ ...TO_TWO, source: { project: undefined, route: { ...ROUTE, projects: PACED } } });
    expect(busier.apis['http-v2']).toMatchObject({ bound: 'device', slowest: 'acme' });
  });

  test('is in danger where one of its projects is', () => {
    const projects = [countsOf({ events: 1 }), countsOf({ events: 600_000, hottestUsers: [hit('anna', 600_000)] })];
    const { dangers } = planOf({
      ...TO_TWO,
      counts: { read: 600_001, projects, hottestUsers: [hit('anna', 600_000)] },
      source: { project: undefined, route: { ...ROUTE, projects: PACED } },
    });
    expect(dangers.map(({ what }) => what)).toEqual([expect.stringMatching(/^project globex: user anna has 600,000/)]);
  });
});

/** As above, without a cap. */
const PACED = { acme: { secret: 'a' }, globex: { secret: 'g' } };

test('the path says what makes events of the records', () => {
  expect(planOf({ counts: {} }).path).toContain('pass-through');
  const map = () => null;
  expect(planOf({ counts: {}, source: { preset: 'segment', map, enrich: [{ drop: ['ip'] }] } }).path).toBe(
    'mapped by the preset segment, map, 1 enrich step',
  );
  const set = { set: { library: { value: 'import' } } };
  expect(planOf({ counts: {}, source: { enrich: [set] } }).path).toMatch(
    /^pass-through: .*, with what 1 enrich step put/,
  );
  expect(planOf({ counts: {}, source: { filter: () => true } }).path).toMatch(
    /^pass-through: .*parsed for the filter$/,
  );
});

test('the functions are reckoned with as they are deployed, and every price has its date', () => {
  const stack = readFileSync(join(import.meta.dirname, '..', '..', 'cdk', 'importer.ts'), 'utf8').replaceAll('_', '');
  expect(stack).toContain(`memorySize: ${DEPLOYED.chunkerMb},`);
  expect(stack).toContain(`memorySize: ${DEPLOYED.uploaderMb},`);
  expect(importerSchema.shape.chunkers.parse(undefined)).toBe(DEPLOYED.chunkers);
  expect(AWS_PRICES.asOf).toMatch(/^\d{4}-\d{2}$/);
});
