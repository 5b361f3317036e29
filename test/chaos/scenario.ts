/** What a chaos run is made of: a dump, a configuration, and what goes wrong, all from one generated value. */
import fc from 'fast-check';

export type Scenario = {
  readonly seed: number;
  readonly records: number;
  readonly devices: number;
  /** Share of the events that are the first device's. */
  readonly hotShare: number;
  /** Share of the records that can make no event. */
  readonly badShare: number;
  readonly segmentRecords: number;
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
  devices: fc.integer({ min: 1, max: 30 }),
  hotShare: fc.constantFrom(0, 0.2, 0.6),
  badShare: fc.constantFrom(0, 0.05, 0.3),
  segmentRecords: fc.integer({ min: 20, max: 300 }),
  eventsPerChunk: fc.integer({ min: 1, max: 60 }),
  lanes: fc.integer({ min: 1, max: 8 }),
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

export type MadeDump = {
  readonly text: string;
  /** insert_id → the key of its project, of every event that Amplitude will take, in the order of the dump. */
  readonly valid: ReadonlyMap<string, string>;
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

export function makeDump({ seed, records, devices, hotShare, badShare, silencesOne, routes }: Scenario): MadeDump {
  const random = randomFrom(seed);
  const valid = new Map<string, string>();
  const lines: string[] = [];
  for (let n = 0; n < records; n += 1) {
    if (random() < badShare) {
      lines.push(BAD_LINES[Math.floor(random() * BAD_LINES.length)] ?? '');
      continue;
    }
    const device = `device-${random() < hotShare ? 0 : Math.floor(random() * devices)}`;
    const insertId = `event-${n}`;
    const tenant = TENANTS[n % TENANTS.length] ?? '';
    const event = { event_type: 'Seen', device_id: device, insert_id: insertId, time: 1_700_000_000_000 + n };
    lines.push(JSON.stringify(routes ? { ...event, event_properties: { tenant } } : event));
    const isTaken = !(silencesOne && device === SILENCED_DEVICE) && !(routes && tenant === UNKNOWN_TENANT);
    if (isTaken) valid.set(insertId, routes ? tenant : 'key');
  }
  return { text: `${lines.join('\n')}\n`, valid };
}

export function routeOf({ routes }: Scenario) {
  if (!routes) return { project: { secret: 'key' } };
  const known = TENANTS.filter((tenant) => tenant !== UNKNOWN_TENANT);
  const projects = Object.fromEntries(known.map((secret) => [secret, { secret }]));
  return { route: { by: 'event_properties.tenant', projects } };
}
