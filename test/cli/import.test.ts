/** `import` on one machine: what a person sees, whatever the dumps are like. */
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { startSimulator } from '../../local/simulator.ts';
import { openSimulatorStore } from '../../local/simulator-store.ts';
import type { Receipt } from '../../shared/receipt.ts';
import { receiptsOf, runCli, startCli, temporaryDirectory } from './run-cli.ts';

function event(i: number, more: object = {}): string {
  return JSON.stringify({ event_type: 'Seen', user_id: `user-${i % 50}`, time: 1_700_000_000_000 + i, n: i, ...more });
}

function lines(count: number, from = 0): string {
  return Array.from({ length: count }, (_, i) => `${event(from + i)}\n`).join('');
}

/** Each gets a state of its own and the simulator in the test, whose store can be asked. */
async function setUp() {
  const directory = temporaryDirectory();
  const simulator = await startSimulator({ keep: 'ids' });
  onTestFinished(() => simulator.close());
  const options = ['--state', join(directory, 'state'), '--endpoint', simulator.url, '--json'];
  return { directory, simulator, importDumps: (...args: string[]) => runCli(['import', ...options, ...args]), options };
}

function expectClosed(receipt: Receipt): void {
  const { read, filtered, unusable, mapped, events, delivered, refused, parked, dead, inFlight } = receipt;
  expect(read).toBe(filtered + unusable + mapped);
  expect(events).toBe(delivered + refused + parked + dead + inFlight);
}

test('a dump is delivered once; the same again is recognised; --again or another name sends it again and stores nothing twice', async () => {
  const { directory, simulator, importDumps } = await setUp();
  const dump = join(directory, 'day.ndjson');
  writeFileSync(dump, lines(3_000));
  const first = await importDumps(dump);
  expect(first.code).toBe(0);
  expect(receiptsOf(first)).toMatchObject([{ dump, state: 'complete', read: 3_000, delivered: 3_000, inFlight: 0 }]);
  const { received } = { received: simulator.counts().events.received };

  const second = await importDumps(dump);
  expect(second.code).toBe(0);
  expect(receiptsOf(second)).toEqual(receiptsOf(first));
  expect(simulator.counts().events.received).toBe(received);

  copyFileSync(dump, join(directory, 'same.ndjson'));
  for (const args of [[dump, '--again'], [join(directory, 'same.ndjson')]]) {
    const [receipt] = receiptsOf(await importDumps(...args));
    expect(receipt).toMatchObject({ state: 'complete', delivered: 3_000 });
  }
  expect(simulator.counts().events.received).toBe(3 * received);
  expect(simulator.counts().stored).toBe(3_000);
});

test('without an endpoint the events are in the simulator of its state directory', async () => {
  const directory = temporaryDirectory();
  const dump = join(directory, 'day.ndjson');
  writeFileSync(dump, lines(20));
  const state = join(directory, 'state');
  expect(await runCli(['import', '--state', state, '--json', dump])).toMatchObject({ code: 0, stderr: '' });
  const store = openSimulatorStore(join(state, 'simulator.sqlite'));
  onTestFinished(() => store.close());
  const stored = [...store.events()].map(({ userId, time }) => ({ userId, time }));
  expect(stored).toEqual(Array.from({ length: 20 }, (_, i) => ({ userId: `user-${i}`, time: 1_700_000_000_000 + i })));
});

const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
const members = [lines(100), lines(100, 100)].map((text) => gzipSync(text));
const whole = gzipSync(lines(200));

