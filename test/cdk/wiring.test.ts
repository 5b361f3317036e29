/** The wiring pictures of docs/deploy.md: drawn from the template, and as it is now. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withWiring } from '../../cdk/draw-wiring.ts';
import { drawWiring, type Template } from '../../cdk/wiring.ts';
import { templateOf } from './stack-template.ts';

const DEPLOY_MD = readFileSync(join(import.meta.dirname, '../../docs/deploy.md'), 'utf8');

test('docs/deploy.md shows the stack as it is: when this fails, `npm run wiring` draws it anew', () => {
  expect(withWiring(DEPLOY_MD)).toBe(DEPLOY_MD);
});

test('from the bucket to Amplitude each step leads on to the next', () => {
  const drawing = drawWiring(templateOf().toJSON() as Template);
  const steps = [...drawing.matchAll(/^ {2}(\w+) -->(?:\|.*\|)? (\w+)$/gm)].map(([, from, to]) => `${from} ${to}`);
  const way = ['Landing', 'IntakeQueue', 'ChunkerFunction', 'UploadQueue', 'UploaderFunction', 'Amplitude'];
  for (const [i, from] of way.slice(0, -1).entries()) expect(steps).toContain(`${from} ${way[i + 1]}`);
});

test('a right that is given is an arrow that is drawn', () => {
  const hash = { fields: ['user_id'], secret: 'hash/key' };
  const sources = [{ name: 'days', project: { secret: 'amplitude/api-key' }, enrich: [{ hash }] }];
  const arrow = 'Secrets -->|keys| ChunkerFunction';
  expect(drawWiring(templateOf().toJSON() as Template)).not.toContain(arrow);
  expect(drawWiring(templateOf({ sources }).toJSON() as Template)).toContain(arrow);
});
