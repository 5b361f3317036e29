/** What of a dump can never be delivered: its reasons, its records, and files of them. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { rejectsCommand, showRejects, type ShowRejectsRequest } from '../../cli/rejects.ts';
import { UsageError } from '../../cli/usage.ts';
import { fileResults } from '../../shared/embedded/files.ts';
import { embeddedLedger } from '../../shared/embedded/ledger.ts';
import { openState } from '../../shared/embedded/state.ts';
import type { Results } from '../../shared/objects.ts';
import { rejectsFolder } from '../../shared/receipt.ts';
import { formatReject, parseReject, rejectsName } from '../../shared/rejects.ts';
import { haveDump, LOOK_ENGINES, screenOf, type TestLook } from './looking.ts';
import { temporaryDirectory } from './run-cli.ts';

const NOT_JSON = { kind: 'unusable', reason: 'not JSON', detail: 'Unexpected end' } as const;
const REJECTS = [
  { ...NOT_JSON, position: 3, bytes: Buffer.from('{"user":"anna') },
  { ...NOT_JSON, position: 7, bytes: Buffer.from([0xff, 0xfe]) },
  {
    kind: 'unusable',
    reason: 'no event_type',
    detail: 'found nothing',
    position: 9,
    bytes: Buffer.from('{"b":1,"c":12345678901234567890}'),
  },
] as const;

/** A dump with these rejects in two files; what Amplitude refused may lie before what the chunker found. */
async function haveRejects(
  engine: { readonly ledger: TestLook['ledger']; readonly results: Results },
  isClosed = true,
) {
  const { dump, run } = await haveDump(engine as TestLook, { isClosed });
  const folder = rejectsFolder({ dump, ...run });
  const file = (rejects: typeof REJECTS | readonly (typeof REJECTS)[number][]) =>
    gzipSync(rejects.map(formatReject).join(''));
  await engine.results.put(`${folder}/${rejectsName(0)}`, file(REJECTS.slice(0, 2)));
  await engine.results.put(`${folder}/${rejectsName(1)}`, file(REJECTS.slice(2)));
  return { dump, run };
}

async function show(engine: TestLook, changes: Partial<ShowRejectsRequest> & { dump: string }) {
  const [out, err] = [screenOf(), screenOf()];
  const request: ShowRejectsRequest = { form: 'people', limit: 20, ...changes };
  const code = await showRejects(engine, request, out.screen, err.screen);
  return { code, out: out.text(), err: err.text() };
}

describe.each(LOOK_ENGINES)('%s', (_, open) => {
  test('first the reasons with their counts, then the records as they stood', async () => {
    const engine = await open();
    const { dump, run } = await haveRejects(engine);
    const { code, out, err } = await show(engine, { dump: dump.key });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(
      out,
    ).toBe(`3 rejects of s3://landing/${dump.key} (${run.dumpId}), in memory:rejects/${dump.key}-${run.dumpId}/run-1
         2  not JSON
         1  no event_type

record 3: not JSON
  Unexpected end
  {"user":"anna

record 7: not JSON
  Unexpected end
  base64 //4=

record 9: no event_type
  found nothing
  {
    "b": 1,
    "c": 12345678901234567890
  }
`);
  });

  test('by reason, and no more than asked for', async () => {
    const engine = await open();
    const { run } = await haveRejects(engine);
    const { out } = await show(engine, { dump: run.dumpId, reason: 'NOT json', limit: 1 });
    expect(out).toContain('         2  not JSON\n\nrecord 3');
    expect(out).not.toContain('no event_type');
    expect(out).toContain('… and 1 more (--limit, or --out <file>)\n');
    expect((await show(engine, { dump: run.dumpId, reason: 'other' })).out).toContain(
      'none with "other" in its reason',
    );
  });

  test('as JSON they are the lines of the rejects files, and the reasons go elsewhere', async () => {
    const engine = await open();
    const { run } = await haveRejects(engine);
    const { out, err } = await show(engine, { dump: run.dumpId, form: 'json' });
    expect(out.split('\n').slice(0, -1).map(parseReject)).toEqual(REJECTS);
    expect(err).toContain('2  not JSON');
  });

  test('of a dump that is not complete, those so far', async () => {
    const engine = await open();
    const { run } = await haveRejects(engine, false);
    expect((await show(engine, { dump: run.dumpId })).out).toContain('so far; the dump is uploading');
  });

  test('a name of no dump, or of several, is refused with what to name', async () => {
    const engine = await open();
    const dumps = [await haveDump(engine), await haveDump(engine)];
    const refused = show(engine, { dump: 'landing' });
    await expect(refused).rejects.toThrow(UsageError);
    for (const { run } of dumps) await expect(refused).rejects.toThrow(run.dumpId);
    await expect(show(engine, { dump: 'nothing' })).rejects.toThrow('no dump is known as "nothing"');
  });
});

test('what was cut when it was kept is left out of the raw records, and counted', async () => {
  const [, open] = LOOK_ENGINES[0] ?? [];
  const engine = await open?.();
  if (!engine) throw new Error('no embedded engine');
  const { run, dump } = await haveRejects(engine);
  const cut = formatReject({ ...NOT_JSON, position: 1, bytes: Buffer.from('begin'), length: 9_000 });
  await engine.results.put(`${rejectsFolder({ dump, ...run })}/${rejectsName(2)}`, gzipSync(cut));
  const { out, err } = await show(engine, { dump: run.dumpId, form: 'raw' });
  expect(out.split('\n')[2]).toBe('{"b":1,"c":12345678901234567890}');
  expect(out).not.toContain('begin');
  expect(err).toContain('1 record too long to be kept whole: left out; take them from the dump');
});

test('--out writes a file for nobody else, and never over one that is there', async () => {
  const directory = temporaryDirectory();
  const state = openState(directory);
  onTestFinished(state.close);
  const engine = { ledger: embeddedLedger(state.db), results: fileResults(join(directory, 'results')) };
  const { run } = await haveRejects(engine);
  const path = join(directory, 'out.ndjson');
  const args = [run.dumpId, '--state', directory, '--out', path];
  expect(await rejectsCommand.run([...args, '--reason', 'event_type'])).toBe(0);
  expect(parseReject(readFileSync(path, 'utf8'))).toEqual(REJECTS[2]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await expect(rejectsCommand.run(args)).rejects.toThrow(`--out: ${path} is there already; name a new file`);
});

test.each([
  [[], 'no dump is named'],
  [['a', 'b'], 'rejects takes one dump'],
  [['a', '--json', '--raw'], '--json and --raw exclude each other'],
  [['a', '--limit', '0'], '--limit: found "0"'],
])('%j is a usage error', async (args, message) => {
  const refused = rejectsCommand.run(args);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow(message);
});
