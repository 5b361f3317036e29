/** The click stream example: what becomes of lines as bitly recorded them (the public 1.usa.gov feed). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import importer from '../examples/usagov-clicks.config.ts';
import { contentId, type MadeEvents } from '../lambdas/chunker/make-events.ts';
import { compileTransform } from '../lambdas/chunker/transform.ts';
import { startSimulator } from '../local/simulator.ts';
import type { Receipt } from '../shared/receipt.ts';
import { receiptsOf, runCli, temporaryDirectory } from './cli/run-cli.ts';
import { recordOf } from './lambdas/chunker/fixtures.ts';
import { eventsOf } from './lambdas/chunker/making.ts';
import { type Click, mapClick } from './usagov-map.ts';

const ROOT = join(import.meta.dirname, '..');
const CONFIG = join(ROOT, 'examples', 'usagov-clicks.config.ts');

const FULL = String.raw`{ "a": "Mozilla\/5.0 (Windows NT 6.1) Firefox\/11.0", "c": "US", "nk": 1, "tz": "America\/New_York", "gr": "MA", "g": "Aq1", "h": "wfL", "l": "someone", "al": "en-US,en;q=0.8", "hh": "1.usa.gov", "r": "http:\/\/www.example.com\/a?b=c", "u": "http:\/\/www.nasa.gov\/x", "t": 1331923247, "hc": 1331822918, "cy": "Danvers", "ll": [ 42.576698, -70.954903 ] }`;
const SAME_BROWSER = FULL.replace('1331923247', '1331923300').replace('"nk": 1', '"nk": 0');
const FAR_AWAY = String.raw`{ "a": "Opera\/9.80 (\u041c\u043e\u0441\u043a\u0432\u0430)", "c": "BR", "tz": "America\/Sao_Paulo", "gr": "27", "h": "zz", "al": "pt-BR", "r": "direct", "u": "http:\/\/www.nasa.gov\/caf%E9\u2028", "t": 1331923249, "cy": "S\u00e3o Paulo \u00c3\u00a9", "ll": [ -23.533300, -46.616699 ] }`;
const RAW_UTF8 = '{ "a": "Zürich Bot 🤖", "c": "CH", "t": 1331923250, "cy": "Zürich" }';
const BARE = '{ "c": null, "t": 1331923251 }';
const NO_TIME = '{ "a": "curl", "h": "nt" }';
const LATIN1 = Buffer.from('{ "a": "Zürich", "t": 1331923252 }\n', 'latin1');
const HEARTBEATS = ['{ "_heartbeat_": 1331923253 }', '{ "_heartbeat_": 0 }'];

async function importClicks(...lines: (string | Buffer)[]) {
  const directory = temporaryDirectory();
  const dump = join(directory, 'clicks.ndjson');
  writeFileSync(dump, Buffer.concat(lines.map((line) => (typeof line === 'string' ? Buffer.from(`${line}\n`) : line))));
  const simulator = await startSimulator({ keep: 'events' });
  onTestFinished(() => simulator.close());
  const options = ['--config', CONFIG, '--state', join(directory, 'state'), '--endpoint', simulator.url, '--json'];
  const [receipt] = receiptsOf(await runCli(['import', dump, ...options]));
  const events = [...simulator.stored()].map(({ text }) => JSON.parse(text ?? '') as Record<string, unknown>);
  return {
    receipt: receipt as Receipt,
    clickAt: (seconds: number) => events.find((event) => event.time === seconds * 1_000),
    events,
  };
}

test('a click keeps its place, its link and its time in ms; the same browser is one device', async () => {
  const { clickAt } = await importClicks(FULL, SAME_BROWSER, FAR_AWAY);
  expect(clickAt(1_331_923_247)).toEqual({
    event_type: 'Link Clicked',
    device_id: expect.stringMatching(/^[0-9a-f]{16}$/),
    time: 1_331_923_247_000,
    insert_id: expect.any(String),
    country: 'United States',
    region: 'MA',
    city: 'Danvers',
    location_lat: 42.576698,
    location_lng: -70.954903,
    language: 'en-US',
    user_agent: 'Mozilla/5.0 (Windows NT 6.1) Firefox/11.0',
    $skip_user_properties_sync: true,
    event_properties: {
      link: 'wfL',
      global_link: 'Aq1',
      url: 'http://www.nasa.gov/x',
      referrer: 'http://www.example.com/a?b=c',
      host: '1.usa.gov',
      link_owner: 'someone',
      link_created: '2012-03-15T14:48:38.000Z',
      known_visitor: true,
      time_zone: 'America/New_York',
    },
  });
  expect(clickAt(1_331_923_300)?.device_id).toBe(clickAt(1_331_923_247)?.device_id);
  expect(clickAt(1_331_923_249)?.device_id).not.toBe(clickAt(1_331_923_247)?.device_id);
});

test('characters survive, escaped or not, broken on their way to bitly or not', async () => {
  const { clickAt } = await importClicks(FAR_AWAY, RAW_UTF8);
  expect(clickAt(1_331_923_249)).toMatchObject({
    city: 'São Paulo Ã©',
    user_agent: 'Opera/9.80 (Москва)',
    event_properties: { url: 'http://www.nasa.gov/caf%E9\u2028' },
  });
  expect(clickAt(1_331_923_250)).toMatchObject({ city: 'Zürich', user_agent: 'Zürich Bot 🤖' });
});

test('a country goes by its name, and by its code where the list has none', async () => {
  const from = (code: string, seconds: number) => `{ "a": "curl", "c": "${code}", "t": ${seconds} }`;
  const { clickAt } = await importClicks(FAR_AWAY, from('CI', 1_331_923_260), from('A1', 1_331_923_261));
  expect([1_331_923_249, 1_331_923_260, 1_331_923_261].map((at) => clickAt(at)?.country)).toEqual([
    'Brazil',
    "Côte d'Ivoire",
    'A1',
  ]);
});

test('what a click does not have is left out, and its time of upload stands in for a missing time', async () => {
  const { events, clickAt } = await importClicks(BARE, NO_TIME);
  const bare = { event_type: 'Link Clicked', event_properties: { known_visitor: false } };
  expect(clickAt(1_331_923_251)).toEqual({
    ...bare,
    time: 1_331_923_251_000,
    device_id: expect.any(String),
    insert_id: expect.any(String),
    $skip_user_properties_sync: true,
  });
  expect(events.find((event) => event.user_agent === 'curl')).not.toHaveProperty('time');
});

test('heartbeats are filtered, and a line that is no UTF-8 is rejected', async () => {
  const { receipt, events } = await importClicks(FULL, ...HEARTBEATS, LATIN1, BARE);
  expect(receipt).toMatchObject({ read: 5, filtered: 2, unusable: 1, delivered: 2, inFlight: 0, state: 'complete' });
  expect(receipt.reasons).toEqual({ 'record is not UTF-8': 1 });
  expect(events).toHaveLength(2);
});

test('the recorded stream: every click arrives as the function would have made it, with the name of its country', async () => {
  const lines = recordedStream();
  const { receipt, events } = await importClicks(`${lines.join('\n')}`);
  const clicks = new Set(lines.filter((line) => !line.includes('"_heartbeat_"')));
  const filtered = lines.filter((line) => line.includes('"_heartbeat_"')).length;
  expect(receipt).toMatchObject({ read: lines.length, filtered, unusable: 0, delivered: lines.length - filtered });
  expect(filtered).toBeGreaterThan(0);
  // Identical lines are one click.
  const expected = new Map([...clicks].map((line) => [contentId(Buffer.from(line)), withCountry(JSON.parse(line))]));
  expect(new Map(events.map(({ insert_id: id, ...event }) => [id, event]))).toEqual(expected);
});

/** Lines as bitly recorded them: all of a download of the stream, where there is one, otherwise a few. */
function recordedStream(): string[] {
  const download = process.env['USAGOV_CLICKS'] ?? join(ROOT, '..', 'shared', 'data', 'usagov-clicks.ndjson.gz');
  const text = existsSync(download)
    ? gunzipSync(readFileSync(download)).toString()
    : readFileSync(join(ROOT, 'test', 'fixtures', 'usagov', 'clicks.ndjson'), 'utf8');
  return text.split('\n').filter((line) => line !== '');
}