/** For each dump: what its receipt says. */
const BAD_DUMPS: readonly [string, Buffer | string, Partial<Receipt>][] = [
  ['empty', '', { state: 'complete', read: 0, delivered: 0 }],
  ['only newlines', '\n\r\n  \n', { state: 'complete', read: 0 }],
  ['only bad lines', 'no\n[]\n{}\n"x"\n', { state: 'complete', read: 4, unusable: 4, delivered: 0 }],
  ['truncated gzip', whole.subarray(0, -20), { state: 'failed' }],
  ['gzip cut inside its second member', Buffer.concat(members).subarray(0, -30), { state: 'failed' }],
  [
    'gzip with zero padding between members',
    Buffer.concat([members[0] ?? whole, Buffer.alloc(512), whole]),
    { state: 'failed', delivered: 100 },
  ],
  ['gzip with trailing garbage', Buffer.concat([whole, Buffer.from('garbage')]), { state: 'failed', delivered: 200 }],
  [
    'gzip cut between members, in a record',
    gzipSync(lines(10).slice(0, -20)),
    { state: 'failed', delivered: 9, unusable: 1 },
  ],
  ['no newline at the end', lines(2).trimEnd(), { state: 'complete', read: 2, delivered: 2 }],
  ['CRLF and BOM', `\ufeff${lines(3).replaceAll('\n', '\r\n')}`, { state: 'complete', read: 3, delivered: 3 }],
  [
    'invalid UTF-8',
    Buffer.concat([Buffer.from(lines(1)), Buffer.from([0x22, 0xff, 0xfe, 0x22, 10])]),
    { read: 2, unusable: 1, delivered: 1 },
  ],
  ['NUL bytes', `${lines(1)}\0\0\0\n${event(1)}\0\n`, { read: 3, unusable: 2, delivered: 1 }],
  ['U+2028 in a string', `${event(1, { event_properties: { a: '\u2028\u2029' } })}\n`, { read: 1, delivered: 1 }],
  [
    'deep nesting',
    `{"event_type":"a","user_id":"user-1","event_properties":{"a":${deep}}}\n${deep}\n`,
    { read: 2, unusable: 2 },
  ],
  ['duplicate keys', '{"event_type":"a","user_id":"null","user_id":"user-1"}\n', { read: 1, delivered: 1 }],
];

test('bad dumps: each ends with a receipt that closes and says what was wrong; nothing valid is lost', async () => {
  const { directory, simulator, importDumps } = await setUp();
  const dumps = join(directory, 'with spaces, + and % ü');
  mkdirSync(dumps);
  const files = BAD_DUMPS.map(([name, content]) => {
    const path = join(dumps, `${name}.ndjson`);
    writeFileSync(path, content);
    return path;
  });
  const result = await importDumps(...files);
  expect(result.code).toBe(1);
  const receipts = receiptsOf(result);
  expect(receipts.map(({ dump }) => dump)).toEqual(files);
  for (const [i, receipt] of receipts.entries()) {
    expectClosed(receipt);
    expect(receipt, files[i]).toMatchObject(BAD_DUMPS[i]?.[2] ?? {});
    if (receipt.state === 'failed') expect(receipt.failure).toContain(receipt.dump);
  }
  const times = new Set([...simulator.stored()].map(({ insertId }) => insertId));
  expect(times.size).toBe(simulator.counts().stored);
}, 120_000);

test('a 40 MB line is a reject with its place, and the rest goes on', async () => {
  const { directory, importDumps } = await setUp();
  const dump = join(directory, 'long.ndjson');
  const long = event(1, { event_properties: { a: randomBytes(20 * 1024 * 1024).toString('hex') } });
  writeFileSync(dump, `${event(0)}\n${long}\n${event(2)}\n`);
  const [receipt] = receiptsOf(await importDumps(dump));
  expect(receipt).toMatchObject({
    state: 'complete',
    read: 3,
    unusable: 1,
    delivered: 2,
    reasons: { 'record is too long': 1 },
  });
  const rejects = gunzipSync(readFileSync(join(receipt?.rejectsAt ?? '', 'segment-000000.ndjson.gz'))).toString();
  expect(JSON.parse(rejects)).toMatchObject({ kind: 'unusable', position: 2, cutFrom: long.length });
});

test.each([
  ['a file that is not there', ['nowhere.ndjson'], 'nowhere.ndjson: no such file'],
  ['no dump at all', [], 'no dump is named'],
  ['an unknown option', ['--agian', 'x'], "Unknown option '--agian'; see s3-to-amplitude import --help\n"],
  [
    'an endpoint that is none',
    ['--endpoint', 'localhost:8080', 'package.json'],
    '--endpoint: the endpoint is localhost',
  ],
  ['an unknown source', ['--source', 'x', 'package.json'], '--source: found "x", expected one of events'],
  [
    'a configuration that is not there',
    ['--config', 'nowhere.ts', 'package.json'],
    'nowhere.ts; name one with --config',
  ],
  ['--live without a key', ['--live', 'package.json'], 'AMPLITUDE_API_KEY'],
])('%s is a usage error with one clear message and exit code 2', async (_, args, message) => {
  const state = join(temporaryDirectory(), 'state');
  const { code, stdout, stderr } = await runCli(['import', '--state', state, ...args]);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('    at ');
});

