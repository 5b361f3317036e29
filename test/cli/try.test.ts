/** `try`: what a person and a program see of a dump before anything is sent. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, onTestFinished, test } from 'vitest';
import { startFauxqs } from '../fauxqs.ts';
import { type Finished, runCli, temporaryDirectory } from './run-cli.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PRESETS = join(ROOT, 'test', 'fixtures', 'presets');

type Tried = {
  readonly position: number;
  readonly record?: unknown;
  readonly text?: string;
  readonly base64?: string;
  readonly events: readonly Readonly<Record<string, unknown>>[];
  readonly filtered: boolean;
  readonly reject: { readonly reason: string; readonly detail: string } | null;
  readonly refused: readonly object[];
  readonly warnings: readonly object[];
};

/** A directory of its own with a configuration; `sources` is its text. */
function setUp(sources: string) {
  const directory = temporaryDirectory();
  const shared = JSON.stringify(join(ROOT, 'shared', 'config.ts'));
  const config = `import { defineImporter } from ${shared};
    const project = { secret: 'x' };
    export default defineImporter({ sources: [${sources}] });`;
  writeFileSync(join(directory, 'importer.config.ts'), config);
  return {
    directory,
    write(name: string, content: string | Buffer): void {
      mkdirSync(join(directory, name, '..'), { recursive: true });
      writeFileSync(join(directory, name), content);
    },
    tryIt: (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
      runCli(['try', ...args], env, directory),
  };
}

const PLAIN = `{ name: 'events', project }`;

function triedOf({ stdout }: Finished): Tried[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Tried);
}

function event(i: number, more: object = {}): string {
  return JSON.stringify({ event_type: 'Seen', user_id: `user-${i}`, time: 1_700_000_000_000 + i, ...more });
}

function lines(count: number): string {
  return Array.from({ length: count }, (_, i) => `${event(i + 1)}\n`).join('');
}

/** Every file with its size and when it was changed. */
function listing(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { size, mtimeMs } = statSync(join(directory, name));
    return `${name} ${size} ${mtimeMs}`;
  });
}