const COUNTRIES = new Map(
  readFileSync(join(ROOT, 'examples', 'countries.csv'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => [line.slice(0, 2), line.slice(3).replaceAll('"', '')]),
);

function withCountry(click: Click): object {
  const event = mapClick(click);
  const whole = { ...event, country: COUNTRIES.get(click.c ?? '') ?? event?.country };
  return JSON.parse(JSON.stringify(whole)) as object;
}

test('the declarative map gives the events that a function gives', async () => {
  const [source] = importer.sources;
  if (!source) throw new Error('the example has no source');
  const text = fc.constantFrom('x', '', 'http://www.nasa.gov/a?b=c', 'en-US,en;q=0.8', ',', 'São Paulo \u2028 🤖');
  const seconds = fc.integer({ min: 0, max: 2_000_000_000 });
  const click: fc.Arbitrary<Click> = fc.record(
    {
      _heartbeat_: fc.constantFrom(0, 1_331_923_253),
      t: seconds,
      h: text,
      g: text,
      u: text,
      r: text,
      a: text,
      hh: text,
      l: text,
      hc: seconds,
      c: fc.option(text),
      gr: text,
      cy: text,
      ll: fc.tuple(fc.float({ noNaN: true, min: -90, max: 90 }), fc.integer()),
      tz: text,
      al: text,
      nk: fc.constantFrom(0, 1),
    },
    { requiredKeys: [] },
  );
  const byFunction = compileTransform({ ...source, filter: undefined, map: mapClick });
  const declared = compileTransform(source);
  await fc.assert(
    fc.asyncProperty(fc.array(click), async (clicks) => {
      const records = clicks.map((each, i) => recordOf(JSON.stringify(each), { position: i + 1 }));
      const [expected, made] = await Promise.all([byFunction(records, 'usagov/day'), declared(records, 'usagov/day')]);
      expect(made.map(comparable)).toEqual(expected.map(comparable));
    }),
  );
});

/** The order of fields is nobody's. */
function comparable(made: MadeEvents): unknown {
  return made.kind === 'events' ? eventsOf(made) : made;
}
