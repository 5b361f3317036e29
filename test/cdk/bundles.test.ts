/** The bundles that `npm run synth` wrote: what a cold start has to load. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTemplate } from '../aws/template.ts';

type FunctionProperties = { readonly Code: { readonly S3Key: string }; readonly Handler: string };

test('what each function loads at its start is small enough to load fast', () => {
  const template = readTemplate('http://sqs');
  const functions = template.resources<FunctionProperties>('AWS::Lambda::Function');
  const kilobytes = functions.map(({ id, properties: { Code, Handler } }) => {
    expect(Handler).toBe('index.handler');
    const size = sizeAtStart(template.assetFolder(Code.S3Key), 'index.mjs', new Set());
    return { id: id.replace(/Function.*/, ''), size: Math.round(size / 1_000) };
  });
  expect(kilobytes).toEqual([
    { id: 'Chunker', size: expect.toSatisfy((size: number) => size > 100 && size < 700) },
    { id: 'Uploader', size: expect.toSatisfy((size: number) => size > 100 && size < 550) },
    { id: 'Watcher', size: expect.toSatisfy((size: number) => size > 100 && size < 600) },
  ]);
});

/** Bytes of a file and of all that it imports at once; what it imports with `import()` is for later. */
function sizeAtStart(folder: string, name: string, counted: Set<string>): number {
  if (counted.has(name)) return 0;
  counted.add(name);
  const path = join(folder, name);
  const imported = readFileSync(path, 'utf8').matchAll(/(?:from|import)"\.\/([^"]+\.mjs)"/g);
  return [...imported].reduce(
    (bytes, [, other = '']) => bytes + sizeAtStart(folder, other, counted),
    statSync(path).size,
  );
}
