/** Chunks of a source that sends to several projects: each with the key and the pace of its own. */
import { expect, test } from 'vitest';
import { takeLane } from '../../../lambdas/uploader/take-lane.ts';
import { takeChunk } from '../../../lambdas/uploader/take-chunk.ts';
import { encodeChunk } from '../../../shared/chunk.ts';
import { chunksOf, eventsOf } from './chunks.ts';
import { openUploader } from './uploader.ts';
import { start } from './with-simulator.ts';
import { deadOf, rejectsOf } from './written.ts';

const source = {
  project: { secret: 'own/key' },
  projectEventsPerSecond: 1_000,
  route: {
    by: 'event_properties.tenant',
    projects: {
      acme: { secret: 'acme/key', region: 'eu' as const },
      globex: { secret: 'globex/wrong-key', projectEventsPerSecond: 100 },
    },
    otherwise: 'project' as const,
  },
};

/** The simulator's keys are the names of the secrets. */
async function startRouted(options: Parameters<typeof start>[0] = {}) {
  const { uploader, simulator } = await start(options, { source });
  const ports = { ...uploader.ports, apiKey: async ({ secret }: { readonly secret: string }) => secret };
  return { uploader, simulator, ports: { ...ports, deadLetters: uploader.deadLetters.upload } };
}

const received = { receives: 1, maxTries: 50, sentAt: 0, group: 'lane-0' };
const keysOf = (simulator: Awaited<ReturnType<typeof startRouted>>['simulator']) =>
  [...simulator.stored()].map(({ apiKey, insertId }) => [apiKey, insertId]);

test('chunks of one lane go out together, but each project’s for itself', async () => {
  const { uploader, simulator, ports } = await startRouted();
  const chunks = await uploader.importChunks(...['a', 'b', 'c', 'd'].map((name) => eventsOf(1, name)));
  const projects = ['acme', 'acme', undefined, undefined];
  const messages = chunks.map((chunk, i) => {
    const { [i]: project } = projects;
    return { body: encodeChunk({ ...chunk, ...(project !== undefined && { project }) }), received };
  });
  await takeLane(messages, ports);
  expect(keysOf(simulator)).toEqual([
    ['acme/key', 'a-0'],
    ['acme/key', 'b-0'],
    ['own/key', 'c-0'],
    ['own/key', 'd-0'],
  ]);
  expect(simulator.counts().requests.batch).toEqual({ 200: 2 });
  expect(uploader.logs.map(({ project }) => project)).toEqual(projects);
});

test('a project rests for its own pace, or for that of the source', async () => {
  const { uploader, ports } = await startRouted();
  const chunks = await chunksOf([eventsOf(10, 'a'), eventsOf(10, 'b')]);
  const rests: unknown[] = [];
  const amplitude = { upload: async () => ({ kind: 'answer' as const, status: 200, body: '{"code":200}' }) };
  for (const [i, project] of ['acme', 'globex'].entries()) {
    const { [i]: chunk } = chunks;
    if (chunk) await takeChunk(encodeChunk({ ...chunk, project }), received, { ...ports, amplitude });
    rests.push(uploader.logs.at(-1)?.['rest']);
  }
  // 10 events × 32 lanes at 1,000 and at 100 events/s.
  expect(rests).toMatchObject([{ hiddenMs: 320 }, { hiddenMs: 3_200 }]);
});

test('a project whose key is wrong is dead with its name, and the others go on', async () => {
  const { uploader, simulator, ports } = await startRouted();
  const [first, second] = await uploader.importChunks(eventsOf(1, 'a'), eventsOf(1, 'b'));
  if (!first || !second) throw new Error('expected two chunks');
  await takeChunk(encodeChunk({ ...first, project: 'globex' }), received, ports);
  await takeChunk(encodeChunk({ ...second, project: 'acme' }), received, ports);
  const reason = 'HTTP 400: Invalid API key (project globex)';
  expect(await deadOf(uploader)).toMatchObject([{ attributes: { reason } }]);
  expect(keysOf(simulator)).toEqual([['acme/key', 'b-0']]);
});

test('what Amplitude refuses says whose it was', async () => {
  const { uploader, ports } = await startRouted({ silenced: ['device spam'] });
  const [chunk] = await uploader.importChunks([...eventsOf(1, 'spam'), ...eventsOf(1, 'fine')]);
  if (!chunk) throw new Error('expected a chunk');
  await takeChunk(encodeChunk({ ...chunk, project: 'acme' }), received, ports);
  expect(await rejectsOf(uploader)).toMatchObject([{ position: 1, detail: 'answered by Amplitude (project acme)' }]);
});

test.each([
  [source, 'initech', 'source web in importer.config.ts has no project named initech'],
  [
    { ...source, route: { ...source.route, otherwise: 'reject' as const }, project: undefined },
    undefined,
    'source web in importer.config.ts has no project of its own',
  ],
])('a chunk of a project that the configuration no longer has is dead, and says so', async (its, project, reason) => {
  const uploader = openUploader({ endpoint: 'http://127.0.0.1:1', source: its as typeof source });
  const [chunk] = await uploader.importChunks(eventsOf(1, 'a'));
  if (!chunk) throw new Error('expected a chunk');
  const ports = { ...uploader.ports, deadLetters: uploader.deadLetters.upload };
  await takeChunk(encodeChunk({ ...chunk, ...(project !== undefined && { project }) }), received, ports);
  expect(uploader.logs).toMatchObject([{ level: 'error', message: 'chunk dead', reason }]);
});