test('a directory without dumps is a usage error that says what was looked for', async () => {
  const { directory, importDumps } = await setUp();
  mkdirSync(join(directory, 'pictures'));
  writeFileSync(join(directory, 'pictures', 'a.png'), '');
  const { code, stderr } = await importDumps(join(directory, 'pictures'));
  expect(code).toBe(2);
  expect(stderr).toContain('looked for *.ndjson');
});

test('a wrong API key: every chunk is dead, nothing counts as delivered, one clear message; replay delivers it all', async () => {
  const { directory, simulator, options } = await setUp();
  const dump = join(directory, 'day.ndjson');
  writeFileSync(dump, lines(2_500));
  const wrong = await runCli(['import', ...options, dump], { AMPLITUDE_API_KEY: 'wrong-key' });
  expect(wrong.code).toBe(1);
  expect(receiptsOf(wrong)).toMatchObject([{ state: 'incomplete', delivered: 0, dead: 2_500, inFlight: 0 }]);
  expect(wrong.stderr.trim()).toBe('s3-to-amplitude: chunk dead: HTTP 400: Invalid API key');
  expect(simulator.counts().stored).toBe(0);

  const dry = await runCli(['replay', ...options, '--dry-run']);
  expect(dry.stderr).toContain('HTTP 400: Invalid API key');
  const replayed = await runCli(['replay', ...options], { AMPLITUDE_API_KEY: 'good-key' });
  expect(replayed.code).toBe(0);
  expect(receiptsOf(replayed)).toMatchObject([{ state: 'complete', delivered: 2_500, dead: 0 }]);
  expect(simulator.counts().stored).toBe(2_500);
});

test('kill -9 in the middle, then the same command: it goes on, the books close, nothing is stored twice or missing', async () => {
  const { directory, simulator, options } = await setUp();
  const dump = join(directory, 'day.ndjson.gz');
  const count = 60_000;
  writeFileSync(dump, gzipSync(lines(count), { level: 1 }));
  const config = join(directory, 'small-segments.config.ts');
  const shared = join(import.meta.dirname, '..', '..', 'shared', 'config.ts');
  writeFileSync(
    config,
    `import { defineImporter } from ${JSON.stringify(shared)};
     export default defineImporter({ segmentRecords: 7_000, uploaders: 2, sources: [{ name: 'events', project: { secret: 'x' } }] });`,
  );
  const args = ['import', ...options, '--config', config, dump];
  for (const enough of [1, 20_000]) {
    const { child, finished } = startCli(args);
    await waitUntil(() => simulator.counts().stored >= enough);
    child.kill('SIGKILL');
    await finished;
  }
  expect(simulator.counts().stored).toBeLessThan(count);
  const result = await runCli(args);
  expect(result.code).toBe(0);
  const [receipt] = receiptsOf(result);
  expect(receipt).toMatchObject({ state: 'complete', read: count, delivered: count, inFlight: 0 });
  const stored = [...simulator.stored()].map(({ insertId }) => insertId);
  expect(stored.length).toBe(count);
  expect(new Set(stored).size).toBe(count);
}, 120_000);

test('nobody answers: it says so once, waits, and Ctrl-C leaves everything to go on with', async () => {
  const { directory, simulator, options } = await setUp();
  const dump = join(directory, 'day.ndjson');
  writeFileSync(dump, lines(500));
  const { url } = simulator;
  const nobody = options.map((option) => (option === url ? 'http://127.0.0.1:1' : option));
  const { child, finished } = startCli(['import', ...nobody, dump]);
  let said = '';
  child.stderr.on('data', (text: string) => {
    said += text;
  });
  await waitUntil(() => said.includes('ECONNREFUSED'));
  child.kill('SIGINT');
  const stopped = await finished;
  expect(stopped.code).toBe(130);
  expect(receiptsOf(stopped)).toMatchObject([{ state: 'incomplete', delivered: 0 }]);
  expect(stopped.stderr.match(/ECONNREFUSED/g)).toHaveLength(1);

  const [receipt] = receiptsOf(await runCli(['import', ...options, dump]));
  expect(receipt).toMatchObject({ state: 'complete', delivered: 500 });
});

async function waitUntil(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
