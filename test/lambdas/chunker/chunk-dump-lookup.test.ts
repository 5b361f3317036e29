/** A reference file that changes: while a dump is read, between its readings, and from dump to dump. */
import { expect, test } from 'vitest';
import { openTransforms } from '../../../lambdas/chunker/transform.ts';
import type { EnrichStep } from '../../../shared/enrich-step.ts';
import { eventTexts, HURRIED, openChunker, takeChunks } from './chunker.ts';
import { eventLines, sourceOf } from './fixtures.ts';
import { PORTS } from './making.ts';
import { memoryReferences } from './memory-references.ts';

const lookup = (file = './plans.csv'): EnrichStep => ({
  lookup: { file, key: 'user_id', column: 'user', take: ['plan'] },
});
const plans = (plan: string) => `user,plan\n${Array.from({ length: 7 }, (_, i) => `user-${i},${plan}\n`).join('')}`;

/** 25 events in segments of 10, and a file of plans that each of their users has. */
function setUp() {
  const references = memoryReferences({ './plans.csv': plans('free') });
  const chunker = openChunker(eventLines(25), { source: sourceOf({ enrich: [lookup()] }) });
  const ports = { references, transformOf: openTransforms({ ...PORTS, references }) };
  const plansOf = async () => {
    const texts = (await takeChunks(chunker)).flatMap((chunk) =>
      eventTexts(chunk).map((text) => ({ run: chunk.run, text })),
    );
    return Map.groupBy(texts, ({ run, text }) => `run ${run}: ${/"plan":"(\w+)"/.exec(text)?.[1] ?? 'none'}`);
  };
  return { references, chunker, ports, plansOf };
}

test('a dump that was stopped goes on where it was if the file is the same', async () => {
  const { chunker, ports, plansOf } = setUp();
  expect(await chunker.run({ ...ports, ...HURRIED })).toMatchObject({ kind: 'unfinished', run: { run: 1 } });
  expect(await chunker.run(ports)).toMatchObject({ kind: 'read', run: { run: 1 }, read: 15 });
  expect([...(await plansOf())].map(([what, { length }]) => [what, length])).toEqual([['run 1: free', 25]]);
});

test('it starts anew if the file is another one, so that no chunk has other events under the same name', async () => {
  const { chunker, references, ports, plansOf } = setUp();
  await chunker.run({ ...ports, ...HURRIED });
  references.put('./plans.csv', plans('paid'));
  expect(await chunker.run(ports)).toMatchObject({ kind: 'read', run: { run: 2 }, read: 25 });
  expect([...(await plansOf())].map(([what, { length }]) => [what, length])).toEqual([
    ['run 1: free', 10],
    ['run 2: paid', 25],
  ]);
});

test('a file that is replaced while a dump is read changes nothing of that reading', async () => {
  const { chunker, references, ports, plansOf } = setUp();
  const { uploads } = chunker.ports;
  const send: typeof uploads.send = async (messages) => {
    references.put('./plans.csv', plans('paid'));
    await uploads.send(messages);
  };
  expect(await chunker.run({ ...ports, uploads: { send } })).toMatchObject({ kind: 'read', read: 25 });
  expect([...(await plansOf()).keys()]).toEqual(['run 1: free']);
});

test('a file that is replaced between the claim and its reading stops the dump, which is read later with the new one', async () => {
  const { chunker, references, ports, plansOf } = setUp();
  const { ledger } = chunker.ports;
  const claim: typeof ledger.claim = async (request) => {
    const claimed = await ledger.claim(request);
    references.put('./plans.csv', plans('paid'));
    return claimed;
  };
  await expect(chunker.run({ ...ports, ledger: { ...ledger, claim } })).rejects.toThrow('it was replaced');
  expect(await chunker.run({ ...ports, owner: 'ben' })).toMatchObject({ kind: 'read', read: 25 });
  expect([...(await plansOf()).keys()]).toEqual(['run 2: paid']);
});

test('a file that is not there stops the dump before it is claimed', async () => {
  const { chunker, ports } = setUp();
  const source = sourceOf({ enrich: [lookup('./none.csv')] });
  await expect(chunker.run({ ...ports, source })).rejects.toThrow('there is no such file');
  expect(await chunker.run(ports)).toMatchObject({ kind: 'read', run: { run: 1 }, read: 25 });
});

test('the table is loaded once for all dumps and sources, and again when the file is another one', async () => {
  const references = memoryReferences({ './plans.csv': plans('free') });
  const transformOf = openTransforms({ ...PORTS, references });
  const [one, two] = [sourceOf({ enrich: [lookup()] }), sourceOf({ enrich: [lookup(), { drop: ['ip'] }] })];
  const first = await transformOf(one);
  const loaded = references.reads.length;
  expect(await transformOf(one)).toBe(first);
  await transformOf(two);
  expect(references.reads).toHaveLength(loaded);
  references.put('./plans.csv', plans('paid'));
  await transformOf(two);
  expect(references.reads).toHaveLength(2 * loaded);
  expect(await transformOf(one)).not.toBe(first);
  expect(references.reads).toHaveLength(2 * loaded);
});

test('a file that was refused is read again with the next dump', async () => {
  const references = memoryReferences({ './plans.csv': 'user\n' });
  const transformOf = openTransforms({ ...PORTS, references });
  const source = sourceOf({ enrich: [lookup()] });
  await expect(transformOf(source)).rejects.toThrow('it has no rows');
  references.put('./plans.csv', plans('free'));
  await expect(transformOf(source)).resolves.toBeTypeOf('function');
});
