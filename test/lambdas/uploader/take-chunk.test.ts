/** A message is done with or seen again; nothing it holds makes the uploader throw, and nothing of it is logged. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { takeChunk } from '../../../lambdas/uploader/take-chunk.ts';
import { encodeChunk } from '../../../shared/chunk.ts';
import { FAULTS } from '../../../local/simulator-faults.ts';
import { chunkOf, chunksOf, eventOf, eventsOf } from './chunks.ts';
import { KEY, openUploader, type Uploader } from './uploader.ts';
import { start } from './with-simulator.ts';
import { runs } from '../../runs.ts';

const NOWHERE = 'http://127.0.0.1:1';
const received = { receives: 3, maxTries: 50, group: 'lane-0' };

test('a message that is no chunk is tried again, in case a newer version can read it', async () => {
  const uploader = openUploader({ endpoint: NOWHERE });
  expect(await take(uploader, '{"v":7}\nsecret')).toBe(4_000);
  const error = 'chunk has version 7; this code reads version 1: deploy a newer one';
  expect(uploader.logs).toEqual([
    { level: 'warn', message: 'chunk is tried again', receives: 3, waitMs: 4_000, error },
  ]);
});

test('whatever the message, it is seen again, and nothing of it is logged', async () => {
  const uploader = openUploader({ endpoint: NOWHERE });
  const line = fc.oneof(fc.string(), fc.json(), fc.constant('{"v":1}'), fc.constant('{"v":1,"positions":"AQ=="}'));
  const property = fc.asyncProperty(line, fc.string(), async (first, second) => {
    expect(await take(uploader, `${first}\n${second}PRIVATE`)).toBeGreaterThan(0);
  });
  await fc.assert(property, { numRuns: runs(200) });
  expect(JSON.stringify(uploader.logs)).not.toContain('PRIVATE');
});

test('a chunk that is damaged waits, says why, and is dead in the end', async () => {
  const { uploader } = await start({ switches: { batchGzip: false } });
  const [chunk] = await chunksOf([eventsOf(2, 'a')]);
  const damaged = chunk ? encodeChunk({ ...chunk, crc32: 1 }) : '';
  const waits = [];
  for (let tries = 1; tries <= 4; tries += 1) waits.push(await take(uploader, damaged, { maxTries: 4 }));
  expect(waits).toEqual([1_000, 2_000, 4_000, undefined]);
  const reason = expect.stringMatching(/^chunk is damaged/);
  expect(uploader.logs).toMatchObject([
    ...[1, 2, 3].map(() => ({ level: 'warn', message: 'chunk wait', reason })),
    { level: 'error', message: 'chunk dead', reason },
  ]);
});

test('when not even a try can be booked, the message is seen again', async () => {
  const uploader = openUploader({ endpoint: NOWHERE });
  const [chunk] = await uploader.importChunks(eventsOf(2, 'a'));
  const down = () => Promise.reject(new Error('the ledger is down'));
  const ledger = { ...uploader.ports.ledger, unitState: down, countTry: down };
  const waitMs = await take(uploader, chunk ? encodeChunk(chunk) : '', { receives: 50 }, { ledger });
  expect(waitMs).toBe(300_000);
  expect(uploader.logs).toMatchObject([{ level: 'warn', error: 'the ledger is down' }]);
  expect(await uploader.books()).toMatchObject({ dead: 0, inFlight: 2 });
});

test.each([
  ['everything goes well', undefined],
  ['some are rejected', FAULTS.answer(400, { code: 400, events_with_invalid_fields: { event_type: [0] } })],
  ['Amplitude repeats what it got', FAULTS.answer(429, { code: 429, error: `'PRIVATE' ${KEY} PRIVATE` })],
  [
    'Amplitude repeats what it got, as it does not like it',
    FAULTS.answer(400, { code: 400, error: `Bad: PRIVATE, ${KEY}` }),
  ],
  ['the project is refused', FAULTS.answer(400, { code: 400, error: `Invalid API key: ${KEY}, PRIVATE` })],
  ['nothing can be read', FAULTS.notJson(500, { ingest: false })],
])('no log line has anything of an event or the key, when %s', async (_, fault) => {
  const { uploader } = await start({ faults: fault ? [{ ...fault, times: 3 }] : [] });
  const texts = [
    JSON.stringify(eventOf('PRIVATE', { event_type: 'PRIVATE' })),
    '{"PRIVATE',
    JSON.stringify(eventOf('b')),
  ];
  await take(uploader, encodeChunk(await chunkOf(0, texts, [1, 2, 3])));
  expect(uploader.logs).toHaveLength(1);
  expect(JSON.stringify(uploader.logs)).not.toMatch(new RegExp(`PRIVATE|${KEY}`));
});

async function take(
  uploader: Uploader,
  body: string,
  more: Partial<typeof received> = {},
  ports: Partial<Uploader['ports']> = {},
) {
  const deadLetters = uploader.deadLetters.upload;
  const taken = await takeChunk(body, { ...received, ...more }, { ...uploader.ports, deadLetters, ...ports });
  return taken.kind === 'again' ? taken.afterMs : undefined;
}
