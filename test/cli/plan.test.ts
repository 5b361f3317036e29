/** `plan` as a person runs it: what it answers, how it explains it, and that it sends and writes nothing. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, onTestFinished, test } from 'vitest';
import { generateDump } from '../../bench/generate-dump.ts';
import type { Plan } from '../../cli/plan-figures.ts';
import { openS3Dump } from '../../cli/plan-object.ts';
import { startFauxqs } from '../fauxqs.ts';
import { receiptsOf, runCli, temporaryDirectory } from './run-cli.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CONFIG = join(ROOT, 'bench', 'bench.config.ts');

const plan = (...args: string[]) => runCli(['plan', '--config', CONFIG, ...args]);

function plansOf(stdout: string): Plan[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Plan);
}

function writeConfig(directory: string, source: string): string {
  const path = join(directory, 'importer.config.ts');
  const shared = JSON.stringify(join(ROOT, 'shared', 'config.ts'));
  const text = `import { defineImporter } from ${shared};\nexport default defineImporter({ sources: [${source}] });`;
  writeFileSync(path, text);
  return path;
}

test('a fifth of the events is of one device: Batch, because HTTP V2 would wait for it; as many chunks as the import then makes', async () => {
  const directory = temporaryDirectory();
  const dump = join(directory, 'day.ndjson.gz');
  await generateDump(dump, { rawBytes: 12_000_000, gzip: true, hotShare: 0.2 });
  const { code, stdout, stderr } = await plan('--json', dump);
  expect([code, stderr]).toEqual([0, '']);
  expect(readdirSync(directory)).toEqual(['day.ndjson.gz']);
  const [made] = plansOf(stdout);
  expect(made).toMatchObject({ api: 'batch', advice: { api: 'batch' }, dangers: [], isWhole: true });
  expect(made?.hottestDevices[0]?.id).toBe('terminal-berlin-1');
  expect(made?.apis['http-v2'].bound).toBe('device');
  expect(made?.advice.why).toContain('HTTP V2 takes 30 events/s of a device');

  const imported = await runCli(['import', '--config', CONFIG, '--state', join(directory, 'state'), '--json', dump]);
  const [receipt] = receiptsOf(imported);
  expect(made?.figures.events.value).toBe(receipt?.events);
  const chunks = made?.apis.batch.chunks.chunks.value ?? 0;
  expect(Math.abs(chunks - (receipt?.chunks ?? 0))).toBeLessThanOrEqual(2);
}, 60_000);

test('no busy device: HTTP V2 would do, since its events show at once', async () => {
  const directory = temporaryDirectory();
  const time = Date.now() - 3_600_000;
  const event = (i: number) => JSON.stringify({ event_type: 'Seen', user_id: `user-${i}`, time: time + i });
  writeFileSync(join(directory, 'day.ndjson'), Array.from({ length: 500 }, (_, i) => event(i)).join('\n'));
  const { code, stdout } = await plan(directory);
  expect(code).toBe(0);
  expect(stdout).toContain("use HTTP V2 (api: 'http-v2'): no device and no user is busy enough to matter");
  expect(stdout).toContain('ndjson; 500 records: 500 events, 0 filtered, 0 unusable');
  expect(stdout).toContain('pass-through: records are sent as they stand');
  expect(stdout).toContain('nothing is in danger');
});

test('the example day: its rejects by reason, exit code 1, and arithmetic only where it is asked for', async () => {
  const example = [
    'plan',
    '--config',
    join(ROOT, 'examples', 'day.config.ts'),
    join(ROOT, 'examples', 'day.ndjson.gz'),
  ];
  const short = await runCli(example);
  expect(short.code).toBe(1);
  expect(short.stdout).toContain('58 rejects');
  expect(short.stdout).toMatch(/rejects +8 {2}record is not JSON/);
  expect(short.stdout).toContain('mapped by map');
  expect(short.stdout).not.toMatch(/^ +=/m);
  const long = await runCli([...example, '--explain']);
  expect(long.stdout).toContain('= 19,925 events, counted');
  expect(long.stdout).toMatch(/= 11 requests × 0\.65 s each \/ 2 at a time/);
  expect(long.stdout).toMatch(/1,600 events of terminal-berlin-1 \/ 90 a chunk = 18 chunks, one every 3\.45 s/);
  expect(long.stdout).toMatch(
    /DynamoDB writes +~ \$\S+\n += \(1\.5 × 11 chunks \+ 2 × 1 segment \+ 9 × 1 dump\) units/,
  );
  // Every figure has its own.
  const lines = long.stdout.split('\n');
  const figures = lines.flatMap((line, i) =>
    /^ {2,4}\S.* {2}~ /.test(line) && !line.includes(', that of ') ? [i] : [],
  );
  expect(figures.length).toBeGreaterThan(20);
  for (const i of figures) expect(lines[i + 1], lines[i]).toMatch(/^ +=/);
});

test('several dumps: one line each and figures for all of them; a sample says that it is one', async () => {
  const directory = temporaryDirectory();
  for (const name of ['a', 'b']) {
    const event = (i: number) => JSON.stringify({ event_type: 'Seen', user_id: `user-${i}`, time: 1e12 + i });
    writeFileSync(
      join(directory, `${name}.ndjson`),
      `${Array.from({ length: 4_000 }, (_, i) => event(i)).join('\n')}\n`,
    );
  }
  const { stdout } = await plan('--json', '--sample', '1500', directory);
  const [made] = plansOf(stdout);
  expect(made?.dumps).toMatchObject([
    { dump: join(directory, 'a.ndjson'), read: 1_500, recordsFrom: 'extrapolated' },
    { dump: join(directory, 'b.ndjson'), read: 1_500, recordsFrom: 'extrapolated' },
  ]);
  expect(made?.figures.records.isEstimate).toBe(true);
  expect(Math.abs((made?.figures.records.value ?? 0) - 8_000)).toBeLessThan(100);
  const whole = plansOf((await plan('--json', '--sample', 'all', directory)).stdout)[0];
  expect(whole?.figures.records).toEqual({ value: 8_000, unit: 'records', isEstimate: false });
});

test('a source that pseudonymises needs no key to be planned', async () => {
  const directory = temporaryDirectory();
  const config = writeConfig(
    directory,
    `{ name: 'people', project: { secret: 'x' }, enrich: [{ hash: { fields: ['user_id'], secret: 'people/hash-key' } }] }`,
  );
  const dump = join(directory, 'day.ndjson');
  writeFileSync(dump, '{"event_type":"Seen","user_id":"anna@example.com","time":1}\n');
  const { code, stdout } = await runCli(['plan', '--config', config, dump]);
  expect(code).toBe(0);
  expect(stdout).toContain('with what 1 enrich step put into their text');
  expect(stdout).not.toContain('anna');
});

test('a route: what goes to each project and how long that takes, and that the whole takes as long as the slowest', async () => {
  const directory = temporaryDirectory();
  const config = writeConfig(
    directory,
    `{ name: 'shops', route: { by: '$record.tenant', otherwise: 'filter', projects: { acme: { secret: 'a' },
      globex: { secret: 'g', region: 'eu', projectEventsPerSecond: 10 } } } }`,
  );
  const event = (i: number) =>
    JSON.stringify({
      event_type: 'Seen',
      user_id: `user-${i % 40}`,
      time: Date.UTC(2026, 0),
      tenant: ['acme', 'acme', 'globex', 'x'][i % 4],
    });
  const dump = join(directory, 'day.ndjson');
  writeFileSync(dump, Array.from({ length: 400 }, (_, i) => event(i)).join('\n'));
  const { stdout } = await runCli(['plan', '--explain', '--config', config, dump]);
  expect(stdout).toContain('records are sent as they stand, and are parsed for the route, routed by $record.tenant');
  expect(stdout).toContain('ndjson; 400 records: 300 events, 100 filtered, 0 unusable');
  expect(stdout).toMatch(/^to project acme \(us\)\n {2}events +200\n +=/m);
  expect(stdout).toMatch(/^to project globex \(eu, at most 10 events\/s\)\n {2}events +100\n +=/m);
  expect(stdout).toMatch(/^ {2}Batch time +10 s, that of projectEventsPerSecond$/m);
  expect(stdout).toMatch(/^ {2}time +10 s, that of projectEventsPerSecond of project globex$/m);
  expect(stdout).toContain('= the longest, of project globex: 100 events / 10 a second');
  const [made] = plansOf((await runCli(['plan', '--json', '--config', config, dump])).stdout);
  expect(made?.projects).toMatchObject([
    { name: 'acme', figures: { users: { value: 20 } }, apis: { batch: { bound: 'uploads' } } },
    { name: 'globex', figures: { users: { value: 10 } }, apis: { batch: { bound: 'project', time: { value: 10 } } } },
  ]);
}, 120_000);

test('two sources are two plans', async () => {
  const directory = temporaryDirectory();
  const project = `project: { secret: 'x' }`;
  const config = writeConfig(
    directory,
    `{ name: 'a', prefix: 'a/', ${project} }, { name: 'b', prefix: 'b', ${project} }`,
  );
  writeFileSync(join(directory, 'b.ndjson'), '{"event_type":"Seen","user_id":"user-1","time":1}\n');
  writeFileSync(join(directory, 'c.ndjson'), '');
  const refused = await runCli(['plan', '--json', '--config', config, directory]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('c.ndjson: no source takes it');
  const named = await runCli(['plan', '--json', '--config', config, '--source', 'a', directory]);
  expect(plansOf(named.stdout).map(({ source }) => source)).toEqual(['a']);
});

test.each([
  ['no dump', [], 'no dump is named; see s3-to-amplitude plan --help'],
  ['a file that is not there', ['nowhere.ndjson'], 'nowhere.ndjson: no such file'],
  ['a sample of nothing', ['--sample', '0', 'x'], '--sample: found "0"'],
  ['an unknown option', ['--live', 'x'], "Unknown option '--live'; see s3-to-amplitude plan --help"],
  ['a bucket without a key', ['s3://bucket'], 'found "s3://bucket", expected an object as s3://bucket/key'],
])('%s is a usage error with one clear message and exit code 2', async (_, args, message) => {
  const { code, stdout, stderr } = await plan(...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});

test('an object in S3 is read where it lies, and one that is not there is none', async () => {
  const aws = await startFauxqs();
  onTestFinished(() => aws.stop());
  await aws.createBucket('dumps');
  await aws.s3.send(new PutObjectCommand({ Bucket: 'dumps', Key: 'a b.ndjson', Body: '{"event_type":"Seen"}\n' }));
  const opened = await openS3Dump('dumps', 'a b.ndjson', aws.s3);
  expect(opened?.dump).toMatchObject({ bucket: 'dumps', key: 'a b.ndjson', size: 22 });
  expect(String(opened && (await opened.dumps.read(opened.dump, 0, 22)))).toBe('{"event_type":"Seen"}\n');
  expect(await openS3Dump('dumps', 'nothing', aws.s3)).toBeUndefined();
});
