/** The bundles that `npm run synth` wrote: what a cold start has to load. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTemplate } from '../aws/template.ts';

type FunctionProperties = { readonly Code: { readonly S3Key: string }; readonly Handler: string };

test('each function is one file, small enough to load fast', () => {
  const template = readTemplate('http://sqs');
  const functions = template.resources<FunctionProperties>('AWS::Lambda::Function');
  const kilobytes = functions.map(({ id, properties: { Code, Handler } }) => {
    expect(Handler).toBe('index.handler');
    const { size } = statSync(join(template.assetFolder(Code.S3Key), 'index.mjs'));
    return { id: id.replace(/Function.*/, ''), size: Math.round(size / 1_000) };
  });
  expect(kilobytes).toEqual([
    { id: 'Chunker', size: expect.toSatisfy((size: number) => size < 960) },
    { id: 'Uploader', size: expect.toSatisfy((size: number) => size < 1_540) }, // undici is half of it
  ]);
});
