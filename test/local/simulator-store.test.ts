/** The simulator stores an event once in seven days, as Amplitude would record it, and finds it again after a crash. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Simulator } from '../../local/simulator.ts';
import type { SimulatorSwitches } from '../../local/simulator-switches.ts';
import { anonymous, clockAt, DAY_MS, events, type Fields, NOON, send, simulate } from './simulator-requests.ts';

function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'simulator-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'store.db');
}

const insertIds = (simulator: Simulator): (string | undefined)[] =>
  [...simulator.stored()].map(({ insertId }) => insertId);

test('a duplicate is answered 200 and not stored, in one request and over many', async () => {
  const simulator = await simulate();
  expect((await send(simulator, [...events(2), ...events(3)])).body['events_ingested']).toBe(5);
  expect((await send(simulator, events(4))).status).toBe(200);
  expect(insertIds(simulator)).toEqual(['insert-0', 'insert-1', 'insert-2', 'insert-3']);
  expect(simulator.counts().events).toMatchObject({ stored: 4, duplicates: 5 });
});

test('by a switch, duplicates are not counted as ingested', async () => {
  const simulator = await simulate({ switches: { duplicatesIngested: false } });
  expect((await send(simulator, [...events(2), ...events(2)])).body['events_ingested']).toBe(2);
});

const dedupeCases: readonly (readonly [what: string, Partial<SimulatorSwitches>, Fields, Fields, same: boolean])[] = [
  ['the device differs', {}, { device_id: 'device-1' }, { device_id: 'device-2' }, false],
  ['the user differs but not the device', {}, { user_id: 'user-1' }, { user_id: 'user-2' }, true],
  [
    'the user differs and there is no device',
    {},
    { device_id: null, user_id: 'user-1' },
    { device_id: null, user_id: 'user-2' },
    false,
  ],
  [
    'the user is the same and there is no device',
    {},
    { device_id: null, user_id: 'user-1' },
    { device_id: null, user_id: 'user-1' },
    true,
  ],
  [
    'all but insert_id differs, with the key insert_id',
    { dedupeBy: 'insert_id' },
    { device_id: 'device-1' },
    { device_id: 'device-2' },
    true,
  ],
  [
    'the time differs, with the key of user_id, insert_id and time',
    { dedupeBy: 'user_id, insert_id and time' },
    { time: 1 },
    { time: 2 },
    false,
  ],
  ['insert_id is missing', {}, { insert_id: null, time: 1 }, { insert_id: null, time: 1 }, false],
  [
    'insert_id is missing, with the older rule',
    { dedupeWithoutInsertId: true },
    { insert_id: null, time: 1 },
    { insert_id: null, time: 1 },
    true,
  ],
];

test.each(dedupeCases)('when %s, two events are the same or not', async (_, switches, first, second, same) => {
  const simulator = await simulate({ switches });
  await send(simulator, events(1, first));
  await send(simulator, events(1, second));
  expect(simulator.counts()).toMatchObject({ stored: same ? 1 : 2 });
});

test('an insert_id is remembered for 7 days after the event was received', async () => {
  const clock = clockAt(NOON);
  const simulator = await simulate({ clock });
  await send(simulator, events(1));
  clock.advance(7 * DAY_MS - 1_000);
  await send(simulator, events(1));
  expect(simulator.counts().stored).toBe(1);
  clock.advance(1_000);
  await send(simulator, events(1));
  expect(simulator.counts().stored).toBe(2);
  await send(simulator, events(1));
  expect(simulator.counts().stored).toBe(2);
});

test('dedupe keys of a project do not stand in the way of another', async () => {
  const simulator = await simulate();
  await send(simulator, events(1));
  await send(simulator, events(1), { apiKey: 'key-2' });
  expect([...simulator.stored()].map(({ apiKey }) => apiKey)).toEqual(['key-1', 'key-2']);
});

test.each(['hashes', 'ids', 'events'] as const)('with %s kept, equal sets have equal keys and hashes', async (keep) => {
  const fingerprint = async (lists: readonly Fields[][]): Promise<string[]> => {
    const simulator = await simulate({ keep });
    for (const list of lists) await send(simulator, list, { gzip: true });
    return [...simulator.stored()].map(({ key, sha256 }) => `${key} ${sha256}`).toSorted();
  };
  const whole = await fingerprint([events(10)]);
  expect(new Set(whole).size).toBe(10);
  expect(await fingerprint([events(10).slice(5), events(7)])).toEqual(whole);
  expect(await fingerprint([events(9)])).not.toEqual(whole);
  expect(await fingerprint([events(10, { country: 'Peru' })])).not.toEqual(whole);
});

test('times are moved by the upload delay when client_upload_time is more than a minute off', async () => {
  const time = NOON - DAY_MS;
  const recorded = async (delayMs: number, switches = {}): Promise<number | undefined> => {
    const simulator = await simulate({ switches });
    const rest = { client_upload_time: new Date(NOON - delayMs).toISOString() };
    await send(simulator, events(1), { rest });
    return [...simulator.stored()][0]?.time;
  };
  expect(await recorded(60_000)).toBe(time);
  expect(await recorded(60_001)).toBe(time + 60_001);
  expect(await recorded(-3_600_000)).toBe(time - 3_600_000);
  expect(await recorded(3_600_000, { clockShift: false })).toBe(time);
});

test('an event without a time has that of its upload', async () => {
  const simulator = await simulate();
  await send(simulator, events(1, { time: undefined }));
  expect([...simulator.stored()][0]?.time).toBe(NOON);
});

test('strings are cut at 1,024 characters', async () => {
  const simulator = await simulate({ keep: 'events' });
  const properties = (length: number): Fields => ({ text: '€'.repeat(length), list: ['a'.repeat(length), 1] });
  const event_properties = properties(1_025);
  await send(simulator, [...events(1, { event_properties }), ...anonymous(1, { event_properties: properties(1_024) })]);
  const kept = [...simulator.stored()].map(({ text }) => JSON.parse(text ?? '').event_properties);
  expect(kept).toEqual([properties(1_024), properties(1_024)]);
  expect(simulator.counts().events.truncated).toBe(1);
});

test('groups and event types beyond the caps are accepted and counted', async () => {
  const simulator = await simulate();
  await send(simulator, [
    ...anonymous(1, { groups: { a: ['1', '2', '3', '4', '5'], b: ['1', '2', '3', '4', '5'] } }),
    ...anonymous(1, { groups: { a: ['1', '2', '3', '4', '5'], b: ['1', '2', '3', '4', '5'], c: '1' } }),
    ...anonymous(1, { groups: { a: '1', b: '1', c: '1', d: '1', e: '1', f: '1' } }),
  ]);
  const list = anonymous(2_000).map((event, index) => ({
    ...event,
    event_type: `type ${index}`,
    device_id: `device-${index}`,
  }));
  await send(simulator, list);
  expect(simulator.counts().events).toMatchObject({ groupsUntracked: 2, unindexed: 1, stored: 2_003 });
});

test('after a restart with the same file the events are there, and duplicates are known', async () => {
  const store = temporaryFile();
  const clock = clockAt(NOON);
  const first = await simulate({ store, clock });
  await send(first, events(3));
  await first.close();
  clock.advance(DAY_MS);
  const second = await simulate({ store, clock });
  await send(second, events(5));
  expect(insertIds(second)).toEqual(['insert-0', 'insert-1', 'insert-2', 'insert-3', 'insert-4']);
  expect(second.counts()).toMatchObject({ stored: 5, events: { stored: 2, duplicates: 3 } });
});

test('what was answered 200 is there after kill -9', async () => {
  const store = temporaryFile();
  const module = new URL('../../local/simulator.ts', import.meta.url).href;
  const program = `import { startSimulator } from ${JSON.stringify(module)};
    console.log((await startSimulator({ store: ${JSON.stringify(store)} })).url);`;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = (await once(child.stdout, 'data')) as [Buffer];
  const there = { url: url.toString().trim() } as Simulator;
  for (let i = 0; i < 5; i++) expect((await send(there, events(100, { device_id: `device-${i}` }))).status).toBe(200);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const simulator = await simulate({ store });
  expect(simulator.counts().stored).toBe(500);
  expect(new Set([...simulator.stored()].map(({ key }) => key)).size).toBe(500);
});