test('records that are events: the first 20 as they would be sent, and nothing is written', async () => {
  const { directory, write, tryIt } = setUp(PLAIN);
  write(
    'day.ndjson',
    `${event(1, { insert_id: 'mine', big: 0, event_properties: { n: 1 } }).replace('"n":1', '"n":12345678901234567890')}\n${lines(30)}`,
  );
  const before = listing(directory);
  const result = await tryIt(['day.ndjson', '--json']);
  expect(listing(directory)).toEqual(before);
  expect(result.stdout).toContain('{"n":12345678901234567890}');
  const tried = triedOf(result);
  expect(tried.map(({ position }) => position)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(tried[0]?.events).toMatchObject([{ insert_id: 'mine', user_id: 'user-1' }]);
  expect(tried[0]?.warnings).toMatchObject([{ event: 0, effect: 'dropped', field: 'big' }]);
  expect(tried[1]).toEqual({
    position: 2,
    record: JSON.parse(event(1)),
    events: [{ ...(JSON.parse(event(1)) as object), insert_id: expect.stringMatching(/^[\w-]{16}$/) }],
    filtered: false,
    reject: null,
    refused: [],
    warnings: [],
  });
  expect(result.stderr).toContain('day.ndjson  ndjson, ');
  expect(result.stderr).toContain('source    events: sent as it stands');
  expect(result.stderr).toContain('20 looked at = 20 mapped + 0 filtered + 0 unusable');
  expect(result.stderr).toContain('--from 21 goes on');
  expect(result.stderr).toContain('nothing was sent, nothing was written');
  expect(result.code).toBe(1);
});

test('a table in gzip: records are what a map gets; exit code 0 when nothing is lost', async () => {
  const { write, tryIt } = setUp(`{ name: 'visits', project,
    filter: { path: 'kind', equals: 'visit' },
    map: { event_type: 'kind', user_id: 'who', time: { time: 'at' } } }`);
  write('visits.csv.gz', gzipSync('who,kind,at\nperson-1,visit,2026-11-20T08:00:00Z\nperson-2,click,\n'));
  const result = await tryIt(['visits.csv.gz', '--json']);
  expect(triedOf(result)).toMatchObject([
    {
      position: 1,
      record: { who: 'person-1', kind: 'visit' },
      events: [{ event_type: 'visit', user_id: 'person-1', time: 1795161600000 }],
    },
    { position: 2, record: { who: 'person-2' }, events: [], filtered: true, reject: null },
  ]);
  expect(result.stderr).toContain('csv in gzip');
  expect(result.stderr).toContain('visits: filter → map');
  expect(result.stderr).toContain('2 looked at = 1 mapped + 1 filtered + 0 unusable');
  expect(result.stderr).toContain('the dump ends with record 2');
  expect(result.code).toBe(0);
});

test('a route: to which project each event goes, what it leaves out, and what names none', async () => {
  const { write, tryIt } = setUp(`
    { name: 'shops', prefix: 'shops', map: (record) => record.events,
      route: { by: 'event_properties.tenant', projects: { acme: { secret: 'a' }, globex: { secret: 'g', region: 'eu' } },
        otherwise: 'filter' } },
    { name: 'strict', prefix: 'strict',
      route: { by: '$record.tenant', projects: { acme: { secret: 'a' }, globex: { secret: 'g' } } } }`);
  const of = (tenant: string) => JSON.parse(event(1, { event_properties: { tenant } })) as object;
  const record = (...tenants: string[]) => JSON.stringify({ events: tenants.map(of) });
  write('shops.ndjson', [record('globex', 'acme', 'nobody'), record('nobody'), record('acme')].join('\n'));
  const result = await tryIt(['shops.ndjson', '--json']);
  expect(triedOf(result)).toMatchObject([
    { projects: ['globex', 'acme'], filtered: false, leftOut: 1 },
    { events: [], filtered: true, leftOut: 1 },
    { projects: ['acme'] },
  ]);
  expect(result.stderr).toContain('shops: map (a function) → route by event_properties.tenant');
  expect(result.stderr).toContain('1 to globex + 2 to acme + 2 left out, as the route has no project for them');
  expect(result.code).toBe(0);
  write('strict.ndjson', `${event(1, { tenant: 'initech' })}\n`);
  const strict = await tryIt(['strict.ndjson']);
  expect(strict.stdout).toContain('→ rejected: route: $record.tenant names no project');
  expect(strict.code).toBe(1);
});

test('a preset: each record with the events that it makes', async () => {
  const { tryIt } = setUp(`{ name: 'old', project, preset: 'mixpanel-export', enrich: [(event) => event] }`);
  const result = await tryIt([join(PRESETS, 'mixpanel-export.ndjson'), '--json']);
  const expected = readFileSync(join(PRESETS, 'mixpanel-export.ndjson.expected'), 'utf8').trim().split('\n');
  const tried = triedOf(result);
  expect(tried).toHaveLength(expected.length);
  for (const [i, line] of expected.entries()) {
    const made = JSON.parse(line) as unknown;
    if (Array.isArray(made)) expect(tried[i]?.events).toMatchObject(made);
    else expect(tried[i]?.events).toEqual([]);
  }
  expect(result.stderr).toContain('old: preset mixpanel-export → enrich (a function)');
});

const deep = `${'['.repeat(41)}${']'.repeat(41)}`;

/** Each kind of record that never becomes an event, and why. */
const REJECTS: readonly [line: string | Buffer, reason: string][] = [
  ['no json', 'record is not JSON'],
  ['[1]', 'record is not an object'],
  [Buffer.from([0x7b, 0xff, 0x7d]), 'record is not UTF-8'],
  [event(1, { a: 'x'.repeat(2_000) }), 'record is too long'],
  [event(1, { unfilterable: true }), 'filter threw Error'],
  [event(1, { unmappable: true }), 'map threw TypeError'],
  [event(1, { nothing: true }), 'map returned no event'],
  [event(1, { event_type: '' }), 'event_type is missing'],
  [event(1, { user_id: null }), 'user_id and device_id are both missing'],
  [event(1, { user_id: 'null' }), 'user_id stands for nobody'],
  [event(1, { user_id: '4711' }), 'user_id is too short'],
  [event(1, { time: '2026' }), 'time is not a whole number'],
  [
    event(1, { event_properties: { deep: 0 } }).replace('"deep":0', `"deep":${deep}`),
    'event_properties is nested too deeply',
  ],
  [event(1, { large: true }), 'event is too large'],
  [event(1, { unenrichable: true }), 'enrich[0] threw Error'],
];

test('rejects of every kind: the record as it stood, the reason and what was found; counted by reason', async () => {
  const { write, tryIt } = setUp(`{ name: 'bad', project, caps: { recordBytes: 1_000, chunkBytes: 10_000 },
    filter(record) { if (record.unfilterable) throw new Error('no'); return true; },
    map(record) {
      if (record.unmappable) return record.a.b;
      if (record.nothing) return 'text';
      if (record.large) return { ...record, event_properties: { a: 'x'.repeat(10_000) } };
      if (record.pair) return [record.pair, { ...record.pair, user_id: 'x' }];
      return record;
    },
    enrich: [(event) => { if (event.unenrichable) throw new Error('no'); return event; }] }`);
  const pair = JSON.stringify({ pair: JSON.parse(event(1)) as object });
  const content = Buffer.concat(
    [...REJECTS.map(([line]) => line), event(2), pair].flatMap((line) => [Buffer.from(line), Buffer.from('\n')]),
  );
  write('bad.ndjson', content);
  const result = await tryIt(['bad.ndjson', '--json']);
  const tried = triedOf(result);
  expect(tried.slice(0, REJECTS.length).map(({ reject }) => reject?.reason)).toEqual(
    REJECTS.map(([, reason]) => reason),
  );
  expect(tried.every(({ reject, events }) => (reject === null) === events.length > 0)).toBe(true);
  expect(tried[0]).toMatchObject({
    position: 1,
    text: 'no json',
    reject: { detail: expect.stringContaining('SyntaxError') },
  });
  expect(tried[2]).toMatchObject({ position: 3, base64: Buffer.from([0x7b, 0xff, 0x7d]).toString('base64') });
  expect(tried[10]).toMatchObject({
    record: JSON.parse(String(REJECTS[10]?.[0])),
    reject: { detail: expect.stringContaining('at least 5') },
  });
  expect(tried.at(-1)).toMatchObject({
    events: [{ user_id: 'user-1' }],
    refused: [{ reason: 'user_id is too short', event: { user_id: 'x' } }],
  });
  expect(result.stderr).toContain('17 looked at = 2 mapped + 0 filtered + 15 unusable');
  expect(result.stderr).toContain('3 = 2 to be sent + 1 refused');
  expect(result.stderr).toContain('2  user_id is too short');
  expect(result.stderr).toContain('1  record is not JSON');
  expect(result.code).toBe(1);
});

test('--rejects goes through the dump until there are so many that are wrong; --from goes on behind them', async () => {
  const { write, tryIt } = setUp(`{ name: 'events', project, map: (record) => record.skip ? null : record }`);
  const long = event(1, { event_properties: { url: 'u'.repeat(1_025) } });
  write('day.ndjson', `${lines(1_500)}{"skip":1}\nbad\n${lines(1_500)}${long}\n${lines(10)}worse\n${lines(10)}`);
  const first = await tryIt(['day.ndjson', '--rejects', '--limit', '2', '--json']);
  expect(triedOf(first)).toMatchObject([
    { position: 1_502, text: 'bad' },
    { position: 3_003, warnings: [{ effect: 'cut', field: 'event_properties.url' }] },
  ]);
  expect(first.stderr).toContain('3,003 looked at = 3,001 mapped + 1 filtered + 1 unusable');
  expect(first.stderr).toContain('1  cut      string is longer than 1,024 characters');
  const [, from = ''] = /--from (\d+) goes on/.exec(first.stderr) ?? [];
  expect(from).toBe('3004');
  const rest = await tryIt(['day.ndjson', '--rejects', '--from', from, '--json']);
  expect(triedOf(rest)).toMatchObject([{ position: 3_014, text: 'worse' }]);
  expect(rest.stderr).toContain('21 looked at');
  expect(rest.stderr).toContain('the dump ends with record 3,024');
  const beyond = await tryIt(['day.ndjson', '--from', '4000']);
  expect(beyond).toMatchObject({ code: 0, stdout: '' });
  expect(beyond.stderr).toContain('the dump ends with record 3,024, before --from 4000');
});

test('hashes are made with a stand-in where there is no key, and the summary says so', async () => {
  const { write, tryIt } = setUp(
    `{ name: 'events', project, enrich: [{ hash: { fields: ['user_id'], secret: 'shop/hash-key' } }] }`,
  );
  write('day.ndjson', lines(1));
  const made = await tryIt(['day.ndjson', '--json']);
  const keyed = await tryIt(['day.ndjson', '--json'], { SHOP_HASH_KEY: 'a key that is long enough' });
  expect(made.stderr).toContain('SHOP_HASH_KEY holds no key for shop/hash-key: one is made up');
  expect(keyed.stderr).not.toContain('SHOP_HASH_KEY');
  const [pseudonym, other] = [made, keyed].map((result) => triedOf(result)[0]?.events[0]?.['user_id']);
  expect(pseudonym).toMatch(/^[0-9a-f]{64}$/);
  expect(other).toMatch(/^[0-9a-f]{64}$/);
  expect(other).not.toBe(pseudonym);
});

test('a batch step is asked about the records that are shown, and no others; that it threw is said, and not what', async () => {
  const batch = `async (events) => {
    if (events[0].event_type === 'Broken') throw new Error('nobody answers');
    return events.map((event, i) => ({ ...event, event_properties: { asked: events.length } })); }`;
  const { write, tryIt } = setUp(`{ name: 'events', project, enrich: [{ batch: ${batch} }] }`);
  write('day.ndjson', lines(10));
  write('broken.ndjson', `${event(1, { event_type: 'Broken' })}\n`);
  const result = await tryIt(['day.ndjson', '--limit', '3', '--json']);
  expect(triedOf(result).map(({ events }) => events[0]?.['event_properties'])).toEqual(Array(3).fill({ asked: 3 }));
  const broken = await tryIt(['broken.ndjson']);
  expect(broken).toMatchObject({ code: 3, stdout: '' });
  expect(broken.stderr).toContain('cannot make events of records 1 to 1 of ');
  expect(broken.stderr).toContain('enrich[0] threw Error');
  expect(broken.stderr).not.toContain('nobody answers');
});

test('$identify events are shown as they are made, and the summary says how many are sent after they are merged', async () => {
  const { write, tryIt } = setUp(`{ name: 'events', project, enrich: [{ identify: {} }] }`);
  const set = (plan: string) => event(1, { event_type: '$identify', user_properties: { $set: { plan } } });
  write('day.ndjson', `${set('free')}\n${set('pro')}\n${event(1)}\n`);
  const result = await tryIt(['day.ndjson', '--json']);
  expect(triedOf(result).map(({ events }) => events.length)).toEqual([1, 1, 1]);
  expect(result.stderr).toContain('3 to be sent, as 2: $identify events of one user are merged');
});

test('the source is the one with the longest prefix, or the one that is named', async () => {
  const { write, tryIt } = setUp(
    `{ name: 'all', prefix: 'in/', project }, { name: 'web', prefix: 'in/web/', project }`,
  );
  write('in/web/day.ndjson', lines(1));
  write('day.ndjson', lines(1));
  const found = await tryIt(['in/web/day.ndjson']);
  expect(found.stderr).toContain('source    web: ');
  const named = await tryIt(['day.ndjson', '--source', 'all']);
  expect(named.stderr).toContain('source    all: ');
  const none = await tryIt(['day.ndjson']);
  expect(none).toMatchObject({ code: 2, stdout: '' });
  expect(none.stderr).toContain(
    'day.ndjson: no source takes it; name one with --source: all (prefix "in/"), web (prefix "in/web/")',
  );
});

test('a dump that breaks off: what can be read of it, and why it ends', async () => {
  const { write, tryIt } = setUp(PLAIN);
  write('cut.ndjson.gz', gzipSync(lines(10)).subarray(0, -8));
  write('empty.ndjson', '');
  const cut = await tryIt(['cut.ndjson.gz', '--json']);
  expect(triedOf(cut)).toHaveLength(10);
  expect(cut.stderr).toMatch(/failure {3}.*cut.ndjson.gz is damaged/);
  expect(cut.code).toBe(1);
  const empty = await tryIt(['empty.ndjson']);
  expect(empty).toMatchObject({ code: 0, stdout: '' });
  expect(empty.stderr).toContain('0 looked at');
});

test.each([
  ['no dump', [], 'no dump is named'],
  ['two dumps', ['a', 'b'], 'try takes one dump'],
  ['a file that is not there', ['nowhere.ndjson'], 'nowhere.ndjson: no such file'],
  ['a pattern with several matches', ['d*.ndjson'], 'd*.ndjson stands for 2 dumps; name one of them'],
  ['a limit that is none', ['d1.ndjson', '--limit', '0'], '--limit: found "0", expected a whole number from 1'],
  ['an unknown option', ['d1.ndjson', '--live'], "Unknown option '--live'"],
  ['an unknown source', ['d1.ndjson', '--source', 'x'], '--source: found "x", expected one of events'],
  ['a bucket without a key', ['s3://bucket'], 'expected s3://bucket/key of one dump'],
])('%s is a usage error with one clear message and exit code 2', async (_, args, message) => {
  const { write, tryIt } = setUp(PLAIN);
  write('d1.ndjson', lines(1));
  write('d2.ndjson', lines(1));
  const { code, stdout, stderr } = await tryIt(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('    at ');
});

test('for a person: one below the other, side by side where COLUMNS says that there is room; colours only where they are wanted', async () => {
  const { write, tryIt } = setUp(PLAIN);
  write('day.ndjson', `${lines(1)}bad\n`);
  const piped = await tryIt(['day.ndjson']);
  expect(piped.stdout).toContain('record 1\n  {\n');
  expect(piped.stdout).toContain('→ event\n  {\n');
  expect(piped.stdout).toContain('→ rejected: record is not JSON\n');
  expect(piped.stderr).toContain('2 looked at');
  const wide = await tryIt(['day.ndjson'], { COLUMNS: '120' });
  expect(wide.stdout).toMatch(/^record 1 +│ → event$/m);
  expect(wide.stdout).toMatch(/^ {4}"user_id": "user-1", +│ {5}"event_type": "Seen",$/m);
  const colors = [{ FORCE_COLOR: '1' }, { FORCE_COLOR: '1', args: '--no-color' }, { NO_COLOR: '1' }, {}];
  const hasColor = colors.map(async ({ args, ...env }: Record<string, string>) =>
    (await tryIt(['day.ndjson', ...(args ? [args] : [])], env)).stdout.includes('\u001b['),
  );
  expect(await Promise.all(hasColor)).toEqual([true, false, false, false]);
});

test('an object in S3 is read where it lies; one that is not there is a usage error', async () => {
  const fauxqs = await startFauxqs();
  onTestFinished(fauxqs.stop);
  await fauxqs.createBucket('landing');
  const Key = 'in/web/day 1+ü.ndjson.gz';
  await fauxqs.s3.send(new PutObjectCommand({ Bucket: 'landing', Key, Body: gzipSync(lines(30)) }));
  const { directory, tryIt } = setUp(
    `{ name: 'all', prefix: 'in/', project }, { name: 'web', prefix: 'in/web/', project }`,
  );
  const env = {
    AWS_ENDPOINT_URL: fauxqs.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
  const before = listing(directory);
  const result = await tryIt([`s3://landing/${Key}`, '--from', '29', '--json'], env);
  expect(triedOf(result)).toMatchObject([{ position: 29 }, { position: 30 }]);
  expect(result.stderr).toContain(`s3://landing/${Key}  ndjson in gzip`);
  expect(result.stderr).toContain('source    web: ');
  expect(result.code).toBe(0);
  expect(listing(directory)).toEqual(before);
  const gone = await tryIt(['s3://landing/in/other.ndjson'], env);
  expect(gone).toMatchObject({ code: 2, stdout: '' });
  expect(gone.stderr).toContain('s3://landing/in/other.ndjson: no such object');
});
