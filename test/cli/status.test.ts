/** Which dumps are in and how far the others are, on both engines; and what the command says when it cannot tell. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { stackTrouble } from '../../cli/stack-trouble.ts';
import { showStatus, statusCommand } from '../../cli/status.ts';
import { UsageError } from '../../cli/usage.ts';
import { importMessage } from '../../lambdas/chunker/notification.ts';
import { dynamoLedger } from '../../shared/aws/ledger.ts';
import { dynamoLedgerView } from '../../shared/aws/ledger-view.ts';
import { defineImporter } from '../../shared/config.ts';
import { dumpId } from '../../shared/dump.ts';
import { isInUse, openState } from '../../shared/embedded/state.ts';
import { receiptKey } from '../../shared/receipt.ts';
import { startDynalite } from '../dynalite.ts';
import { DUMP, RUN } from '../lambdas/uploader/chunks.ts';
import { claimOf, newDump } from '../shared/ledger-fixtures.ts';
import { finish, haveDump, LOOK_ENGINES, requestOf, screenOf, type TestLook } from './looking.ts';
import { killChunks } from './replay-engines.ts';
import { temporaryDirectory } from './run-cli.ts';

const DAY = 86_400_000;

async function show(engine: TestLook, changes: Parameters<typeof requestOf>[0] = {}) {
  const { screen, text } = screenOf();
  const code = await showStatus(engine, requestOf(changes), screen);
  return { code, text: text() };
}

async function showJson(engine: TestLook, changes: Parameters<typeof requestOf>[0] = {}) {
  const { code, text } = await show(engine, { json: true, ...changes });
  const dumps = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]));
  return { code, dumps };
}

describe.each(LOOK_ENGINES)('%s', (_, open) => {
  test('where nothing was ever dropped, everything is in', async () => {
    const { code, text } = await show(await open());
    expect({ code, text }).toEqual({
      code: 0,
      text: 'nothing is under way, and nothing was begun in the last 48 hours\n',
    });
  });

  test('what is under way is listed however old, what is complete when it is recent or asked for', async () => {
    const engine = await open();
    const old = await haveDump(engine, { startedAt: Date.now() - 30 * DAY });
    const recent = await haveDump(engine);
    const open30 = await haveDump(engine, { startedAt: Date.now() - 30 * DAY, isClosed: false });
    const { code, dumps } = await showJson(engine);
    expect(dumps.map((dump) => [dump['dumpId'], dump['state']])).toEqual([
      [recent.run.dumpId, 'complete with rejects'],
      [open30.run.dumpId, 'uploading'],
    ]);
    expect(code).toBe(1);
    const named = await showJson(engine, { name: old.dump.key, allowed: { count: 3 } });
    expect(named).toMatchObject({ code: 0, dumps: [{ dumpId: old.run.dumpId, delivered: 1, rejected: 3 }] });
    expect(named.dumps[0]).toHaveProperty('segments.0.isComplete', true);
    expect(await showJson(engine, { name: open30.run.dumpId })).toMatchObject({ code: 4, dumps: [{ inFlight: 1 }] });
    expect(await showJson(engine, { name: 'landing/day', allowed: { count: 3 } })).toMatchObject({ code: 4 });
    expect((await showJson(engine, { name: 'landing/day' })).dumps).toHaveLength(3);
  });

  test('a dump in full has its reasons, and where its rejects and its receipt lie', async () => {
    const engine = await open();
    const { run, dump } = await haveDump(engine);
    const { text } = await show(engine, { name: run.dumpId });
    expect(text).toContain('         2  not JSON\n             1  no event_type\n');
    expect(text).toContain(
      `rejected  3, each with its place and reason in memory:rejects/${dump.key}-${run.dumpId}/run-1`,
    );
    expect(text).toContain(`receipt   memory:${receiptKey({ dump, dumpId: run.dumpId })}`);
    expect(text).toContain(`s3-to-amplitude rejects ${run.dumpId}${engine.options}\n`);
  });

  test('a dump with dead events says why, and which replay takes them; it needs a hand', async () => {
    const engine = await open();
    await killChunks(engine, [{ lane: 0 }, { lane: 1 }]);
    const { code, text } = await show(engine);
    expect(code).toBe(1);
    expect(text).toContain('2 events are dead: HTTP 400: Invalid API key\n');
    expect(text).toMatch(new RegExp(`s3-to-amplitude replay --dump ${RUN.dumpId}.*${engine.options}\n`));
    expect(text).toContain('dead: 2 upload; s3-to-amplitude dlq says why\n');
  });

  test('a dump whose message is dead was given up, though the ledger never heard of it', async () => {
    const engine = await open();
    await engine.deadLetters.intake.send([{ id: 'a', body: importMessage({ dump: DUMP }) }]);
    const { code, dumps } = await showJson(engine, { name: 'monday' });
    const why = expect.stringMatching(/^it was given up: received too often without an answer; the log /) as unknown;
    expect({ code, dumps }).toMatchObject({
      code: 1,
      dumps: [{ dumpId: dumpId(DUMP), state: 'given up', notes: [{ why }] }],
    });
    expect(await engine.deadLetters.intake.receive({ max: 10, visibilityMs: 0, waitMs: 1_000 })).toHaveLength(1);
  });

  test('a dump that was given up once and is in by now is complete', async () => {
    const engine = await open();
    const { dump } = await haveDump(engine);
    await engine.deadLetters.intake.send([{ id: 'a', body: importMessage({ dump }) }]);
    expect((await showJson(engine)).dumps).toMatchObject([{ state: 'complete with rejects' }]);
  });

  test('what waits for its turn says how many go before it', async () => {
    const engine = await open();
    await haveDump(engine, { isClosed: false });
    const next = newDump();
    const waiting = { id: dumpId(next), key: next.key, since: Date.now(), nextAt: 1, lapsesAt: 2 };
    const turn = { id: 'x', dumpId: 'x', key: 'x', openedAt: 1, isRead: false, progress: '', progressAt: 1 };
    await engine.ledger.saveLine(
      'web',
      { changedAt: 1, open: turn, waiting: [waiting] },
      (await engine.ledger.line('web')).rev,
    );
    const { code, dumps } = await showJson(engine, { name: next.key });
    const notes = [{ why: 'it waits for its turn, behind 1 dump' }];
    expect({ code, dumps }).toMatchObject({ code: 4, dumps: [{ state: 'announced', notes }] });
  });

  describe('a source that expects a file every day', () => {
    const expected = { every: 'day', by: '06:00', zone: 'Europe/Berlin' } as const;
    const project = { secret: 'amplitude/api-key' };
    const importer = defineImporter({ sources: [{ name: 'web', project, expect: expected }] });
    const agoOf = (days: number) => new Date(Date.now() - days * DAY).toISOString().slice(0, 10);
    const [day, other, tomorrow] = [agoOf(3), agoOf(4), agoOf(-1)];
    const why = 'expected by 06:00 Europe/Berlin, not there';

    test('has a row of its own when the file of the day is missing, and needs a hand', async () => {
      const engine = await open();
      await engine.ledger.claim(claimOf({ bucket: 'landing', key: `web/${other}.ndjson`, etag: 'e', size: 1 }));
      const { code, dumps } = await showJson(engine, { day, importer });
      expect({ code, dumps }).toMatchObject({
        code: 1,
        dumps: [{ dump: `web of ${day}`, state: 'missing', notes: [{ why }] }],
      });
      expect((await show(engine, { day, importer })).text).toContain(`    ${why}\n`);
    });

    test('has none when the file is there, whatever its state', async () => {
      const engine = await open();
      await engine.ledger.claim(claimOf({ bucket: 'landing', key: `web/${day}.ndjson`, etag: 'e', size: 1 }));
      expect((await showJson(engine, { day, importer })).dumps).toMatchObject([{ source: 'web' }]);
    });

    test('a file without a day in its name is that of the day before it came', async () => {
      const engine = await open();
      const dump = { bucket: 'landing', key: 'web/events.ndjson', etag: 'e', size: 1 };
      await engine.ledger.claim(claimOf(dump, { now: Date.parse(`${agoOf(2)}T03:00:00Z`) }));
      expect((await showJson(engine, { day, importer })).dumps).toMatchObject([{ source: 'web' }]);
      expect((await showJson(engine, { day: agoOf(2), importer })).dumps).toMatchObject([{ state: 'missing' }]);
    });

    test('is under way as long as the file is not due; --wait waits for it', async () => {
      const engine = await open();
      const { code, dumps } = await showJson(engine, { day: tomorrow, importer });
      expect({ code, dumps }).toMatchObject({
        code: 4,
        dumps: [{ state: 'expected', notes: [{ why: `${why} yet` }] }],
      });
      const waited = await showJson(engine, { day, importer, isWaiting: true, timeoutMs: 50 });
      expect(waited).toMatchObject({ code: 1, dumps: [{ state: 'missing' }] });
    });

    test('says nothing of it where a dump is named', async () => {
      const { dumps } = await showJson(await open(), { day, importer, name: 'app' });
      expect(dumps).toEqual([]);
    });
  });

  test('--date finds the dumps of a day by their names; nothing of that day is no good news', async () => {
    const engine = await open();
    for (const key of ['in/2026-11-20.ndjson', 'in/2026-11-19.ndjson']) {
      const dump = { ...newDump(), key };
      await engine.ledger.claim(claimOf(dump, { now: Date.parse('2026-11-20T23:00:00Z'), leaseUntil: 1 }));
      await engine.ledger.endDump({ dumpId: dumpId(dump), run: 1 }, 'anna', { segments: 0 });
      await engine.ledger.close({ dumpId: dumpId(dump), run: 1 }, 1);
    }
    expect(await showJson(engine, { day: '2026-11-20' })).toMatchObject({ code: 0, dumps: [{ state: 'complete' }] });
    expect(await show(engine, { day: '2026-11-18' })).toEqual({
      code: 1,
      text: 'no dump is known as 2026-11-18: it has not been dropped, or nobody was told of it\n',
    });
  });

  test('--wait waits for a dump that nobody knows yet, until it is complete', async () => {
    const engine = await open();
    let waited: ReturnType<typeof haveDump> | undefined;
    const list = engine.view.list;
    let looks = 0;
    const later: TestLook = {
      ...engine,
      view: {
        ...engine.view,
        async *list(state, since) {
          looks += state === 'reading' ? 1 : 0;
          if (looks === 2) waited ??= haveDump(engine, { isClosed: false });
          if (looks === 3) await finish(engine, (await waited)?.run ?? RUN);
          await waited;
          yield* list(state, since);
        },
      },
    };
    const { code, dumps } = await showJson(later, { name: 'day-', isWaiting: true, allowed: { count: 3 } });
    expect({ code, dumps }).toMatchObject({ code: 0, dumps: [{ delivered: 1, inFlight: 0, outcome: 'complete' }] });
    expect(looks).toBeGreaterThan(2);
  });

  test('--wait with --timeout says that it is still under way', async () => {
    const engine = await open();
    await haveDump(engine, { isClosed: false });
    expect(await showJson(engine, { isWaiting: true, timeoutMs: 20 })).toMatchObject({
      code: 4,
      dumps: [{ inFlight: 1 }],
    });
  });

  test('--watch, piped, prints a line when a dump has changed, and together with --wait it ends', async () => {
    const engine = await open();
    const { run, dump } = await haveDump(engine, { isClosed: false });
    let done: Promise<void> | undefined;
    const { screen, lines } = screenOf(() => (done ??= finish(engine, run)));
    const request = requestOf({ isWatching: true, isWaiting: true, allowed: { count: 3 } });
    expect(await showStatus(engine, request, screen)).toBe(0);
    const said = lines().map((line) => line.replace(/^\S+Z {2}/, ''));
    expect(said[0]).toBe(
      `${dump.key}  uploading: 4 read, 0 of 1 delivered, 3 rejected, 1 in flight; 3 rejects: s3-to-amplitude rejects ${run.dumpId}${engine.options}`,
    );
    expect(said.at(-1)).toContain(`${dump.key}  complete with rejects: 4 read, 1 of 1 delivered, 3 rejected`);
  });
});

test('on one machine what is on the intake queue is announced, and stopped when nobody is at work', async () => {
  const [, open] = LOOK_ENGINES[0] ?? [];
  const engine = await open?.();
  if (!engine) throw new Error('no embedded engine');
  await engine.queues.intake.send([{ id: 'a', body: importMessage({ dump: DUMP }) }]);
  expect(await showJson(engine)).toMatchObject({ code: 4, dumps: [{ state: 'announced', dumpId: dumpId(DUMP) }] });
  const stopped = await showJson({ ...engine, isAtWork: () => false });
  expect(stopped).toMatchObject({ code: 1, dumps: [{ state: 'stopped' }] });
});

test('the command looks into a state directory beside its import, and changes nothing', async () => {
  const directory = join(temporaryDirectory(), 'state');
  await expect(statusCommand.run(['--state', directory])).rejects.toThrow(`no state in ${directory}`);
  const state = openState(directory);
  expect(isInUse(directory)).toBe(true);
  expect(await statusCommand.run(['--state', directory, 'monday'])).toBe(1);
  state.close();
  expect(isInUse(directory)).toBe(false);
});

test.each([
  [['a', 'b'], 'status takes one dump or prefix'],
  [['--date', 'monday'], '--date: found "monday"'],
  [['--since', '2'], '--since: found "2"'],
  [['--timeout', '2h'], '--timeout: expected together with --wait'],
  [['--allow-rejects', 'some'], '--allow-rejects: found "some"'],
  [['--allow-rejects', '101%'], '--allow-rejects: found "101%"'],
  [['--stack', 'S3', '--state', 'x'], '--stack and --state exclude each other'],
])('%j is a usage error', async (args, message) => {
  const refused = statusCommand.run(args);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow(message);
});

test('a stack of an earlier release finds a dump by its id or its receipt, and says that it cannot list', async () => {
  const [, open] = LOOK_ENGINES[0] ?? [];
  const old = await startDynalite('old', { indexed: false });
  onTestFinished(() => old.stop());
  const embedded = await open?.();
  if (!embedded) throw new Error('no embedded engine');
  const ledger = dynamoLedger(old.client, old.table, { retentionDays: 30 });
  const engine: TestLook = { ...embedded, ledger, view: dynamoLedgerView(old.client, old.table) };
  const { dump, run } = await haveDump(engine);
  const receipt = { dump: `s3://landing/${dump.key}`, dumpId: run.dumpId };
  await engine.results.put(receiptKey({ dump, dumpId: run.dumpId }), Buffer.from(JSON.stringify(receipt)));
  for (const name of [run.dumpId, dump.key]) {
    expect(await showJson(engine, { name })).toMatchObject({ dumps: [{ delivered: 1, rejected: 3 }] });
  }
  await expect(show(engine)).rejects.toThrow('the stack is of an earlier release');
  await expect(show(engine, { name: 'unknown' })).rejects.toThrow(UsageError);
});

test.each([
  [{ name: 'CredentialsProviderError', message: 'none found' }, 'eu-west-1', 'no AWS credentials: set AWS_PROFILE'],
  [{ name: 'ExpiredToken', message: '' }, 'eu-west-1', 'credentials have expired'],
  [{ name: 'InvalidClientTokenId', message: '' }, 'eu-west-1', 'AWS does not know these credentials'],
  [{ name: 'AccessDenied', message: 'not authorized to' }, 'eu-west-1', 'may not look at stack S3: not authorized to'],
  [
    { name: 'ValidationError', message: 'Stack with id S3 does not exist' },
    'eu-west-1',
    'there is no stack S3 in eu-west-1 with these credentials; is the region right',
  ],
  [
    { name: 'Error', message: 'getaddrinfo ENOTFOUND cloudformation.eu-wst-1.amazonaws.com' },
    'eu-wst-1',
    'is the region right',
  ],
  [{ name: 'Error', message: 'Region is missing' }, undefined, 'no AWS region is set: set AWS_REGION'],
])('%j in %s tells a person what to do', (trouble, region, text) => {
  const error = stackTrouble(Object.assign(new Error(trouble.message), { name: trouble.name }), 'S3', region);
  expect(error?.message).toContain(text);
});

test('any other trouble stays what it is', () => {
  expect(stackTrouble(new Error('socket hang up'), 'S3', 'eu-west-1')).toBeUndefined();
});
