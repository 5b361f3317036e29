/** What a chaos run is made of: a dump, a configuration, and what goes wrong, all from one generated value. */
import fc from 'fast-check';
import type { Api } from '../../shared/amplitude-limits.ts';

export type Scenario = {
  readonly seed: number;
  /** Of all dumps together. */
  readonly records: number;
  readonly dumps: number;
  /** HTTP V2 takes so little of a device that it soon gets a lane of its own. */
  readonly api: Api;
  readonly lane: 'device' | 'user';
  readonly devices: number;
  /** Share of the events that are the first device's, and the first user's. */
  readonly hotShare: number;
  /** Share of the records that can make no event. */
  readonly badShare: number;
  readonly segmentRecords: number;
  /** Bytes of a part; a record has about 100. */
  readonly partBytes: number;
  /** Dumps, or parts of one, that are read at a time. */
  readonly chunkers: number;
  readonly eventsPerChunk: number;
  readonly lanes: number;
  readonly uploaders: number;
  /** What Amplitude takes per device and second: of 30 seconds never less than a chunk may hold, as in reality. */
  readonly eventsPerSecond: number;
  readonly refusedEventsCount: boolean;
  readonly silencesOne: boolean;
  /** At which calls the lives end, one after the other; then one lives on. */
  readonly kills: readonly { readonly at: number; readonly afterEffect: boolean }[];
  /** How often a call of the ledger, a queue or the results fails, and how often Amplitude does. */
  readonly portFailures: number;
  readonly answerFaults: number;
  /** How often a sent message comes twice. */
  readonly duplicates: number;
  /** Its events go to several projects, each device's to all of them. */
  readonly routes: boolean;
  /** The code or the configuration is another one in the second life. */
  readonly changesConfig: boolean;
};

export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.nat(),
  records: fc.integer({ min: 1, max: 600 }),
  dumps: fc.constantFrom(1, 1, 3),
  api: fc.constantFrom<Api[]>('batch', 'http-v2'),
  lane: fc.constantFrom('device', 'device', 'user'),
  devices: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 30 })),
  hotShare: fc.constantFrom(0, 0.2, 0.6),
  badShare: fc.constantFrom(0, 0.05, 0.3),
  segmentRecords: fc.integer({ min: 20, max: 300 }),
  partBytes: fc.oneof(fc.constant(1e9), fc.integer({ min: 500, max: 15_000 })),
  chunkers: fc.integer({ min: 1, max: 3 }),
  eventsPerChunk: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 5, max: 15 })),
  lanes: fc.integer({ min: 1, max: 12 }),
  uploaders: fc.integer({ min: 2, max: 6 }),
  eventsPerSecond: fc.constantFrom(2, 5, 1_000),
  refusedEventsCount: fc.boolean(),
  silencesOne: fc.boolean(),
  kills: fc.array(fc.record({ at: fc.integer({ min: 1, max: 400 }), afterEffect: fc.boolean() }), { maxLength: 5 }),
  portFailures: fc.constantFrom(0, 0.02, 0.1),
  answerFaults: fc.constantFrom(0, 0.1, 0.4),
  duplicates: fc.constantFrom(0, 0.1),
  routes: fc.boolean(),
  changesConfig: fc.boolean(),
});

/** Mulberry32: the same numbers for the same seed, everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An event that Amplitude will take. */
export type ValidEvent = {
  /** Dump and what the lane is chosen by. */
  readonly keyed: string;
  /** The key of its project. */
  readonly project: string;
};

export type MadeDumps = {
  readonly texts: readonly string[];
  /** By insert_id, in the order of the dumps. */
  readonly valid: ReadonlyMap<string, ValidEvent>;
};

/** The device that is silenced when one is. */
export const SILENCED_DEVICE = 'device-1';

/** Records without events, of every kind that costs no event of another record. */
const BAD_LINES = [
  'not json',
  '[]',
  '{"user_id":"user-1"}',
  '{"event_type":"a"}',
  '{"event_type":"a","device_id":"x"}',
  '{"a":',
];

/** The secrets of the projects, which are also their keys; there is none of the unknown one. */
const TENANTS = ['acme', 'globex', 'hooli', 'initech'];
const UNKNOWN_TENANT = 'initech';

export function makeDumps(scenario: Scenario): MadeDumps {
  const { seed, records, dumps, lane, devices, hotShare, badShare, silencesOne, routes } = scenario;
  const random = randomFrom(seed);
  const valid = new Map<string, ValidEvent>();
  const texts = Array.from({ length: dumps }, () => '');
  for (let n = 0; n < records; n += 1) {
    const dump = Math.floor((n * dumps) / records);
    if (random() < badShare) {
      texts[dump] += `${BAD_LINES[Math.floor(random() * BAD_LINES.length)]}\n`;
      continue;
    }
    const isHot = random() < hotShare;
    const [device, user] = ['device', 'user'].map((who) => `${who}-${isHot ? 0 : Math.floor(random() * devices)}`);
    const insertId = `event-${n}`;
    const tenant = TENANTS[n % TENANTS.length] ?? '';
    const event = {
      event_type: 'Seen',
      device_id: device,
      ...((random() < 0.3 || lane === 'user') && { user_id: user }),
      ...(routes && { event_properties: { tenant } }),
      insert_id: insertId,
      time: 1_700_000_000_000 + n,
    };
    texts[dump] += `${JSON.stringify(event)}\n`;
    if ((silencesOne && device === SILENCED_DEVICE) || (routes && tenant === UNKNOWN_TENANT)) continue;
    const keyed = `${lane === 'user' ? user : device} of dump ${dump}`;
    valid.set(insertId, { keyed, project: routes ? tenant : 'key' });
  }
  return { texts, valid };
}

export function routeOf({ routes }: Scenario) {
  if (!routes) return { project: { secret: 'key' } };
  const known = TENANTS.filter((tenant) => tenant !== UNKNOWN_TENANT);
  const projects = Object.fromEntries(known.map((secret) => [secret, { secret }]));
  return { route: { by: 'event_properties.tenant', projects } };
}
